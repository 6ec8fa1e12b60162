"""The piecewise quadratic on which Polyak's heavy ball, tuned for quadratics, cycles for ever."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def lessard_recht_packard(
    *,
    start: Annotated[float, Param("starting point of every seed")] = 3.3,
) -> Problem:
    """A strongly convex function of one variable with a flat stretch in its slope.

    f'(x) = 25 x for x < 1, x + 24 for 1 <= x < 2, 25 x - 24 for x >= 2; f(0) = 0.

    Heavy ball with Polyak's tuning for quadratics (learning rate 1/9, momentum 4/9) runs from 3.3
    into the cycle 792/1225, -2208/1225, 2592/1225; gradient descent and Nesterov's method converge.
    Facts: mu = 1, L = 25, x* = 0, f* = 0.
    Start: `start`, for every seed.
    Source: Lessard, Recht and Packard, Analysis and design of optimization algorithms via integral
    quadratic constraints, 2016 (the counterexample to the heavy ball).
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        c = (x - 1).clamp(0, 1)
        g = torch.where(x < 1, 25 * x, torch.where(x < 2, x + 24, 25 * x - 24))
        return (12.5 * x * x - 24 * c * (x - 1) + 12 * c * c).sum(-1), g

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=25.0,
            strong_convexity=1.0,
            f_star=0.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=True,
            pl_constant=1.0,
        ),
        start=starts.always([start]),
        oracle=oracle,
        hessian_vector=lambda x, v: torch.where((x >= 1) & (x < 2), v, 25 * v),
        scale=100.0,
        domain=(-4.0, 4.0),
    )
