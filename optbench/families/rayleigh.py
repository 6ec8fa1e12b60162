"""Rayleigh's quotient: a function of the direction alone, as of weights before a normalisation."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families.constant import Constant
from optbench.families.newton import hessian_vector_of
from optbench.families.starts import direction


def rayleigh(
    *,
    dim: Annotated[int, Param("number of variables d", low=2)] = 10,
    kappa: Annotated[float, Param("ratio of the extreme eigenvalues", above=1)] = 100.0,
    radius: Annotated[float, Param("norm of the start", above=0)] = 1.0,
    seed: Annotated[int, Param("makes the starts", low=0)] = 0,
) -> Problem:
    """A loss that does not change when its variables are scaled together.

    f(x) = x'A x/(2 |x|^2), A diagonal with eigenvalues log-uniform on [1/kappa, 1].

    The gradient is orthogonal to x, so that gradient descent has
    |x_(t+1)|^2 = |x_t|^2 + eta^2 |g_t|^2: the norm grows, and with it the effective step shrinks.
    Facts: f* = 1/(2 kappa) on the first axis (without the origin, where f has no value), not
    convex, no L.
    Start: a random direction for each seed, of norm `radius`.
    Source: van Laarhoven, L2 regularization versus batch and weight normalization, 2017.
    """
    values = np.geomspace(1.0 / kappa, 1.0, dim)
    # Above the smallest one, so that the gap is a sum of what is not negative.
    above = Constant(values - values[0])
    f_star = float(values[0]) / 2

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        square = x.square().sum(-1)
        ax = above.like(x) * x
        gap = 0.5 * (ax * x).sum(-1) / square
        return gap, (ax - 2 * gap[:, None] * x) / square[:, None]

    return Problem(
        facts=Facts(
            dim=dim,
            f_star=f_star,
            x_star=torch.eye(dim, dtype=torch.float64)[0],
            convex=False,
        ),
        start=lambda run_seed: radius * direction(dim, seed, run_seed),
        oracle=oracle,
        shift=f_star,
        hessian_vector=hessian_vector_of(oracle),
        nearest=lambda x: torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], dim=-1),
        seed=seed,
        domain=(-2.0, 2.0),
    )
