"""A task is tried once before anything runs, so that what is wrong with it is said at once."""

from __future__ import annotations

import torch
from torch import Tensor

from optbench.core.task import Split, Task

EXAMPLES = 2
"""Examples of the trial: batch norm cannot train on one."""


def rehearse(task: Task) -> str:
    """Make the model, and take its loss and gradient on two examples of each part.

    Args:
        task: The task.

    Returns:
        What is wrong with it, in one line; empty when nothing is.
    """
    splits = {"train": task.train, "validation": task.validation, "test": task.test}
    for name, split in splits.items():
        if split is not None and len(split) < EXAMPLES:
            return f"the {name} data has {len(split)} examples; it needs at least {EXAMPLES}"
    if not 1 <= task.batch_size <= len(task.train):
        return f"batch_size={task.batch_size}, and there are {len(task.train)} training examples"
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = task.module()
            if not isinstance(module, torch.nn.Module):
                return f"module() returned a {type(module).__name__}, not a torch.nn.Module"
            if not any(p.requires_grad for p in module.parameters()):
                return "the module has no parameters to train"
            complaints = [
                _complaint(task, module, split, name)
                for name, split in splits.items()
                if split is not None
            ]
    except Exception as error:  # a user's module or loss may raise anything
        return f"trying it on {EXAMPLES} examples raised {type(error).__name__}: {error}"
    return next(filter(None, complaints), "")


def _complaint(task: Task, module: torch.nn.Module, split: Split, name: str) -> str:
    """Try one part of the data."""
    module.train(name == "train")
    inputs, targets = split.to(torch.device("cpu"), torch.float32).batch(torch.arange(EXAMPLES))
    if name == "train" and task.augment is not None:
        import numpy as np

        places = np.arange(EXAMPLES)
        draws = task.augment.draw(np.random.default_rng(0), places, np.zeros_like(places))
        inputs = task.augment.apply(inputs, torch.from_numpy(draws))
    if inputs.is_floating_point() and not bool(inputs.isfinite().all()):
        return f"the {name} data holds NaN or infinity"
    output = module(inputs)
    losses = [task.loss] if name == "train" else [task.judged_by or task.loss]
    for what, function in (("loss", losses[0]), ("accuracy", task.accuracy)):
        if function is None:
            continue
        value = function(output, targets)
        if not isinstance(value, Tensor) or value.dim():
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            return f"the {what} is a {type(value).__name__}{shape}, not a scalar tensor"
    if name == "train" and not task.loss(output, targets).requires_grad:
        return "the loss does not depend on the module's parameters"
    return ""
