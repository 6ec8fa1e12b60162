"""A function of two variables on a grid, as plain numbers for figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbench.core.errors import OptbenchError
from optbench.core.problem import Problem
from optbench.core.spec import Spec
from optbench.families.find import build_problem

Array = NDArray[np.float64]

MOST = 32
"""Minimisers that a figure marks; more are points of a curve."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where a function of two variables is worth looking at.

    Attributes:
        domain: (low, high) of the box that figures show, in either variable; None if there is none.
        minimisers: Known minimisers in it, shape (k, 2); none of a curve of them.
    """

    domain: tuple[float, float] | None
    minimisers: Array


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """A function of two variables on a grid.

    Attributes:
        x: Abscissae, shape (n,).
        y: Ordinates, shape (n,).
        values: f(x, y) - f*, or f where f* is unknown, shape (n, n); NaN outside the set that the
            problem is constrained to.
        known: Whether it is f - f*.
    """

    x: Array
    y: Array
    values: Array
    known: bool


def surroundings(problem: Spec) -> Surroundings:
    """Return where to look at a problem.

    Args:
        problem: A complete spec of a problem in two variables.

    Raises:
        OptbenchError: When the problem cannot be built, or has not two variables.
    """
    import torch

    built = _built(problem)
    found = np.empty((0, 2))
    if built.nearest is not None:
        low, high = built.domain or (-2.0, 2.0)
        grid = torch.from_numpy(_grid(np.linspace(low, high, 25), np.linspace(low, high, 25)))
        nearest = np.unique(built.nearest(grid).numpy().round(9), axis=0)
        found = nearest if len(nearest) <= MOST else found
    elif built.facts.x_star is not None:
        found = built.facts.x_star.numpy().reshape(1, 2).astype(np.float64)
    return Surroundings(domain=built.domain, minimisers=found)


def landscape(
    problem: Spec, x: tuple[float, float], y: tuple[float, float], points: int = 161
) -> Landscape:
    """Evaluate a problem's function on a grid.

    Args:
        problem: As for `surroundings`.
        x: Ends of the abscissa.
        y: Ends of the ordinate.
        points: Points of each axis.

    Raises:
        OptbenchError: As `surroundings` does.
    """
    import torch

    built = _built(problem)
    across, up = np.linspace(*x, points), np.linspace(*y, points)
    grid = torch.from_numpy(_grid(across, up))
    values = built.value(grid) if built.value is not None else built.oracle(grid)[0]
    level = values.numpy() + (built.shift - (built.facts.f_star or 0.0))
    if built.project is not None:
        outside = (built.project(grid) - grid).norm(dim=-1).numpy() > 1e-9
        level = np.where(outside, np.nan, level)
    known = built.facts.f_star is not None
    return Landscape(x=across, y=up, values=level.reshape(points, points), known=known)


def _built(problem: Spec) -> Problem:
    built = build_problem(problem)
    if built.facts.dim != 2:
        raise OptbenchError(f"{problem} has {built.facts.dim} variables; contours need two")
    return built


def _grid(x: Array, y: Array) -> Array:
    """Return the points of a grid, shape (n m, 2), x fastest."""
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
