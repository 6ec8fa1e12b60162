"""Adafactor: second moments of a matrix kept as one row and one column."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, lerp

from optbench.core.layout import Layout
from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, Param, WeightDecay
from optbench.optimizers.algebra import descend


def adafactor(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    beta2_decay: Annotated[
        float, Param("exponent c of 1 - beta2 = k^c", high=0, per_block=False)
    ] = -0.8,
    eps2: Annotated[Any, Param("least size of x in the step", low=0, per_run=True)] = 1e-3,
    clip: Annotated[Any, Param("largest RMS d of the update", low=1, per_run=True)] = 1.0,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """Adafactor (Shazeer and Stern 2018, algorithms 4 to 6), torch's form.

    In each matrix G of the gradient, with w = k^c and k = t + 1:
    r+ = (1 - w) r + w mean_columns(G^2),  s+ = (1 - w) s + w mean_rows(G^2),
    V = r+ s+ / mean(r+);  in a vector V+ = (1 - w) V + w g^2
    U = G / sqrt(V),  alpha = max(eps_2, RMS(x)) min(eta, 1/sqrt k),
    x+ = (1 - eta lambda) x - alpha U / max(1, RMS(U)/d)

    The state of an n x m matrix is n + m numbers. sqrt(V) is at least eps_1, the machine epsilon of
    x's dtype (torch; the paper adds eps_1 = 1e-30 to G^2), RMS(x) is taken before the decay.
    Tensors of more than two axes factor in the last two. No momentum.

    Default: eta = 1e-2, c = -0.8, eps_2 = 1e-3, d = 1, lambda = 0 (torch). Search range: 1e-4 to 1.
    """
    k, layout = t + 1, oracle.layout
    g = oracle.gradient(x)
    eps1 = torch.finfo(x.dtype).eps
    parts, v, rest = [], [], list(state)
    for part in layout.split(g):
        if part.dim() > 2:
            rows = lerp(rest.pop(0), (part * part).mean(-1, keepdim=True), k**beta2_decay)
            columns = lerp(rest.pop(0), (part * part).mean(-2, keepdim=True), k**beta2_decay)
            v.append(rows @ columns / rows.mean(-2, keepdim=True).clamp_min_(eps1))
            parts += [rows, columns]
        else:
            v.append(lerp(rest.pop(0), part * part, k**beta2_decay))
            parts.append(v[-1])
    u = g * layout.join(v).clamp_min_(eps1 * eps1).rsqrt_()
    root_size = layout.norms(torch.ones_like(x[:1]))
    size = (layout.norms(x) / root_size).clamp_(min=eps2)
    excess = (layout.norms(u) / root_size / clip).clamp_min_(1)
    rate = lr.clamp(max=k**-0.5) if isinstance(lr, Tensor) else min(lr, k**-0.5)
    x_next = descend(x, rate * size, u, excess)
    return descend(x_next, lr * weight_decay, x), tuple(parts)


def _moments(x: Tensor, layout: Layout) -> State:
    """Return zero rows and columns for each matrix, a zero vector for each vector."""
    state: list[Tensor] = []
    for part in layout.split(x):
        factored = part.dim() > 2  # the first axis counts runs
        state += [part[..., :1], part[..., :1, :]] if factored else [part]
    return tuple(torch.zeros_like(part) for part in state)


ADAFACTOR = UpdateRule(step=adafactor, start=_moments)
