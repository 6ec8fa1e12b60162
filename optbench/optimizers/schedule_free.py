"""Schedule-Free: averaging in the place of a learning-rate schedule.

z is the base method's sequence, x its average, y the point between them where gradients are taken:

    y = (1 - beta) z + beta x,  z+ = z - eta (step at y),  x+ = (1 - c) x + c z+

The recorded point is x, what the authors' package returns in its evaluation mode.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, lerp

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Momentum, WeightDecay
from optbench.optimizers.algebra import descend


def schedule_free_sgd(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    beta: Momentum = 0.9,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """Schedule-Free SGD (Defazio et al. 2024).

    y = (1 - beta) z + beta x,  z+ = z - eta (grad f(y) + lambda y),  x+ = (1 - c) x + c z+,
    c = e^2 / (sum of e^2 so far),  e = the largest eta so far,  z_0 = x_0

    With a constant eta, c = 1/(t + 1) and x is the plain mean of z_1 to z_t. beta = 0 is averaged
    SGD, beta = 1 takes gradients at the average (primal averaging). The decay acts at y.

    Default: eta = 1, beta = 0.9, lambda = 0 (schedulefree). Search range: 1e-3/L to 10/L.
    """
    del t
    z, *weights = state
    y = lerp(z, x, beta)
    z = descend(z, lr, oracle.gradient(y) + weight_decay * y)
    return _average(x, z, lr, weights)


def schedule_free_adamw(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 2.5e-3,
    beta1: Momentum = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """Schedule-Free AdamW (Defazio et al. 2024), as the authors' package has it.

    y = (1 - beta1) z + beta1 x,  v+ = beta2 v + (1 - beta2) grad f(y)^2,  k = t + 1,
    z+ = z - eta grad f(y) / (sqrt(v+ / (1 - beta2^k)) + eps) - eta lambda y,
    x+ = (1 - c) x + c z+ with c of `schedule_free_sgd`

    There is no average of gradients: beta1 places y. (In algorithm 1 of the paper the bias
    correction is a factor sqrt(1 - beta2^k) of eta.)

    Default: eta = 2.5e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, lambda = 0 (schedulefree). Search
    range: 1e-5 to 1.
    """
    z, v, *weights = state
    y = lerp(z, x, beta1)
    g = oracle.gradient(y)
    v = lerp(v, g * g, 1 - beta2)
    v_hat = v * (1 / (1 - beta2 ** (t + 1)))
    z = descend(descend(z, lr * weight_decay, y), lr, g, v_hat.sqrt_().add_(eps))
    x, (z, *weights) = _average(x, z, lr, weights)
    return x, (z, v, *weights)


def _average(
    x: Tensor, z: Tensor, lr: float | Tensor, weights: list[Tensor]
) -> tuple[Tensor, State]:
    """Return x+ and (z, largest eta, sum of its squares)."""
    largest, total = weights
    largest = largest.clamp(min=lr)
    weight = largest * largest
    total = total + weight
    # Nothing has moved while eta was 0.
    c = torch.where(total > 0, weight / total, 0.0)
    return lerp(x, z, c), (z, largest, total)


def _at_start(memory: int, x: Tensor, layout: Layout) -> State:
    del layout
    zeros = (x.new_zeros(x.shape) for _ in range(memory))
    return x, *zeros, x.new_zeros(len(x), 1), x.new_zeros(len(x), 1)


_UNCONSTRAINED = Needs(unconstrained=True)
SCHEDULE_FREE_SGD = UpdateRule(
    step=schedule_free_sgd, start=functools.partial(_at_start, 0), needs=_UNCONSTRAINED
)
SCHEDULE_FREE_ADAMW = UpdateRule(
    step=schedule_free_adamw, start=functools.partial(_at_start, 1), needs=_UNCONSTRAINED
)
