"""Huber's function: the worst smooth convex function for gradient descent, one for each horizon."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def huber(
    *,
    tau: Annotated[float, Param("half-width of the parabola; 0 takes it from T", low=0)] = 0.0,
    smoothness: Annotated[float, Param("curvature L inside", above=0)] = 1.0,
    T: Annotated[int, Param("number of steps it is the worst case for", low=1)] = 100,
    step: Annotated[float, Param("h = L eta of the method it is made for", above=0)] = 1.0,
    radius: Annotated[float, Param("distance of the start from the minimiser", above=0)] = 1.0,
) -> Problem:
    """A parabola with straight arms, in one variable; default: the worst case after T steps.

    f(x) = L x^2/2 for |x| <= tau, else L tau |x| - L tau^2/2.

    Without `tau`, tau = radius/(2 h T + 1): T steps of gradient descent with learning rate h/L end
    at f(x_T) = L radius^2/(4 h T + 2), the largest value that any convex L-smooth function allows
    for h <= 1. It depends on T: no single function is the worst for every T.
    Facts: L, x* = 0, f* = 0, convex and no more, |f'| <= L tau.
    Start: radius, for every seed.
    Source: Drori and Teboulle, Performance of first-order methods for smooth convex minimization,
    2014, theorem 3.1; for h < 2 Kim, A proof of the exact convergence rate of gradient descent,
    2024, arXiv 2412.04427.
    """
    width = tau or radius / (2 * step * T + 1)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        inner = x.clamp(-width, width)
        # Inside, x = inner and this is L x^2/2; outside it is the straight arm.
        return smoothness * (inner * (x - 0.5 * inner)).sum(-1), smoothness * inner

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=smoothness,
            strong_convexity=0.0,
            f_star=0.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=True,
            lipschitz=smoothness * width,
        ),
        start=starts.always([radius]),
        oracle=oracle,
        hessian_vector=lambda x, v: smoothness * v * (x.abs() <= width),
        scale=smoothness * radius**2 / 2,
        domain=(-1.5 * radius, 1.5 * radius),
    )
