"""Log-sum-exp: a smooth maximum of affine functions, convex but not strongly."""

from __future__ import annotations

import functools
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families import starts
from optbench.families.constant import Constant
from optbench.families.newton import TOLERANCE, minimiser


def log_sum_exp(
    *,
    rows: Annotated[int, Param("number of affine functions n", low=2)] = 200,
    columns: Annotated[int, Param("number of variables d", low=1)] = 20,
    temperature: Annotated[float, Param("smoothing; 0 would be the maximum", low=1e-2)] = 1.0,
    seed: Annotated[int, Param("makes A and b", low=0)] = 0,
) -> Problem:
    """A smooth maximum of affine functions with normal coefficients.

    f(x) = temperature log sum_i exp((a_i'x - b_i)/temperature), rows a_i of A with sum_i a_i = 0.

    The rows sum to 0, so the origin lies inside their convex hull and a minimiser exists.
    Facts: L = |A|^2/(2 temperature), with the spectral norm of A (its Hessian's middle factor
    diag(p) - p p' has norm at most 1/2); |grad f| <= max_i |a_i|; convex and no more (far away it
    is as good as linear). x* and f* by Newton's method, residual stored.
    Start: the origin for seed 0, a random unit vector for other seeds.
    Source: the test function of O'Donoghue and Candes, Adaptive restart for accelerated gradient
    schemes, 2015; L from Boyd and Vandenberghe, Convex Optimization, 2004, section
    3.1.5.
    """
    if rows <= columns:
        raise SpecError(f"log_sum_exp: needs more rows than columns, got {rows} and {columns}")
    matrix, shifts = _coefficients(rows, columns, seed)
    x_min, f_star, residual = _solution(rows, columns, temperature, seed)
    if residual > TOLERANCE:
        raise SpecError(f"log_sum_exp: no minimiser to 1e-12 at temperature={temperature:g}")
    logits = (matrix @ x_min.numpy() - shifts) / temperature
    weights = np.exp(logits - f_star / temperature)
    A, x_star, p_star = Constant(matrix / temperature), Constant(x_min), Constant(weights)

    def value(x: Tensor) -> Tensor:
        return temperature * _gap(_logits(x), p_star.like(x))

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        u, p = _logits(x), p_star.like(x)
        gap = _gap(u, p)
        # p(x) - p(x*), times A: the term A'p(x*), which is zero, is left out with its rounding.
        change = p * torch.expm1(u - gap[:, None])
        return temperature * gap, temperature * (change @ A.like(x))

    def _logits(x: Tensor) -> Tensor:
        return (x - x_star.like(x)) @ A.like(x).T

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        p = torch.softmax(_logits(x) + p_star.like(x).log(), -1)
        u = v @ A.like(v).T
        return temperature * ((p * (u - (p * u).sum(-1, keepdim=True))) @ A.like(v))

    return Problem(
        facts=Facts(
            dim=columns,
            smoothness=float(np.linalg.norm(matrix, 2)) ** 2 / (2 * temperature),
            strong_convexity=0.0,
            f_star=f_star,
            x_star=x_min,
            convex=True,
            lipschitz=float(np.linalg.norm(matrix, axis=1).max()),
            residuals={"x_star": residual, "f_star": residual},
        ),
        start=starts.origin(columns, seed),
        oracle=oracle,
        shift=f_star,
        value=value,
        hessian_vector=hessian_vector,
        seed=seed,
        domain=(-2.0, 2.0),
    )


def _gap(u: Tensor, weights: Tensor) -> Tensor:
    """Return log sum_i w_i exp(u_i) for weights that sum to 1, exact near u = 0 and for large u."""
    top = u.amax(-1).clamp(min=0)
    return top + torch.log1p(torch.expm1(u - top[:, None]) @ weights)


@functools.cache
def _coefficients(rows: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    matrix = stream(seed, 0, "matrix").standard_normal((rows, columns))
    return matrix - matrix.mean(axis=0), stream(seed, 0, "shift").standard_normal(rows)


@functools.cache
def _solution(
    rows: int, columns: int, temperature: float, seed: int
) -> tuple[Tensor, float, float]:
    """Return x*, f* and the gradient's norm there, by Newton's method from the origin."""
    A, b = (torch.from_numpy(c) for c in _coefficients(rows, columns, seed))

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        z = (x @ A.T - b) / temperature
        return temperature * z.logsumexp(-1), torch.softmax(z, -1) @ A

    def hessian(x: Tensor) -> Tensor:
        p = torch.softmax((A @ x - b) / temperature, -1)
        mean = p @ A
        return (A.T * p @ A - torch.outer(mean, mean)) / temperature

    x, residual = minimiser(oracle, hessian, torch.zeros(columns, dtype=torch.float64))
    return x, float(oracle(x[None])[0]), residual
