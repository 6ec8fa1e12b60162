"""Powers: convex functions so flat at the minimiser that gradient descent is sublinear."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def power(
    *,
    p: Annotated[float, Param("exponent", low=2)] = 4.0,
    start: Annotated[float, Param("starting point of every seed")] = 1.0,
) -> Problem:
    """A power of the distance, in one variable.

    f(x) = |x|^p/p, p >= 2.

    Gradient descent with a small learning rate eta follows
    f(x_t) ~ ((p - 2) eta t)^(-p/(p-2))/p.
    Facts: x* = 0, f* = 0, convex. For p > 2 no L (the curvature grows without bound) and mu = 0;
    p = 2 is x^2/2.
    Start: `start`, for every seed.
    Source: the gradient flow x' = -x^(p-1), solved in closed form; cf. Nesterov, Lectures on Convex
    Optimization, 2018, section 4.2 (uniformly convex functions of degree p).
    """
    curvature = 1.0 if p == 2 else None

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        g = x * x.abs() ** (p - 2)
        return (x * g).sum(-1) / p, g

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=curvature,
            strong_convexity=curvature or 0.0,
            f_star=0.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=True,
            pl_constant=curvature,
            quadratic=p == 2 or None,
        ),
        start=starts.always([start]),
        oracle=oracle,
        hessian_vector=lambda x, v: (p - 1) * x.abs() ** (p - 2) * v,
        scale=1.0 / p,
        domain=(-1.5, 1.5),
    )
