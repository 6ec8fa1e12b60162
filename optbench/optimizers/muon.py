"""Muon: momentum made orthogonal, for the matrices of a model; AdamW for all that is no matrix."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from torch import Tensor, lerp

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import (
    LearningRate,
    Param,
    WeightDecay,
    WholeDecay,
    WholeEpsilon,
    WholeMomentum,
)
from optbench.optimizers.algebra import descend

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
SMALLEST_NORM = 1e-7

AdamScale = Annotated[
    Any, Param("AdamW's learning rate as a multiple of lr", low=0, per_run=True, per_block=False)
]


def muon(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.02,
    momentum: WholeMomentum = 0.95,
    weight_decay: WeightDecay = 0.0,
    adam_scale: AdamScale = 0.015,
    adam_beta1: WholeDecay = 0.9,
    adam_beta2: WholeDecay = 0.95,
    adam_eps: WholeEpsilon = 1e-10,
) -> tuple[Tensor, State]:
    """Muon (Jordan et al. 2024), Nesterov's form, with AdamW for the blocks that are no matrices.

    Matrices (p, q):  M+ = beta M + (1 - beta) G,  N = beta M+ + (1 - beta) G,
    X+ = (1 - eta lambda) X - eta sqrt(max(1, p/q)) orth(N)

    orth brings the singular values near 1 by five steps of S+ = a S + b S S'S + c (S S')^2 S from
    S = N/|N|_F, with (a, b, c) = (3.4445, -4.7750, 2.0315): steep at 0, so that they end between
    0.68 and 1.21 and not at 1, unless they were below 1.5e-3 of the norm. The step has the same
    size whatever the gradient's: with a constant eta x hovers at about eta from a minimiser. It is
    taken in the dtype of x; torch.optim.Muon rounds to bfloat16 inside.

    All other blocks:  AdamW with the learning rate adam_scale eta, so that a schedule or a sweep
    moves both; lambda is the same.

    Default: eta = 0.02, beta = 0.95, lambda = 0; AdamW's rate 3e-4 = 0.015 eta, beta1 = 0.9,
    beta2 = 0.95, eps = 1e-10 (the author's repository). Search range: 1e-4 to 1.
    """
    M, m, v = state
    matrices, _ = _layouts(oracle.layout)
    g_matrix, g_rest = _divide(oracle.layout, oracle.gradient(x))
    decay_matrix, decay_rest = _divide(oracle.layout, weight_decay * x)

    M = lerp(M, g_matrix, 1 - momentum)
    N = lerp(g_matrix, M, momentum)
    orthogonal = matrices.join([_scaled(orthogonalised(part)) for part in matrices.split(N)])

    m = lerp(m, g_rest, 1 - adam_beta1)
    v = lerp(v, g_rest.square(), 1 - adam_beta2)
    m_hat, v_hat = m / (1 - adam_beta1 ** (t + 1)), v / (1 - adam_beta2 ** (t + 1))
    adam = m_hat / (v_hat.sqrt() + adam_eps)

    rest = adam_scale * (adam + decay_rest)
    return descend(x, lr, _merge(oracle.layout, orthogonal + decay_matrix, rest)), (M, m, v)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return U V' of matrix = U S V', nearly, (B, p, q) to (B, p, q): see `muon`."""
    a, b, c = QUINTIC
    tall = matrix.shape[-2] > matrix.shape[-1]
    S = matrix.mT if tall else matrix
    norm: Tensor = torch.linalg.matrix_norm(S, keepdim=True)
    S = S / norm.clamp(min=SMALLEST_NORM)
    for _ in range(ITERATIONS):
        gram = S @ S.mT
        S = a * S + (b * gram + c * gram @ gram) @ S
    return S.mT if tall else S


def _scaled(matrix: Tensor) -> Tensor:
    return math.sqrt(max(1, matrix.shape[-2] / matrix.shape[-1])) * matrix


def _is_matrix(block: Block) -> bool:
    return len(block.shape) == 2


def _layouts(layout: Layout) -> tuple[Layout, Layout]:
    """Return the matrices and the other blocks."""
    matrices = tuple(block for block in layout.blocks if _is_matrix(block))
    return Layout(matrices), Layout(tuple(b for b in layout.blocks if not _is_matrix(b)))


def _divide(layout: Layout, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coordinates of the matrices and those of the other blocks, two flat points."""
    parts = torch.split(x, [block.size for block in layout.blocks], dim=-1)
    kinds: dict[bool, list[Tensor]] = {True: [x[:, :0]], False: [x[:, :0]]}
    for part, block in zip(parts, layout.blocks, strict=True):
        kinds[_is_matrix(block)].append(part)
    return torch.cat(kinds[True], -1), torch.cat(kinds[False], -1)


def _merge(layout: Layout, matrices: Tensor, rest: Tensor) -> Tensor:
    """Return the flat point of which `_divide` gave the two parts."""
    pieces = {
        kind: iter(torch.split(flat, [block.size for block in part.blocks], dim=-1))
        for kind, flat, part in zip((True, False), (matrices, rest), _layouts(layout), strict=True)
    }
    return torch.cat([next(pieces[_is_matrix(block)]) for block in layout.blocks], -1)


def _buffers(x: Tensor, layout: Layout) -> State:
    matrices, rest = _divide(layout, x.new_zeros(x.shape))
    return matrices, rest, rest.clone()


MUON = UpdateRule(step=muon, start=_buffers, needs=Needs(matrices=True))
