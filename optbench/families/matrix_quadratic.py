"""A convex quadratic whose variable is a matrix, for methods that act on matrices."""

from __future__ import annotations

from sys import float_info
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.layout import Block
from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families.constant import Constant
from optbench.families.starts import direction


def matrix_quadratic(
    *,
    rows: Annotated[int, Param("rows m of X", low=1, high=3000)] = 20,
    columns: Annotated[int, Param("columns n of X", low=1, high=3000)] = 10,
    kappa: Annotated[float, Param("condition number L/mu", low=1, high=1e12)] = 100.0,
    seed: Annotated[int, Param("makes A, B and X*", low=0)] = 0,
) -> Problem:
    """A matrix between two matrices.

    f(X) = 1/2 |A X B - C|_F^2, X of shape (m, n); x is X row by row.

    The Hessian is the Kronecker product of A'A and BB'. Both have log-uniform eigenvalues on
    [1/sqrt(kappa), 1] and random eigenvectors; when X is a single row or column the matrix on the
    longer side has them on [1/kappa, 1] and the other is 1 or -1.
    Facts: L = 1, mu = 1/kappa, f* = 0; X* is random with |X*|_F = 1, and C = A X* B.
    Start: X* and a random matrix of norm 1, another for each seed.
    Source: Gupta, Koren and Singer, Shampoo: Preconditioned stochastic tensor optimization, 2018,
    for Kronecker-factored preconditioners, which are exact here.
    """
    dim = rows * columns
    if dim == 1 and kappa != 1:
        raise SpecError(f"matrix_quadratic: one variable has kappa=1, got {kappa:g}")
    split = [
        1.0 if side == 1 else kappa ** (1.0 if dim == side else 0.5) for side in (rows, columns)
    ]
    generator = stream(seed, 0, "matrix")
    left = _factor(rows, split[0], generator)
    right = _factor(columns, split[1], generator)
    x_star = torch.from_numpy(stream(seed, 0, "solution").standard_normal(dim))
    x_star /= torch.linalg.vector_norm(x_star)
    A, B, x_min = Constant(left), Constant(right), Constant(x_star)

    def product(x: Tensor) -> Tensor:
        AXB: Tensor = A.like(x) @ x.reshape(-1, rows, columns) @ B.like(x)
        return AXB

    def pull_back(residual: Tensor) -> Tensor:
        return (A.like(residual).mT @ residual @ B.like(residual).mT).flatten(1)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        # From X - X*, so that the last digits of f are not lost in A X B - C.
        residual = product(x - x_min.like(x))
        return 0.5 * residual.square().sum((-2, -1)), pull_back(residual)

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=1.0,
            strong_convexity=1.0 / kappa,
            f_star=0.0,
            x_star=x_star,
            convex=True,
            pl_constant=1.0 / kappa,
            quadratic=True,
            residuals={
                "strong_convexity": 4 * (rows + columns) * float_info.epsilon * max(split) ** 0.5
            },
        ),
        start=lambda run_seed: x_star + direction(dim, seed, run_seed),
        oracle=oracle,
        hessian_vector=lambda x, v: pull_back(product(v)),
        blocks=(Block("X", (rows, columns)),),
        scale=0.5,
        seed=seed,
        domain=(-2.0, 2.0),
    )


def _factor(size: int, kappa: float, generator: np.random.Generator) -> np.ndarray:
    """Return a square matrix M with random singular vectors, eigenvalues of M'M on [1/kappa, 1]."""
    left, _ = np.linalg.qr(generator.standard_normal((size, size)))
    right, _ = np.linalg.qr(generator.standard_normal((size, size)))
    factor: np.ndarray = (left * np.geomspace(1.0 / kappa, 1.0, size) ** 0.5) @ right.T
    return factor
