"""A function that is not convex and on which gradient descent still converges linearly."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from optbench.core.problem import Facts, Problem
from optbench.families import starts

DOMAIN = (-5.0, 5.0)


def polyak_lojasiewicz(*, start: starts.Point = "") -> Problem:
    """The example of Karimi, Nutini and Schmidt, in one variable.

    f(x) = x^2 + 3 sin^2 x.

    Facts: x* = 0, f* = 0, not convex (f'' = 2 + 6 cos 2x goes from -4 to 8), L = 8. The
    Polyak-Lojasiewicz constant is the minimum of f'(x)^2/(2 f(x)), computed: 0.17553...; its
    residual is the slope of that ratio. (The paper's 1/32 is valid but loose.)
    Start: 3 for seed 0, uniform on [-5, 5] for other seeds; `start` if it is given.
    Source: Karimi, Nutini and Schmidt, Linear convergence of gradient and proximal-gradient methods
    under the Polyak-Lojasiewicz condition, 2016, section 2.2.
    """
    constant, residual = _pl_constant()

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        return (x * x + 3 * x.sin().square()).sum(-1), 2 * x + 3 * (2 * x).sin()

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=8.0,
            f_star=0.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=False,
            pl_constant=constant,
            residuals={"pl_constant": residual},
        ),
        start=starts.given("polyak_lojasiewicz", start, 1) or starts.standard([3.0], DOMAIN),
        oracle=oracle,
        hessian_vector=lambda x, v: (2 + 6 * (2 * x).cos()) * v,
        scale=10.0,
        domain=DOMAIN,
    )


@functools.cache
def _pl_constant() -> tuple[float, float]:
    """Return the minimum of g^2/(2f) and the derivative there, by bisection on the derivative."""

    def ratio(x: float) -> tuple[float, float]:
        f, g, h = x * x + 3 * math.sin(x) ** 2, 2 * x + 3 * math.sin(2 * x), 2 + 6 * math.cos(2 * x)
        return g * g / (2 * f), g * (2 * f * h - g * g) / (2 * f * f)

    low, high = 2.0, 2.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if ratio(middle)[1] > 0 else (middle, high)
    value, slope = ratio(high)
    return value, abs(slope)
