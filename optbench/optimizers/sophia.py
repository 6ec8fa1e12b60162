"""Sophia: a momentum divided by an estimate of the Hessian's diagonal, clipped coordinatewise."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Param, WeightDecay
from optbench.optimizers.algebra import descend

PERIOD = 10
"""Steps from one estimate of the Hessian to the next, k of the paper."""

Gamma = Annotated[Any, Param("scale of the Hessian; smaller clips more", above=0, per_run=True)]


def sophia_h(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 6e-4,
    beta1: Decay = 0.96,
    beta2: Decay = 0.99,
    gamma: Gamma = 0.01,
    eps: Epsilon = 1e-12,
    weight_decay: WeightDecay = 0.2,
) -> tuple[Tensor, State]:
    """Sophia with Hutchinson's estimate (Liu et al. 2023, algorithms 1 and 3).

    m+ = beta1 m + (1 - beta1) g,
    h+ = beta2 h + (1 - beta2) u * (H(x) u) every 10th step from the first, u random signs,
    x+ = (1 - eta lambda) x - eta clip(m+ / max(gamma h+, eps), 1)

    The clip is coordinatewise, to [-1, 1]. Where h is not positive the step is eta sign(m). Neither
    average has its bias corrected: h starts at a hundredth of the estimate, so that at first, and
    wherever |m| > gamma h, this is momentum's sign. The published decay is strong and moves the
    minimiser. Every 10th step costs a Hessian-vector product more.

    Default: beta1 = 0.96, beta2 = 0.99, gamma = 0.01, eps = 1e-12, every 10 steps; eta = 6e-4 and
    lambda = 0.2 as for the authors' smallest GPT-2. Search range: 1e-5 to 1.
    """
    m, h = state
    g = oracle.gradient(x)
    if t % PERIOD == 0:
        u = oracle.signs(x)
        h = lerp(h, u * oracle.hessian_vector(x, u), 1 - beta2)
    m = lerp(m, g, 1 - beta1)
    return _clipped_step(x, m, h, lr, gamma, eps, weight_decay), (m, h)


def sophia_g(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 6e-4,
    beta1: Decay = 0.96,
    beta2: Decay = 0.99,
    gamma: Gamma = 0.05,
    eps: Epsilon = 1e-12,
    weight_decay: WeightDecay = 0.2,
) -> tuple[Tensor, State]:
    """Sophia with the Gauss-Newton-Bartlett estimate (Liu et al. 2023, algorithms 2 and 3).

    As `sophia_h`, with h+ = beta2 h + (1 - beta2) b g_s * g_s every 10th step from the first: g_s
    is the gradient with labels drawn from the model, b the number of examples in it.

    The estimate is never negative; its mean is the diagonal of the Gauss-Newton matrix where the
    labels are all that is random. Every 10th step costs a gradient more.

    Default: beta1 = 0.96, beta2 = 0.99, gamma = 0.05, eps = 1e-12, every 10 steps; eta = 6e-4 and
    lambda = 0.2 as for the authors' smallest GPT-2. Search range: 1e-5 to 1.
    """
    m, h = state
    g = oracle.gradient(x)
    if t % PERIOD == 0:
        h = lerp(h, oracle.batch_size * oracle.sampled_gradient(x).square(), 1 - beta2)
    m = lerp(m, g, 1 - beta1)
    return _clipped_step(x, m, h, lr, gamma, eps, weight_decay), (m, h)


def _clipped_step(
    x: Tensor,
    m: Tensor,
    h: Tensor,
    lr: float | Tensor,
    gamma: float | Tensor,
    eps: float | Tensor,
    weight_decay: float | Tensor,
) -> Tensor:
    """Return (1 - lr weight_decay) x - lr clip(m / max(gamma h, eps), 1), shape (B, d)."""
    ratio = m / torch.clamp(gamma * h, min=eps)
    return descend(x, lr, ratio.clamp_(-1, 1).add_(weight_decay * x))


SOPHIA_H = UpdateRule(step=sophia_h, memory=2, needs=Needs(hessian_vector=True))
SOPHIA_G = UpdateRule(
    step=sophia_g,
    memory=2,
    gradients_per_step=1 + 1 / PERIOD,
    needs=Needs(sampled_gradient=True),
)
