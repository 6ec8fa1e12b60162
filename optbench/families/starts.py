"""Where runs start: a given point, a standard point, a random direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.parameters import Param, Vector, vector_of
from optbench.core.randomness import stream

Start = Callable[[int], Tensor]

Point = Annotated[Vector, Param("first point of every seed, as in 1.5/1.5")]
"""A family's parameter `start`; empty takes the family's own choice."""


def always(point: Sequence[float] | Tensor) -> Start:
    """Start every seed at the same point, shape (d,)."""
    fixed = torch.as_tensor(point, dtype=torch.float64)
    return lambda seed: fixed.clone()


def given(family: str, start: str, dim: int) -> Start | None:
    """Start every seed at the point that the user gave; None when none was given.

    Seeds then differ in their noise and minibatches only.

    Args:
        family: Whose start it is, for the message.
        start: Numbers joined by `/`, or nothing.
        dim: Number of variables d.

    Raises:
        SpecError: When there are not d numbers.
    """
    point = vector_of(start)
    if not point:
        return None
    if len(point) != dim:
        have, has = _counted(len(point), "number"), _counted(dim, "variable")
        raise SpecError(f"start has {have}, {family} has {has}")
    return always(point)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def standard(point: Sequence[float], domain: tuple[float, float]) -> Start:
    """Start seed 0 at a point of the literature, any other seed uniformly at random in a box.

    Args:
        point: The standard start, shape (d,).
        domain: (low, high) of every coordinate.
    """

    def start(seed: int) -> Tensor:
        if seed == 0:
            return torch.tensor(point, dtype=torch.float64)
        return torch.from_numpy(stream(0, seed, "start").uniform(*domain, len(point)))

    return start


def direction(dim: int, problem_seed: int, run_seed: int) -> Tensor:
    """Return a uniformly random unit vector of shape (dim,) for a run of a problem."""
    vector = stream(problem_seed, run_seed, "start").standard_normal(dim)
    return torch.from_numpy(vector / np.linalg.norm(vector))


def origin(dim: int, problem_seed: int) -> Start:
    """Start seed 0 at the origin, any other seed at a random unit vector."""
    return lambda seed: (
        torch.zeros(dim, dtype=torch.float64) if seed == 0 else direction(dim, problem_seed, seed)
    )
