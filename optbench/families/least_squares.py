"""Linear least squares, over- and under-determined, as a finite sum."""

from __future__ import annotations

import functools
from sys import float_info
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


def least_squares(
    *,
    rows: Annotated[int, Param("number of equations n", low=1)] = 200,
    columns: Annotated[int, Param("number of unknowns d", low=1)] = 20,
    kappa: Annotated[
        float, Param("ratio of the extreme non-zero eigenvalues of A'A", low=1, high=1e12)
    ] = 100.0,
    noise: Annotated[float, Param("standard deviation of the noise in b", low=0)] = 0.1,
    seed: Annotated[int, Param("makes A, b and x*", low=0)] = 0,
) -> Problem:
    """Linear least squares; with rows < columns the solutions form an affine set.

    f(x) = 1/(2n) |A x - b|^2; the non-zero eigenvalues of A'A/n are log-uniform on [1/kappa, 1].

    Facts: L = 1; mu = 1/kappa, or 0 with more columns than rows; the PL constant is 1/kappa in both
    cases. x* is a unit vector of A's row space: the solution, or the one of least norm, to which
    gradient descent from the origin converges. b = A x* + r, where r is the part of the noise that
    is orthogonal to A's range (nothing is left of it when rows <= columns), so f* = |r|^2/(2n).
    Start: the origin for seed 0, a random unit vector for other seeds.
    Source: Bjorck, Numerical Methods for Least Squares Problems, 1996, section 1.2.
    """
    if min(rows, columns) == 1 and kappa != 1:
        raise SpecError(f"least_squares: a matrix of rank 1 has kappa=1, got {kappa:g}")
    left, singular, right = _decomposition(rows, columns, kappa, seed)
    weights = stream(seed, 0, "solution").standard_normal(len(singular))
    x_star = right @ (weights / np.linalg.norm(weights))
    r = _residual(left, noise, seed)
    matrix = (left * singular) @ right.T
    f_star = float(r @ r) / (2 * rows)
    A, b, x_min, basis = (Constant(c) for c in (matrix, matrix @ x_star + r, x_star, right))

    def residual(x: Tensor) -> Tensor:
        return (x - x_min.like(x)) @ A.like(x).T

    def value(x: Tensor) -> Tensor:
        return residual(x).square().sum(-1) / (2 * rows)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = residual(x)
        return e.square().sum(-1) / (2 * rows), (e @ A.like(x)) / rows

    def minibatch(x: Tensor, indices: Tensor) -> Tensor:
        a = A.like(x)[indices]
        e = torch.einsum("bnd,bd->bn", a, x) - b.like(x)[indices]
        return torch.einsum("bn,bnd->bd", e, a) / indices.shape[1]

    def nearest(x: Tensor) -> Tensor:
        e, v = x - x_min.like(x), basis.like(x)
        return x - (e @ v) @ v.T

    return Problem(
        facts=Facts(
            dim=columns,
            smoothness=1.0,
            strong_convexity=1.0 / kappa if columns <= rows else 0.0,
            f_star=f_star,
            x_star=torch.from_numpy(x_star),
            convex=True,
            pl_constant=1.0 / kappa,
            quadratic=True,
            noise_variance=None,
            residuals={"strong_convexity": columns * float_info.epsilon * kappa},
        ),
        start=starts.origin(columns, seed),
        oracle=oracle,
        shift=f_star,
        value=value,
        hessian_vector=lambda x, v: ((v @ A.like(v).T) @ A.like(v)) / rows,
        examples=rows,
        minibatch=minibatch,
        nearest=nearest if columns > rows else None,
        scale=0.5,
        seed=seed,
        domain=(-2.0, 2.0),
    )


@functools.cache
def _decomposition(
    rows: int, columns: int, kappa: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return U (n, r), s (r,), V (d, r) of A = U diag(s) V', r = min(n, d)."""
    generator = stream(seed, 0, "matrix")
    rank = min(rows, columns)
    left, _ = np.linalg.qr(generator.standard_normal((rows, rank)))
    right, _ = np.linalg.qr(generator.standard_normal((columns, rank)))
    eigenvalues = np.geomspace(1.0 / kappa, 1.0, rank)
    return left, np.sqrt(rows * eigenvalues), right


def _residual(left: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Return the part of normal noise that is orthogonal to A's range, shape (n,)."""
    rows, rank = left.shape
    z = noise * stream(seed, 0, "noise").standard_normal(rows)
    orthogonal: np.ndarray = z - left @ (left.T @ z) if rows > rank else np.zeros(rows)
    return orthogonal
