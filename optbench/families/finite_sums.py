"""Finite sums in one variable whose terms are known one by one."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.parameters import Param, Vector, vector_of
from optbench.core.problem import Facts, Problem
from optbench.families import starts
from optbench.families.constant import Constant

SHARPNESS = (0.1, 1.9)
"""Half the curvature at 1 of the two terms of `wu_ma_e`; their mean is that at 0, 1."""


def mean_estimation(
    *,
    points: Annotated[Vector, Param("a_1/a_2/..., the numbers to be averaged")] = "0/0/3",
    start: Annotated[float, Param("starting point of every seed")] = -1.0,
) -> Problem:
    """The mean of some numbers, as a sum of parabolas with equal curvature.

    f(x) = (1/n) sum_i (x - a_i)^2/2.

    The gradient of term i is x - a_i, so that a minibatch of size B has the variance of B numbers
    drawn from the a_i: S^2/B with replacement, (S^2/B)(n - B)/(n - 1) without, where
    S^2 = (1/n) sum_i (a_i - mean)^2, everywhere.
    Facts: L = mu = 1, x* = mean of the a_i, f* = S^2/2.
    Start: `start`, for every seed.
    Source: Cochran, Sampling Techniques, 1977, theorem 2.2; random reshuffling of such sums:
    Gurbuzbalaban, Ozdaglar and Parrilo, Why random reshuffling beats stochastic gradient descent,
    2021.
    """
    numbers = np.array(vector_of(points))
    if len(numbers) < 2:
        raise SpecError(
            f"mean_estimation: points has {len(numbers)} numbers, at least 2 are needed"
        )
    mean = float(numbers.mean())
    f_star = float(np.square(numbers - mean).mean()) / 2
    a = Constant(numbers)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - mean
        return 0.5 * (e * e).sum(-1), e

    def minibatch(x: Tensor, indices: Tensor) -> Tensor:
        return (x - a.like(x)[indices]).mean(-1, keepdim=True)

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=1.0,
            strong_convexity=1.0,
            f_star=f_star,
            x_star=torch.tensor([mean], dtype=torch.float64),
            convex=True,
            pl_constant=1.0,
            quadratic=True,
            noise_variance=None,
        ),
        start=starts.always([start]),
        oracle=oracle,
        shift=f_star,
        hessian_vector=lambda x, v: v.clone(),
        examples=len(numbers),
        minibatch=minibatch,
        scale=max(0.5 * (start - mean) ** 2, f_star) or 1.0,
        domain=(float(numbers.min()) - 1.0, float(numbers.max()) + 1.0),
    )


def wu_ma_e(
    *,
    start: Annotated[float, Param("starting point of every seed")] = 1.02,
) -> Problem:
    """Two minima of equal sharpness, of which stochastic gradients tell one from the other.

    f(x) = (f_1(x) + f_2(x))/2 with f_1(x) = min(x^2, (x - 1)^2/10) and
    f_2(x) = min(x^2, 19 (x - 1)^2/10).

    Both minima have curvature 2 in f, but the curvatures of the terms are 2 and 2 at 0, and .2 and
    3.8 at 1. Gradient descent with 0 < eta < 1 stays at either. With one random term a step
    E (x - 1)^2 grows by ((1 - .2 eta)^2 + (1 - 3.8 eta)^2)/2 a step at 1, which is above 1 for
    eta > .553, while at 0 the factor is (1 - 2 eta)^2: noise drives the iterates from 1 to 0.
    Facts: f* = 0 at 0 and at 1; not convex; kinks where the pieces cross, so no L.
    Start: `start`, for every seed.
    Source: Wu, Ma and E, How SGD selects the global minima in over-parameterized learning: a
    dynamical stability perspective, 2018, section 3.
    """
    weights = Constant(np.array(SHARPNESS))

    def terms(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return f_i, f_i' and f_i'' of points (B, 1), shape (B, 2)."""
        c, e = weights.like(x), x - 1
        left = x * x <= c * e * e
        f = torch.where(left, x * x, c * e * e)
        return f, torch.where(left, 2 * x, 2 * c * e), torch.where(left, 2.0, 2 * c)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g, _ = terms(x)
        return f.mean(-1), g.mean(-1, keepdim=True)

    return Problem(
        facts=Facts(
            dim=1,
            f_star=0.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=False,
            noise_variance=None,
        ),
        start=starts.always([start]),
        oracle=oracle,
        hessian_vector=lambda x, v: terms(x)[2].to(v).mean(-1, keepdim=True) * v,
        examples=2,
        minibatch=lambda x, i: terms(x)[1].gather(-1, i).mean(-1, keepdim=True),
        nearest=lambda x: (x > 0.5).to(x),
        domain=(-1.0, 2.0),
    )
