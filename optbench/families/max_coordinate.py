"""The largest coordinate on a ball: the worst non-smooth function for subgradient methods."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def max_coordinate(
    *,
    dim: Annotated[int, Param("number of variables d; the bound is for d - 1 steps", low=1)] = 17,
    radius: Annotated[float, Param("radius R of the ball", above=0)] = 1.0,
) -> Problem:
    """The largest coordinate, minimised on a ball: convex, not smooth.

    f(x) = max_i x_i subject to |x| <= R.

    The subgradient shown is the unit vector of the first coordinate that is the largest. With steps
    R/sqrt(d) the best of d - 1 subgradient steps from the origin attains the bound
    R G/sqrt(n + 1), n = d - 1, that holds for every G-Lipschitz convex function.
    Facts: on the ball f* = -R/sqrt(d) at x*_i = -R/sqrt(d); G = 1 (without the ball f is unbounded
    below); no L. The gradient at x* is not zero: the ball holds it there.
    Start: the origin, for every seed.
    Source: Nesterov, Introductory Lectures on Convex Optimization, 2004, section 3.2.1; tight bound
    Drori and Teboulle, An optimal variant of Kelley's cutting-plane method, 2016.
    """
    f_star = -radius / math.sqrt(dim)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        first = x.argmax(dim=-1, keepdim=True)
        g = torch.zeros_like(x).scatter_(-1, first, 1.0)
        return x.amax(dim=-1) - f_star, g

    def project(x: Tensor) -> Tensor:
        norm = x.norm(dim=-1, keepdim=True)
        return torch.where(norm > radius, x * (radius / norm), x)

    return Problem(
        facts=Facts(
            dim=dim,
            strong_convexity=0.0,
            f_star=f_star,
            x_star=torch.full((dim,), f_star, dtype=torch.float64),
            convex=True,
            lipschitz=1.0,
        ),
        start=starts.always([0.0] * dim),
        oracle=oracle,
        shift=f_star,
        project=project,
        scale=radius,
        domain=(-radius, radius),
    )
