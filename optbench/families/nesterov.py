"""Nesterov's worst functions: no method that stays in the span of the gradients is faster."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts
from optbench.families.constant import Constant


def nesterov_convex(
    *,
    T: Annotated[int, Param("number of steps t the bound is for; d = 2t + 1", low=1)] = 50,
    smoothness: Annotated[float, Param("L", above=0)] = 1.0,
) -> Problem:
    """Nesterov's worst smooth convex function for t steps, with k = 2t + 1 variables.

    f(x) = L/8 (x_1^2 + sum_i (x_i - x_(i+1))^2 + x_k^2) - L/4 x_1
    = L/4 (x'Mx/2 - x_1), M tridiagonal with rows (-1, 2, -1).

    After t steps any method whose steps lie in the span of the gradients seen has
    f(x_t) - f* >= 3 L R^2/(32 (t+1)^2). Each gradient reveals one more coordinate.
    Facts: x*_i = 1 - i/(k+1), f* = -(L/8)(1 - 1/(k+1)), R^2 = |x*|^2 = k (2k+1)/(6 (k+1)). L is
    the bound that the theorem uses; the Hessian's eigenvalues are L sin^2(i pi/(2k+2)), so mu is
    known too, tiny as it is.
    Start: the origin, for every seed.
    Source: Nesterov, Introductory Lectures on Convex Optimization, 2004, theorem 2.1.7.
    """
    k = 2 * T + 1
    slope = 1.0 / (k + 1)
    x_star = 1.0 - torch.arange(1, k + 1, dtype=torch.float64) * slope

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        d = _differences(x, 1.0)
        # The differences of x* are all -slope, so this is (x - x*)'M(x - x*), as a sum of squares.
        return smoothness / 8 * (d + slope).square().sum(-1), smoothness / 4 * -d.diff(dim=-1)

    mu = smoothness * math.sin(math.pi * slope / 2) ** 2
    return Problem(
        facts=Facts(
            dim=k,
            smoothness=smoothness,
            strong_convexity=mu,
            f_star=-smoothness / 8 * (1 - slope),
            x_star=x_star,
            convex=True,
            pl_constant=mu,
            quadratic=True,
        ),
        start=starts.always([0.0] * k),
        oracle=oracle,
        shift=-smoothness / 8 * (1 - slope),
        hessian_vector=lambda x, v: smoothness / 4 * -_differences(v, 0.0).diff(dim=-1),
        scale=smoothness * float(x_star @ x_star) / 2,
    )


def nesterov_strongly_convex(
    *,
    dim: Annotated[int, Param("number of variables d of the truncation", low=2)] = 500,
    kappa: Annotated[float, Param("condition number L/mu", above=1)] = 100.0,
    smoothness: Annotated[float, Param("L", above=0)] = 1.0,
) -> Problem:
    """Nesterov's worst smooth and strongly convex function, cut off after d variables.

    f(x) = (L - mu)/8 (x_1^2 + sum_i (x_i - x_(i+1))^2 + x_d^2 - 2 x_1) + mu/2 |x|^2.

    In infinitely many variables x*_i = q^i, q = (sqrt(kappa) - 1)/(sqrt(kappa) + 1), and any method
    whose steps lie in the span of the gradients seen has |x_t - x*|^2 >= q^(2t) R^2. The truncation
    follows it as long as q^d is negligible beside q^t.
    Facts: x*_i = (q^i - q^(2d+2-i))/(1 - q^(2d+2)), f* = -(L - mu)/8 x*_1; L and mu bound the
    Hessian's eigenvalues.
    Start: the origin, for every seed.
    Source: Nesterov, Introductory Lectures on Convex Optimization, 2004, theorem 2.1.13.
    """
    mu, root = smoothness / kappa, math.sqrt(kappa)
    coupling = (smoothness - mu) / 4
    q = (root - 1) / (root + 1)
    i = torch.arange(1, dim + 1, dtype=torch.float64)
    x_star = (q**i - q ** (2 * dim + 2 - i)) / (1 - q ** (2 * dim + 2))
    f_star = -coupling / 2 * float(x_star[0])
    minimum = Constant(x_star)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - minimum.like(x)
        f = coupling / 2 * _differences(e, 0.0).square().sum(-1) + mu / 2 * e.square().sum(-1)
        # From x itself: coordinates not yet reached get a gradient of exactly zero.
        return f, coupling * -_differences(x, 1.0).diff(dim=-1) + mu * x

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        return coupling * -_differences(v, 0.0).diff(dim=-1) + mu * v

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=smoothness,
            strong_convexity=mu,
            f_star=f_star,
            x_star=x_star,
            convex=True,
            pl_constant=mu,
            quadratic=True,
        ),
        start=starts.always([0.0] * dim),
        oracle=oracle,
        shift=f_star,
        hessian_vector=hessian_vector,
        scale=smoothness * float(x_star @ x_star) / 2,
    )


def _differences(x: Tensor, before: float) -> Tensor:
    """Return x_(i+1) - x_i, i = 0..d, where x_0 = before and x_(d+1) = 0: shape (B, d+1)."""
    edge = x.new_zeros(len(x), 1)
    return torch.cat([edge + before, x, edge], dim=-1).diff(dim=-1)
