"""The parabola: one variable, one curvature, every worked example."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def parabola(
    *,
    curvature: Annotated[float, Param("second derivative, L = mu", above=0)] = 2.0,
    center: Annotated[float, Param("minimiser x*")] = 0.0,
    start: Annotated[float, Param("starting point of every seed")] = 1.0,
) -> Problem:
    """A parabola in one variable.

    f(x) = curvature/2 (x - center)^2, so that the default is x^2.

    Facts: L = mu = curvature, x* = center, f* = 0. Gradient descent with learning rate eta has the
    closed form x_t - x* = (1 - eta curvature)^t (x_0 - x*): it converges exactly for
    0 < eta < 2/curvature.
    Start: `start`, for every seed.
    Source: Polyak, Introduction to Optimization, 1987, section 1.4.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - center
        g = curvature * e
        return 0.5 * (e * g).sum(-1), g

    gap = 0.5 * curvature * (start - center) ** 2
    reach = 1.5 * max(abs(start - center), 1.0)
    return Problem(
        facts=Facts(
            dim=1,
            smoothness=curvature,
            strong_convexity=curvature,
            f_star=0.0,
            x_star=torch.tensor([center], dtype=torch.float64),
            convex=True,
            pl_constant=curvature,
            quadratic=True,
        ),
        start=starts.always([start]),
        oracle=oracle,
        hessian_vector=lambda x, v: curvature * v,
        scale=gap or 0.5 * curvature,
        domain=(center - reach, center + reach),
    )
