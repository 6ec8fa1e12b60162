"""Rosenbrock's curved valley, in two variables and more."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts

DOMAIN = (-2.0, 2.0)


def rosenbrock(
    *,
    dim: Annotated[int, Param("number of variables d", low=2)] = 2,
    b: Annotated[float, Param("steepness of the valley's walls", above=0)] = 100.0,
    a: Annotated[float, Param("first coordinate of the minimiser")] = 1.0,
    start: starts.Point = "",
) -> Problem:
    """Rosenbrock's valley, in its chained form for d > 2.

    f(x) = sum_(i<d) b (x_(i+1) - x_i^2)^2 + (a - x_i)^2.

    Facts: f* = 0 at (a, a^2) for d = 2 and at (1, ..., 1) for a = 1; unknown for d > 2 and other a.
    Not convex, no L (the curvature grows like 12 b x^2); at (1, 1) with b = 100 the Hessian's
    eigenvalues are .399360767 and 1001.600639, a condition number of 2508.009601. For a = 1 and d
    of about 4 to 30 there is a second, local minimum near (-1, 1, ..., 1).
    Start: (-1.2, 1, -1.2, 1, ...) for seed 0, uniform on [-2, 2]^d for other seeds; `start`
    if it is given.
    Source: Rosenbrock, An automatic method for finding the greatest or least value of a function,
    1960; d > 2: Kok and Sandrock, Locating and characterizing the stationary points of the extended
    Rosenbrock function, 2009.
    """
    known = dim == 2 or a == 1
    x_star = torch.full((dim,), a, dtype=torch.float64)
    x_star[1] = a * a

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        # Fused operations: on small problems the number of calls is the cost.
        left = x[:, :-1]
        lift, short = torch.addcmul(x[:, 1:], left, left, value=-1), a - left
        pull = 2 * b * lift
        g = torch.zeros_like(x)
        g[:, 1:] = pull
        g[:, :-1].sub_(torch.addcmul(short, left, pull), alpha=2)
        return torch.addcmul(short * short, pull, lift, value=0.5).sum(-1), g

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        left = x[:, :-1]
        lift, bend = x[:, 1:] - left * left, v[:, 1:] - 2 * left * v[:, :-1]
        product = torch.zeros_like(x)
        product[:, 1:] = 2 * b * bend
        product[:, :-1] += 2 * v[:, :-1] - 4 * b * (lift * v[:, :-1] + left * bend)
        return product

    return Problem(
        facts=Facts(
            dim=dim,
            f_star=0.0 if known else None,
            x_star=x_star if known else None,
            convex=False,
        ),
        start=starts.given("rosenbrock", start, dim)
        or starts.standard([(-1.2, 1.0)[i % 2] for i in range(dim)], DOMAIN),
        oracle=oracle,
        hessian_vector=hessian_vector,
        scale=b,
        domain=DOMAIN,
    )
