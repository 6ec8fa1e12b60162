"""SOAP: Adam in the eigenbasis of Shampoo's preconditioners."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, lerp

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import (
    Decay,
    Epsilon,
    LearningRate,
    Param,
    WeightDecay,
    WholeDecay,
)
from optbench.optimizers.algebra import descend
from optbench.optimizers.shampoo import eigenvectors, gram, multiply

Frequency = Annotated[int, Param("steps between two changes of the basis", low=1, per_block=False)]


def soap(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 3e-3,
    beta1: Decay = 0.95,
    beta2: WholeDecay = 0.95,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 1e-2,
    frequency: Frequency = 10,
) -> tuple[Tensor, State]:
    """SOAP (Vyas et al. 2024, algorithm 3), the authors' form with its first step.

    Matrices:  m+ = beta1 m + (1 - beta1) G,  v+ = beta2 v + (1 - beta2) (P'G Q)^2,
    X+ = (1 - eta lambda)(X - eta c P (P'm+ Q / (sqrt(v+) + eps)) Q'),
    L+ = beta2 L + (1 - beta2) G G',  R+ = beta2 R + (1 - beta2) G'G,
    c = sqrt(1 - beta2^t)/(1 - beta1^t)

    P and Q hold the eigenvectors of L and R: exact ones after the first gradient, then every
    `frequency` steps one power iteration, the columns of L P ordered by their eigenvalues and made
    orthogonal (QR), with v reordered alike. The first step, t = 0, only sets L, R, P and Q: x does
    not move. eps is added before the bias correction, decay acts after the step. Blocks of higher
    order have a basis for each axis; on vectors this is Adam, after the idle first step. The longer
    side of a matrix that is not square has no eigenvectors of its own in the null space of the
    first gradient: rounding chooses them, and the trajectory depends on the choice.

    Default: eta = 3e-3, beta1 = beta2 = 0.95, eps = 1e-8, lambda = 0.01, frequency = 10. Search
    range: 1e-5 to 1.
    """
    m, v, *pairs = state
    layout, g = oracle.layout, oracle.gradient(x)
    sums, bases = pairs[::2], pairs[1::2]
    sums = [
        lerp(s, now, _column(1 - beta2)) for s, now in zip(sums, _grams(layout, g), strict=True)
    ]
    if t == 0:
        bases = [eigenvectors(s)[1] for s in sums]
        return x, (m, v, *_interleave(sums, bases))
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, _rotate(layout, g, [Q.mT for Q in bases]).square(), 1 - beta2)
    m_rotated = _rotate(layout, m, [Q.mT for Q in bases])
    adam = _rotate(layout, m_rotated / (v.sqrt() + eps), bases)
    c = (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    x_next = descend(x, lr, c * adam)
    x_next = x_next - lr * weight_decay * x_next
    if t % frequency == 0:
        v, bases = _turned(layout, v, sums, bases)
    return x_next, (m, v, *_interleave(sums, bases))


def _turned(
    layout: Layout, v: Tensor, sums: list[Tensor], bases: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Return v and the bases after one power iteration, ordered by descending eigenvalues."""
    pairs = iter(zip(sums, bases, strict=True))
    parts, turned = [], []
    for part, block in zip(layout.split(v), layout.blocks, strict=True):
        for axis in _axes(block):
            total, Q = next(pairs)
            product = total @ Q
            order = (Q * product).sum(-2).argsort(dim=-1, descending=True)
            turned.append(torch.linalg.qr(product.take_along_dim(order[:, None, :], -1)).Q)
            shape = [len(v), *(-1 if i == axis else 1 for i in range(1, part.dim()))]
            part = part.take_along_dim(order.reshape(shape), axis)
        parts.append(part)
    return layout.join(parts), turned


def _rotate(layout: Layout, x: Tensor, bases: list[Tensor]) -> Tensor:
    """Return each block multiplied along each of its axes by that axis's matrix, (B, d)."""
    remaining, parts = iter(bases), []
    for part, block in zip(layout.split(x), layout.blocks, strict=True):
        for axis in _axes(block):
            part = multiply(next(remaining), part, axis)
        parts.append(part)
    return layout.join(parts)


def _grams(layout: Layout, g: Tensor) -> list[Tensor]:
    blocks = zip(layout.split(g), layout.blocks, strict=True)
    return [gram(part, axis) for part, block in blocks for axis in _axes(block)]


def _axes(block: Block) -> range:
    """Return the axes, counted from 1, that have a basis: none in a vector."""
    return range(1, len(block.shape) + 1) if len(block.shape) > 1 else range(0)


def _interleave(sums: list[Tensor], bases: list[Tensor]) -> list[Tensor]:
    return [tensor for pair in zip(sums, bases, strict=True) for tensor in pair]


def _column(value: float | Tensor) -> float | Tensor:
    """Return one number a run, (B, 1), so that it broadcasts with matrices (B, n, n)."""
    return value[..., None] if isinstance(value, Tensor) else value


def _start(x: Tensor, layout: Layout) -> State:
    grams = [torch.zeros_like(matrix) for matrix in _grams(layout, x)]
    return x.new_zeros(x.shape), x.new_zeros(x.shape), *_interleave(grams, grams)


SOAP = UpdateRule(step=soap, start=_start, needs=Needs(matrices=True))
