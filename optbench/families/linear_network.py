"""Products of matrices: forward, backward, and how they start."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from torch import Tensor

STARTS = ("random", "orthogonal", "balanced")


def forward(weights: Sequence[Tensor], inputs: Tensor) -> list[Tensor]:
    """Return the inputs and what each layer makes of them.

    Args:
        weights: W_1 ... W_N, shapes (B, width after, width before).
        inputs: Columns that go in, shape (B, inputs, k).

    Returns:
        H_0 = inputs and H_j = W_j H_(j-1), shapes (B, width, k).
    """
    return list(itertools.accumulate(weights, lambda h, W: W @ h, initial=inputs))


def pull_back(weights: Sequence[Tensor], tape: Sequence[Tensor], error: Tensor) -> list[Tensor]:
    """Return the gradient in each matrix of a function of the last layer.

    Args:
        weights: W_1 ... W_N.
        tape: What `forward` returned.
        error: The function's derivative in H_N, shape (B, outputs, k).

    Returns:
        Gradients of the shapes of the weights.
    """
    gradients = []
    for W, h in zip(reversed(weights), reversed(tape[:-1]), strict=True):
        gradients.append(error @ h.mT)
        error = W.mT @ error
    return gradients[::-1]


def balanced_factors(matrix: np.ndarray, widths: Sequence[int]) -> list[np.ndarray]:
    """Split a matrix evenly: W_N ... W_1 is the matrix and W_(j+1)'W_(j+1) = W_j W_j'.

    Args:
        matrix: Shape (outputs, inputs), of rank r at most the smallest width; of a larger rank the
            r largest singular values are kept.
        widths: Inputs, the widths between, outputs.

    Returns:
        W_1 ... W_N: with the singular value decomposition U S V', S^(1/N) V', S^(1/N), ...,
        U S^(1/N), filled up with zeros.
    """
    layers, rank = len(widths) - 1, min(widths)
    left, s, right = np.linalg.svd(matrix, full_matrices=False)
    root = s[:rank] ** (1 / layers)
    factors = []
    for j, (before, after) in enumerate(itertools.pairwise(widths)):
        core = np.diag(root)
        core = core @ right[:rank] if j == 0 else core
        core = left[:, :rank] @ core if j == layers - 1 else core
        factor = np.zeros((after, before))
        factor[: core.shape[0], : core.shape[1]] = core
        factors.append(factor)
    return factors


def starting_weights(
    init: str, scale: float, widths: Sequence[int], generator: np.random.Generator
) -> list[np.ndarray]:
    """Draw W_1 ... W_N.

    Args:
        init: `random`, entries of variance scale^2/width before; `orthogonal`, scale times
            orthonormal rows or columns; `balanced`, even parts of a random matrix of entries of
            variance scale^2/inputs.
        scale: How large.
        widths: Inputs, the widths between, outputs.
        generator: Where the draws come from.
    """
    if init == "balanced":
        whole = generator.standard_normal((widths[-1], widths[0])) * scale / widths[0] ** 0.5
        return balanced_factors(whole, widths)
    weights = []
    for before, after in itertools.pairwise(widths):
        W = generator.standard_normal((after, before))
        if init == "orthogonal":
            left, _, right = np.linalg.svd(W, full_matrices=False)
            weights.append(scale * (left @ right))
        else:
            weights.append(scale * W / before**0.5)
    return weights
