"""Methods that estimate their learning rate, D-Adaptation and Prodigy: eta = 1 is meant.

d grows towards the distance from the start to a solution, from a lower bound that convexity gives.
It is one number for a run; `lr` scales the step that it makes.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

import torch
from torch import Tensor, lerp

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Momentum, Param, WeightDecay
from optbench.optimizers.algebra import descend, inner, norm

FirstEstimate = Annotated[Any, Param("first estimate d_0 of the distance", above=0, per_run=True)]


def dadapt_sgd(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    beta: Momentum = 0.9,
    d0: FirstEstimate = 1e-6,
) -> tuple[Tensor, State]:
    """D-Adapted SGD (Defazio and Mishchenko 2023, algorithm 4), as the authors' package has it.

    a = eta d/|g_0|,  q+ = q + a <g, s>,  s+ = s + a g,  d+ = max(d, 2 q+/|s+|),
    x+ = beta x + (1 - beta)(x_0 - s+),  s_0 = q_0 = 0

    Dual averaging: x_0 - s is plain SGD from the start, x follows it. |g_0| is that of the first
    gradient which is not 0.

    Default: eta = 1, beta = 0.9, d_0 = 1e-6 (pytorch_optimizer; the authors: beta = 0). Search
    range: 0.1 to 10.
    """
    del t
    x0, s, q, d, first = state
    d = torch.clamp(d, min=d0)
    g = oracle.gradient(x)
    first = torch.where(first > 0, first, norm(g))
    a = lr * d / first.clamp_min(torch.finfo(g.dtype).tiny)
    q = q + inner(a * g, s)
    s = torch.addcmul(s, a, g)
    d = _grown(d, 2 * q, norm(s))
    return lerp(x, x0 - s, 1 - beta), (x0, s, q, d, first)


def dadapt_adam(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 0.0,
    d0: FirstEstimate = 1e-6,
) -> tuple[Tensor, State]:
    """D-Adapted Adam (Defazio and Mishchenko 2023, algorithm 5), as pytorch_optimizer has it.

    a = eta d,  b = sqrt(beta2),  q+ = b q + (1 - b) a sum g s / (sqrt(v) + eps),
    m+ = beta1 m + (1 - beta1) a g,  v+ = beta2 v + (1 - beta2) g^2,  s+ = b s + (1 - b) a g,
    d+ = max(d, q+ / ((1 - b) |s+|_1)),  x+ = (1 - a lambda) x - m+ / (sqrt(v+) + eps)

    m holds the rates of the steps that it averages; no bias is corrected. The decay is decoupled.

    Default: eta = 1, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, lambda = 0, d_0 = 1e-6. Search range:
    0.1 to 10.
    """
    del t
    m, v, s, q, d = state
    d = torch.clamp(d, min=d0)
    b = beta2**0.5
    g = oracle.gradient(x)
    a = lr * d
    step = a * g
    q = lerp(q, inner(step, s / v.sqrt().add_(eps)), 1 - b)
    m = lerp(m, step, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    s = lerp(s, step, 1 - b)
    d = _grown(d, q, (1 - b) * s.abs().sum(-1, keepdim=True))
    x_next = torch.addcdiv(x, m, v.sqrt().add_(eps), value=-1)
    return descend(x_next, a * weight_decay, x), (m, v, s, q, d)


def prodigy(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 0.0,
    d0: FirstEstimate = 1e-6,
) -> tuple[Tensor, State]:
    """Prodigy (Mishchenko and Defazio 2024, algorithm 4), as the authors' package has it.

    b = sqrt(beta2),  q+ = b q + eta d^2 <g, x_0 - x>,  s+ = b s + eta d^2 g,
    m+ = beta1 m + (1 - beta1) d g,  v+ = beta2 v + (1 - beta2) d^2 g^2,
    d+ = max(d, q+ / |s+|_1),  x+ = (1 - eta d lambda) x - eta d m+ / (sqrt(v+) + d+ eps)

    The step is with the old d, the denominator with the new; no bias is corrected. The decay is
    decoupled.

    Default: eta = 1, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, lambda = 0, d_0 = 1e-6. Search range:
    0.1 to 10.
    """
    del t
    x0, m, v, s, q, d = state
    d = torch.clamp(d, min=d0)
    b = beta2**0.5
    a = lr * d
    scaled = d * oracle.gradient(x)
    # q and s in units of d_0: squares of it underflow in single precision.
    weighted = (lr / d0) * d * scaled
    q = b * q + inner(weighted, x0 - x)
    s = b * s + weighted
    m = lerp(m, scaled, 1 - beta1)
    v = lerp(v, scaled * scaled, 1 - beta2)
    d = _grown(d, q, s.abs().sum(-1, keepdim=True))
    x_next = descend(x, a, m, v.sqrt().add_(d * eps))
    return descend(x_next, a * weight_decay, x), (x0, m, v, s, q, d)


def _grown(d: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return max(d, numerator/denominator), and d while the denominator is 0."""
    return torch.where(denominator > 0, torch.maximum(d, numerator / denominator), d)


def _start(memory: int, numbers: int, origin: bool, x: Tensor, layout: Layout) -> State:
    """Return x where the method needs it, `memory` zero tensors and `numbers` zeros for each run.

    d itself starts at 0 and is d_0 from the first step on.
    """
    del layout
    zeros = (x.new_zeros(x.shape) for _ in range(memory))
    return *(x,) * origin, *zeros, *(x.new_zeros(len(x), 1) for _ in range(numbers))


DADAPT_SGD = UpdateRule(
    step=dadapt_sgd,
    start=functools.partial(_start, 1, 3, True),
    needs=Needs(unconstrained=True),
)
DADAPT_ADAM = UpdateRule(step=dadapt_adam, start=functools.partial(_start, 3, 2, False))
PRODIGY = UpdateRule(step=prodigy, start=functools.partial(_start, 3, 2, True))
