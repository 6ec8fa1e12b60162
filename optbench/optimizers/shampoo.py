"""Shampoo: one preconditioner for each axis of each parameter, from sums of gradient products."""

from __future__ import annotations

import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, WholeEpsilon
from optbench.optimizers.algebra import descend


def shampoo(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.1,
    eps: WholeEpsilon = 1e-6,
) -> tuple[Tensor, State]:
    """Shampoo (Gupta, Koren and Singer 2018, algorithm 1; algorithm 2 for other orders).

    Matrices:  L+ = L + G G',  R+ = R + G'G,
    X+ = X - eta (L+ + eps I)^(-1/4) G (R+ + eps I)^(-1/4),  L_0 = R_0 = 0

    A block of order k has a sum for each axis and the exponent -1/(2k): -1/2 for vectors, where
    this is AdaGrad with the full matrix. It is an AdaGrad: sums never fall, steps shrink as
    1/sqrt(t) under gradients that do not. Equivariant under rotations of rows and of columns, which
    Adam is not. The first step from eps = 0 is eta U V' for G = U S V'. A step takes the
    eigenvectors of every sum: time n^3 and memory n^2 for an axis of n.

    Default: eps = 1e-6 (pytorch_optimizer); the paper tunes eta, here 0.1. Search range: 1e-3 to
    10.
    """
    del t
    sums, before = [], iter(state)
    parts = []
    for block, part in zip(
        oracle.layout.blocks, oracle.layout.split(oracle.gradient(x)), strict=True
    ):
        G = direction = part.reshape(len(x), *axes(block))
        for axis in range(1, G.dim()):
            sums.append(next(before) + gram(G, axis))
            root = inverse_root(sums[-1], eps, 2 * (G.dim() - 1))
            direction = multiply(root, direction, axis)
        parts.append(direction.reshape(len(x), -1))
    return descend(x, lr, torch.cat(parts, -1)), tuple(sums)


def axes(block: Block) -> tuple[int, ...]:
    """Return a block's shape; that of a single number is (1,)."""
    return block.shape or (1,)


def gram(tensor: Tensor, axis: int) -> Tensor:
    """Return G G' for the unfolding G (n, -1) along an axis of n: (B, ...) to (B, n, n)."""
    unfolded = tensor.movedim(axis, 1).reshape(len(tensor), tensor.shape[axis], -1)
    return unfolded @ unfolded.mT


def multiply(matrix: Tensor, tensor: Tensor, axis: int) -> Tensor:
    """Return a tensor (B, ...) multiplied along an axis of n by matrices (B, n, n)."""
    moved = tensor.movedim(axis, 1)
    product = matrix @ moved.reshape(*moved.shape[:2], -1)
    return product.reshape(moved.shape).movedim(1, axis)


def eigenvectors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues (B, n), ascending, and eigenvectors (B, n, n) of symmetric matrices.

    A row with an entry that is not finite gives nan, without harm to the others.
    """
    finite = matrix.isfinite().flatten(1).all(1)[:, None, None]
    values, vectors = torch.linalg.eigh(torch.where(finite, matrix, 0.0))
    return values, torch.where(finite, vectors, torch.nan)


def inverse_root(matrix: Tensor, eps: float | Tensor, order: int) -> Tensor:
    """Return (matrix + eps I)^(-1/order) of positive semi-definite matrices (B, n, n)."""
    values, vectors = eigenvectors(matrix)
    # A zero eigenvalue of a large matrix is rounding, perhaps below -eps. Taken for as small as eps
    # it would blow up the rounding of what the root is applied to.
    rounding = torch.finfo(matrix.dtype).eps * values[:, -1:]
    scaled = vectors * (torch.maximum(values, rounding) + eps)[:, None, :] ** (-1 / order)
    return scaled @ vectors.mT


def _sums(x: Tensor, layout: Layout) -> State:
    sizes = [n for block in layout.blocks for n in axes(block)]
    return tuple(x.new_zeros(len(x), n, n) for n in sizes)


SHAMPOO = UpdateRule(step=shampoo, start=_sums)
