"""Classes in torch's form: `torch.optim`, other packages, a user's own file.

A class fits when it is built as `Class(params, lr=..., ...)` and has `step()` or `step(closure)`.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from typing import Any

import torch

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Session, StepMethod, gradient_parameters
from optbench.core.parameters import (
    LEARNING_RATE,
    MOMENTUM,
    TUNING,
    Number,
    Param,
    Parameter,
    Value,
)
from optbench.core.registry import USER_MODULE

_NUMBERS = {"lr": LEARNING_RATE, "momentum": MOMENTUM}


def adapt(cls: type, name: str) -> StepMethod:
    """Make a step method of a class in torch's form.

    Args:
        cls: The class; its first argument is the list of parameters to be optimized.
        name: What the user calls it.

    Returns:
        The method. Its hyperparameters are those of the class's signature; a tuple such as
        `betas=(0.9, 0.999)` becomes `beta1` and `beta2`.

    Raises:
        OptbenchError: When the class has no `step`.
    """
    if not callable(getattr(cls, "step", None)):
        raise OptbenchError(f"{name} is not an optimizer: it has no step() method")
    return StepMethod(
        run=functools.partial(_run, cls, name),
        parameters={**_parameters(cls), **gradient_parameters()},
        documentation=inspect.cleandoc(cls.__doc__ or f"{name}: no documentation."),
        check=functools.partial(_check, cls, name),
        package="" if cls.__module__.startswith(USER_MODULE) else cls.__module__.partition(".")[0],
    )


def _parameters(cls: type) -> dict[str, Parameter]:
    found = {}
    for argument in list(inspect.signature(cls).parameters.values())[1:]:
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            continue
        name, default = argument.name, argument.default
        if isinstance(default, torch.Tensor):
            default = default.item()
        if isinstance(default, tuple):
            for index, part in enumerate(default, start=1):
                piece = f"{name.removesuffix('s')}{index}"
                found[piece] = Parameter(piece, type(part), part, Param(f"{name}[{index - 1}]"))
            continue
        if default is argument.empty or not isinstance(default, int | float | bool | str):
            default = None
        # torch writes 0 and 1 for numbers that need not be whole.
        kind = Number if type(default) is int else type(default)
        kind = float if name in _NUMBERS else kind
        found[name] = Parameter(name, kind, default, _NUMBERS.get(name, Param("")))
    return found


def _arguments(cls: type, hyper: dict[str, Value]) -> dict[str, Any]:
    """Put the pieces of tuples together again."""
    arguments: dict[str, Any] = dict(hyper)
    for argument in inspect.signature(cls).parameters.values():
        if isinstance(argument.default, tuple):
            stem = argument.name.removesuffix("s")
            pieces = [arguments.pop(f"{stem}{i}") for i in range(1, len(argument.default) + 1)]
            arguments[argument.name] = tuple(pieces)
    return arguments


def _check(cls: type, name: str, **hyper: Value) -> None:
    """Build the optimizer once, so that what it refuses is said before anything runs."""
    numbers = {key: 1.0 if TUNING.fullmatch(str(v)) else v for key, v in hyper.items()}
    try:
        cls([torch.nn.Parameter(torch.zeros(2))], **_arguments(cls, numbers))
    except Exception as error:
        raise OptbenchError(f"{name} refuses these arguments: {error}") from error


def _run(cls: type, name: str, session: Session, **hyper: Value) -> str:
    point = torch.nn.Parameter(session.x.clone())
    shape = point.shape
    optimizer = cls([point], **_arguments(cls, hyper))
    closure_argument = inspect.signature(optimizer.step).parameters.get("closure")
    # Where the closure is optional the gradient is there before the step, as in a training loop.
    needs_closure = closure_argument is not None and closure_argument.default is inspect._empty
    groups = getattr(optimizer, "param_groups", [])
    rates = [group.get("lr") for group in groups]

    def closure() -> torch.Tensor:
        f, g = session.evaluate(point.detach())
        point.grad = g
        return f

    for t in itertools.count():
        for group, rate in zip(groups, rates, strict=True):
            if rate is not None:
                group["lr"] = rate * session.factor(t)
        if needs_closure:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        if point.shape != shape:
            raise ValueError(
                f"{name} changed the parameter's shape from {tuple(shape)} to {tuple(point.shape)}"
            )
        session.log(point.detach())
    raise AssertionError("the session ends the loop")
