"""A matrix as the product of two thin ones."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.layout import Block, Layout
from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families.constant import Constant
from optbench.families.newton import hessian_vector_of


def matrix_factorisation(
    *,
    rows: Annotated[int, Param("rows m of M", low=1, high=3000)] = 30,
    columns: Annotated[int, Param("columns n of M", low=1, high=3000)] = 20,
    rank: Annotated[int, Param("rank of M", low=1)] = 5,
    kappa: Annotated[float, Param("largest over smallest singular value of M", low=1)] = 10.0,
    width: Annotated[int, Param("columns r of U and V", low=1, high=3000)] = 5,
    l2: Annotated[float, Param("coefficient of the squared norms", low=0)] = 0.0,
    scale: Annotated[float, Param("standard deviation of the start's entries", above=0)] = 0.1,
    seed: Annotated[int, Param("makes M and the starts", low=0)] = 0,
) -> Problem:
    """A synthetic matrix, factored.

    f(U, V) = 1/2 |U V' - M|_F^2 + l2/2 (|U|_F^2 + |V|_F^2), U of shape (m, r) and V (n, r); x holds
    U, then V, row by row.

    Data: synthetic; M has `rank` singular values s_i, log-uniform on [1/kappa, 1], and random
    singular vectors. With r below the rank the best U V' is the r leading terms of M, with r above
    it the factors have columns to spare, and gradient descent slows down to a power of t.
    Facts: not convex, no L; without l2 every local minimum is global. f* = sum over i <= r of
    min(s_i, l2)^2/2 + l2 max(s_i - l2, 0), and over i > r of s_i^2/2: of the singular values l2
    is taken off.
    Start: normal entries of standard deviation `scale`, others for each seed.
    Source: Eckart and Young, The approximation of one matrix by another of lower rank, 1936; with
    l2 Srebro, Rennie and Jaakkola, Maximum-margin matrix factorization, 2005, lemma 1, and Cai,
    Candes and Shen, A singular value thresholding algorithm, 2010, theorem 2.1; the landscape:
    Ge, Jin and Zheng, No spurious local minima in nonconvex low rank problems, 2017.

    Raises:
        SpecError: When M has fewer rows or columns than its rank.
    """
    if rank > min(rows, columns):
        raise SpecError(f"matrix_factorisation: {rows} x {columns} is too small for rank {rank}")
    generator = stream(seed, 0, "matrix")
    left, _ = np.linalg.qr(generator.standard_normal((rows, rank)))
    right, _ = np.linalg.qr(generator.standard_normal((columns, rank)))
    s = np.geomspace(1.0, 1.0 / kappa, rank)
    shrunk = np.where(np.arange(rank) < width, np.maximum(s - l2, 0.0), 0.0)
    f_star = float((np.square(s - shrunk) / 2 + l2 * shrunk).sum())
    best, missed = Constant((left * shrunk) @ right.T), Constant((left * (s - shrunk)) @ right.T)
    layout = Layout((Block("U", (rows, width)), Block("V", (columns, width))))

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        U, V = layout.split(x)
        product, rest = U @ V.mT, missed.like(x)
        error = product - best.like(x)
        # M = best + missed: what does not depend on x is left out, and f* with it.
        gap = (0.5 * error.square() - product * rest).sum((-2, -1)) + 0.5 * l2 * x.square().sum(-1)
        slope = error - rest
        return gap, layout.join([slope @ V, slope.mT @ U]) + l2 * x

    return Problem(
        facts=Facts(dim=(rows + columns) * width, f_star=f_star, convex=False),
        start=lambda run_seed: torch.from_numpy(
            scale * stream(seed, run_seed, "start").standard_normal((rows + columns) * width)
        ),
        oracle=oracle,
        shift=f_star,
        hessian_vector=hessian_vector_of(oracle),
        blocks=layout.blocks,
        scale=0.5 * float(np.square(s).sum()),
        seed=seed,
        domain=(-2.0, 2.0),
    )
