"""Hyperparameters of a class, read off its constructor."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Mapping
from typing import Any

import torch

from optbench.core.parameters import LEARNING_RATE, MOMENTUM, Number, Param, Parameter, Value

_NUMBERS = {"lr": LEARNING_RATE, "max_lr": LEARNING_RATE, "momentum": MOMENTUM}


def hyperparameters(cls: type, without: Collection[str] = ()) -> dict[str, Parameter]:
    """Return a class's hyperparameters by name.

    Args:
        cls: The class; the first argument of its constructor is what it optimizes.
        without: Arguments that are no hyperparameters.

    Returns:
        The parameters; a tuple such as `betas=(0.9, 0.999)` becomes `beta1` and `beta2`. A default
        that is no number or word is `None`, which leaves it to the class.
    """
    found = {}
    signature = inspect.signature(cls)
    places = places_of(signature)
    for argument in list(signature.parameters.values())[1:]:
        name, default = argument.name, argument.default
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD) or name in without:
            continue
        if isinstance(default, torch.Tensor):
            default = default.item()
        if isinstance(default, tuple):
            for piece in (key for key, (owner, _) in places.items() if owner == name):
                place = places[piece][1]
                found[piece] = _parameter(piece, default[place], Param(f"{name}[{place}]"))
            continue
        found[name] = _parameter(name, default, _NUMBERS.get(name, Param("")))
    return found


def _parameter(name: str, default: Any, param: Param) -> Parameter:
    if not isinstance(default, int | float | bool | str) or default == math.inf:
        default = None  # no plain data, or no number that a spec can hold
    # torch writes 0 and 1 for numbers that need not be whole.
    kind = Number if type(default) is int else type(default)
    kind = float if name in _NUMBERS else kind
    return Parameter(name, kind, default, param)


def places_of(signature: inspect.Signature) -> dict[str, tuple[str, int]]:
    """Return for each piece of a tuple its argument and its place there: beta1 to (betas, 0)."""
    return {
        f"{name if name.endswith('eps') else name.removesuffix('s')}{place + 1}": (name, place)
        for name, argument in signature.parameters.items()
        if isinstance(argument.default, tuple)
        for place in range(len(argument.default))
    }


def arguments(cls: type, hyper: Mapping[str, Value]) -> dict[str, Any]:
    """Return the arguments of the constructor: hyperparameters, tuples together again."""
    signature = inspect.signature(cls)
    places = places_of(signature)
    given: dict[str, Any] = {key: value for key, value in hyper.items() if key not in places}
    for key, (name, place) in places.items():
        if key in hyper:
            whole = list(given.get(name, signature.parameters[name].default))
            whole[place] = hyper[key]
            given[name] = tuple(whole)
    return given
