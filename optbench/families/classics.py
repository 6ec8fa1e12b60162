"""Classics in two variables: sums of squared residuals with flat corners or several minima."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from optbench.core.problem import Facts, Problem
from optbench.families import starts
from optbench.families.constant import Constant
from optbench.families.newton import hessian_vector_of

BEALE_DOMAIN = (-4.5, 4.5)
HIMMELBLAU_DOMAIN = (-5.0, 5.0)


def beale(*, start: starts.Point = "") -> Problem:
    """Beale's function: a valley with sharp corners and plateaus.

    f(x, y) = (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2.

    Facts: f* = 0 at (3, 1/2) only; not convex, no L.
    Start: (1, 1) for seed 0, uniform on [-4.5, 4.5]^2 for other seeds; `start` if it is given.
    Source: Beale, On an iterative method for finding a local minimum of a function of more than one
    variable, 1958; start of More, Garbow and Hillstrom, Testing unconstrained optimization
    software, 1981, problem 5.
    """

    def oracle(z: Tensor) -> tuple[Tensor, Tensor]:
        x, y = z.unbind(-1)
        u, v, w = 1.5 - x * (1 - y), 2.25 - x * (1 - y**2), 2.625 - x * (1 - y**3)
        gx = -2 * (u * (1 - y) + v * (1 - y**2) + w * (1 - y**3))
        gy = 2 * x * (u + 2 * y * v + 3 * y**2 * w)
        return u * u + v * v + w * w, torch.stack([gx, gy], dim=-1)

    return Problem(
        facts=Facts(
            dim=2, f_star=0.0, x_star=torch.tensor([3.0, 0.5], dtype=torch.float64), convex=False
        ),
        start=starts.given("beale", start, 2) or starts.standard([1.0, 1.0], BEALE_DOMAIN),
        oracle=oracle,
        hessian_vector=hessian_vector_of(oracle),
        scale=10.0,
        domain=BEALE_DOMAIN,
    )


def himmelblau(*, start: starts.Point = "") -> Problem:
    """Himmelblau's function: four minima of equal depth.

    f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2.

    Facts: f* = 0 at (3, 2) and, with y = 11 - x^2, at the three roots of x^3 + 3x^2 - 13x - 38
    (computed, residual stored); not convex, no L.
    Start: the origin for seed 0, uniform on [-5, 5]^2 for other seeds; `start` if it is given.
    Source: Himmelblau, Applied Nonlinear Programming, 1972, p. 428.
    """
    points = _himmelblau_minima()
    minima = Constant(points)

    def oracle(z: Tensor) -> tuple[Tensor, Tensor]:
        x, y = z.unbind(-1)
        u, v = x * x + y - 11, x + y * y - 7
        return u * u + v * v, torch.stack([4 * x * u + 2 * v, 2 * u + 4 * y * v], dim=-1)

    def nearest(z: Tensor) -> Tensor:
        candidates = minima.like(z)
        return candidates[torch.cdist(z, candidates).argmin(dim=-1)]

    return Problem(
        facts=Facts(
            dim=2,
            f_star=0.0,
            x_star=torch.tensor([3.0, 2.0], dtype=torch.float64),
            convex=False,
            residuals={"x_star": float(oracle(torch.from_numpy(points))[1].norm(dim=-1).max())},
        ),
        start=starts.given("himmelblau", start, 2)
        or starts.standard([0.0, 0.0], HIMMELBLAU_DOMAIN),
        oracle=oracle,
        hessian_vector=hessian_vector_of(oracle),
        nearest=nearest,
        scale=100.0,
        domain=HIMMELBLAU_DOMAIN,
    )


@functools.cache
def _himmelblau_minima() -> np.ndarray:
    """Return the four minimisers, shape (4, 2), polished by Newton's method on the residuals."""
    x = np.concatenate([[3.0], np.roots([1.0, 3.0, -13.0, -38.0])])
    y = 11 - x * x
    for _ in range(3):
        u, v, determinant = x * x + y - 11, x + y * y - 7, 4 * x * y - 1
        x, y = x - (2 * y * u - v) / determinant, y - (2 * x * v - u) / determinant
    return np.column_stack([x, y])
