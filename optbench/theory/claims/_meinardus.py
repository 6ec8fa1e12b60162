"""The quadratics on which conjugate gradients is as slow as its bound allows."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families.constant import Constant
from optbench.families.starts import always


def meinardus(
    *,
    steps: Annotated[int, Param("steps t after which the bound is attained", low=1)] = 10,
    kappa: Annotated[float, Param("condition number L/mu", above=1)] = 100.0,
) -> Problem:
    """A quadratic in t + 1 variables that no method can lower faster in t steps.

    f(x) = 1/2 sum_j lambda_j x_j^2, lambda_j = (L + mu)/2 - (L - mu)/2 cos(pi j/t), L = 1, with
    x_0j = sqrt(w_j)/lambda_j, w = 1/2 at both ends and 1 between.

    T_t((L + mu - 2 lambda)/(L - mu)) is 1 and -1 in turn at the lambda_j, and orthogonal in this
    start's weights to lambda times every polynomial of degree t - 1: it is the best residual
    polynomial, and |e_t|_A = |e_0|_A/T_t((kappa + 1)/(kappa - 1)) under conjugate gradients.
    Source: Meinardus, On an equation of Markoff type with conjugate gradients, 1963; Li, On
    Meinardus' examples for the conjugate gradient method, 2008.
    """
    mu, j = 1 / kappa, np.arange(steps + 1)
    values = (1 + mu) / 2 - (1 - mu) / 2 * np.cos(np.pi * j / steps)
    weights = np.where((j == 0) | (j == steps), 0.5, 1.0)
    curvatures = Constant(values)
    return Problem(
        facts=Facts(
            dim=steps + 1,
            smoothness=1.0,
            strong_convexity=mu,
            f_star=0.0,
            x_star=torch.zeros(steps + 1, dtype=torch.float64),
            convex=True,
            pl_constant=mu,
            quadratic=True,
        ),
        start=always(torch.from_numpy(np.sqrt(weights) / values)),
        oracle=lambda x: (0.5 * (curvatures.like(x) * x * x).sum(-1), curvatures.like(x) * x),
        hessian_vector=lambda x, v: curvatures.like(v) * v,
    )


MEINARDUS = f"{__name__}:meinardus"
