"""A task is tried once before anything runs, so that what is wrong with it is said at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from numbers import Integral, Real

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import UninitializedParameter

from optbench.core.errors import in_one_line
from optbench.core.layout import Block, Layout
from optbench.core.task import Pairs, Split, Task, Windows

EXAMPLES = 2
"""Examples that each part needs: batch norm cannot train on one."""


def rehearse(task: Task) -> str:
    """Make the model twice, and take its loss on a few examples of each part.

    Args:
        task: The task.

    Returns:
        What is wrong with it, in one line; empty when nothing is.
    """
    try:
        with warnings.catch_warnings():
            # torch broadcasts (b, 1) against (b,) to (b, b) and trains on nonsense.
            warnings.filterwarnings("error", message="Using a target size")
            return next(filter(None, _complaints(task)), "")
    except (
        Exception,
        SystemExit,
    ) as error:  # a user's module, loss or transform may raise anything
        return f"trying it on a few examples raised {in_one_line(error)}"


def make_module(task: Task, seed: int) -> nn.Module:
    """Make a task's model as runs of a seed do; torch's generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return task.module()


def layout_of(module: nn.Module) -> Layout:
    """Return the parameters that are trained, in the order of `named_parameters`."""
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    return Layout(tuple(Block(name, tuple(p.shape)) for name, p in named))


def _complaints(task: Task) -> Iterator[str]:
    """Yield what is wrong, "" for what is right; each line may rely on those before."""
    judges = {"validation": task.validation, "test": task.test}
    splits = {name: split for name, split in judges.items() if split is not None}
    splits = {"train": task.train} | splits
    yield _of_settings(task)
    for name, split in splits.items():
        yield _of_data(name, split)
    if not 1 <= task.batch_size <= len(task.train):
        yield f"batch_size={task.batch_size}, and there are {len(task.train)} training examples"
    if isinstance(task.module, nn.Module):
        yield "module must be a function that makes the model: module=lambda: torch.nn.Linear(2, 1)"
    module, again = make_module(task, 0), make_module(task, 0)
    yield _of_module(module, again)
    yield _of_stacks(task, module)
    for name, split in splits.items():
        module.train(name == "train")
        yield _of_loss(task, module, name, split)


def _of_settings(task: Task) -> str:
    for name in ("batch_size", "evaluation_batch"):
        value = getattr(task, name)
        if not isinstance(value, Integral) or value < 1:
            return f"{name} must be a whole number from 1 on, got {value!r}"
    if not isinstance(task.budget, Real):
        return f"budget must be a number of steps, got {task.budget!r}"
    if not callable(task.loss):
        return f"the loss must be a function of output and target, not a {type(task.loss).__name__}"
    return ""


def _of_data(name: str, split: Split) -> str:
    if not callable(getattr(split, "batch", None)):
        kind = type(split).__name__
        return f"the {name} data must be Pairs(inputs, targets) or Windows, not a {kind}"
    if isinstance(split, Pairs):
        parts = {"inputs": split.inputs, "targets": split.targets}
        for what, part in parts.items():
            if not isinstance(part, Tensor):
                return f"the {name} {what} must be a torch.Tensor, not a {type(part).__name__}"
        if len(split.inputs) != len(split.targets):
            sizes = f"{len(split.inputs)} inputs and {len(split.targets)} targets"
            return f"the {name} data has {sizes}"
        for what, part in parts.items():
            if part.is_floating_point() and not bool(part.isfinite().all()):
                bad = part.isfinite().logical_not().reshape(len(part), -1).any(1)
                first = int(bad.int().argmax())
                return f"the {name} {what} hold NaN or infinity, first in example {first}"
    if len(split) < EXAMPLES:
        return f"the {name} data needs at least {EXAMPLES} examples, and has {len(split)}"
    return ""


def _of_module(module: nn.Module, again: nn.Module) -> str:
    if not isinstance(module, nn.Module):
        return f"module() returned a {type(module).__name__}, not a torch.nn.Module"
    if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
        return "the module has lazy layers: give them their sizes, or call it once in module()"
    kinds = {p.dtype for p in module.parameters() if p.is_complex()}
    if kinds:
        return f"the module has parameters of dtype {kinds.pop()}; real ones are trained"
    if not layout_of(module).blocks:
        return "the module has no parameters to train"
    if module is again:
        return "module() returned the same model twice; it must make a new one for each run"
    if not all(map(torch.equal, module.parameters(), again.parameters())):
        return "module() must draw from torch's generator alone: one seed made two models"
    return ""


def _of_loss(task: Task, module: nn.Module, name: str, split: Split) -> str:
    """Try the functions of output and target on one part of the data."""
    chosen = _telling(split)
    inputs, targets = split.to(torch.device("cpu"), torch.float32).batch(chosen)
    if name == "train" and task.augment is not None:
        import numpy as np

        draws = task.augment.draw(np.random.default_rng(0), chosen.numpy(), 0 * chosen.numpy())
        inputs = task.augment.apply(inputs, torch.from_numpy(draws))
    if inputs.is_floating_point() and not bool(inputs.isfinite().all()):
        return f"the {name} inputs hold NaN or infinity"
    functions = {"loss": task.loss, "loss of evaluations": task.judged_by or task.loss}
    functions |= {"accuracy": task.accuracy} if task.accuracy else {}
    try:
        output = module(inputs)
        values = {what: function(output, targets) for what, function in functions.items()}
    except IndexError as error:
        return f"the {name} data does not fit the model: {_range(split)} and {error}"
    for what, value in values.items():
        if not isinstance(value, Tensor) or value.dim():
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            return f"the {what} is a {type(value).__name__}{shape}, not a scalar tensor"
        if not value.is_floating_point():
            return f"the {what} is of dtype {value.dtype}, not a real number"
        if _sums(functions[what], value, output, targets):
            return f"the {what} is the sum over the examples; it must be their mean"
    if name == "train" and not values["loss"].requires_grad:
        return "the loss does not depend on the module's parameters"
    if task.accuracy and not 0 <= float(values["accuracy"]) <= 1:
        return f"the accuracy must be in [0, 1], got {float(values['accuracy']):g}"
    return ""


def _of_stacks(task: Task, module: nn.Module) -> str:
    """Say why several runs cannot advance as one stacked model, where the task says they can."""
    if not task.stacks:
        return ""
    random = any(isinstance(part, _DropoutNd) and part.p > 0 for part in module.modules())
    if random or next(module.buffers(), None) is not None:
        return "stacks is for models without buffers (batch norm) and random numbers (dropout)"
    return ""


def _sums(
    function: Callable[[Tensor, Tensor], Tensor], value: Tensor, output: Tensor, targets: Tensor
) -> bool:
    """Tell whether a function's value doubles when every example is there twice."""
    if not isinstance(output, Tensor) or value == 0:
        return False
    twice = function(torch.cat([output, output]), torch.cat([targets, targets]))
    return bool(torch.isclose(twice, 2 * value, rtol=1e-4, atol=0))


def _telling(split: Split) -> Tensor:
    """Return examples (m,) among which are the extreme classes and tokens, m at least 2.

    A class that the model does not know is an error here, and stops the whole device on a GPU.
    """
    if isinstance(split, Windows):
        places = torch.stack([split.tokens.argmin(), split.tokens.argmax()])
        return (places // split.stride).clamp(max=len(split) - 1)
    parts = (split.targets, split.inputs) if isinstance(split, Pairs) else ()
    ends = [
        torch.stack([part.argmin(), part.argmax()]) // (part.numel() // len(part))
        for part in parts
        if part.dtype == torch.int64
    ]
    return torch.cat(ends) if ends else torch.arange(EXAMPLES)


def _range(split: Split) -> str:
    numbers = split.tokens if isinstance(split, Windows) else split.batch(_telling(split))[1]
    what = "tokens" if isinstance(split, Windows) else "targets"
    return f"{what} go from {numbers.min().item():g} to {numbers.max().item():g}"
