"""Methods whose step in each block is in proportion to the block's norm: LARS, LAMB.

What a layer is, and which are excluded (as biases and norms often are), the oracle's layout says.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Momentum, Param, WeightDecay
from optbench.optimizers.algebra import descend


def lars(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    beta: Momentum = 0.9,
    trust: Annotated[Any, Param("trust coefficient tau", above=0, per_run=True)] = 1e-3,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """LARS: layer-wise rates for momentum (You, Gitman and Ginsburg 2017, algorithm 1).

    In each block x of the parameters:
    r = tau |x| / (|g| + lambda |x|),  m+ = beta m + eta r (g + lambda x),  x+ = x - m+,  m_0 = 0

    r = 1 in excluded blocks, and where |x| or the denominator is 0. The learning rate is inside the
    momentum (as published; pytorch_optimizer has it outside: the same while eta is constant).

    Default: eta = 1 (ours: the paper tunes it), beta = 0.9, tau = 1e-3, lambda = 0. Search range:
    1e-2 to 1e3.
    """
    del t
    (m,) = state
    layout = oracle.layout
    g = oracle.gradient(x)
    size = layout.norms(x)
    slope = layout.norms(g) + weight_decay * size
    scaled = (size > 0) & (slope > 0) & ~layout.mask(x, excluded=True)
    r = torch.where(scaled, trust * size / slope, 1.0)
    m = torch.addcmul(beta * m, lr * r, g + weight_decay * x)
    return x - m, (m,)


def lamb(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-6,
    weight_decay: WeightDecay = 1e-2,
) -> tuple[Tensor, State]:
    """LAMB: layer-wise rates for Adam (You et al. 2020, algorithm 2).

    m+, v+ as Adam,  u = (m+ / (1 - beta1^k)) / (sqrt(v+ / (1 - beta2^k)) + eps) + lambda x,
    x+ = x - eta |x|/|u| u in each block x of the parameters,  k = t + 1

    |x|/|u| is 1 in excluded blocks, and where either norm is 0; the paper's phi is the identity.
    (pytorch_optimizer corrects the first moment only, after the ratio, limits |x| to 10 and adds
    eps to |u|.)

    Default: eta = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-6, lambda = 0.01. Search range: 1e-5
    to 1.
    """
    m, v = state
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    v_hat = v * (1 / (1 - beta2 ** (t + 1)))
    u = (m / (1 - beta1 ** (t + 1))).div_(v_hat.sqrt_().add_(eps)).add_(weight_decay * x)
    return descend(x, lr * oracle.layout.trust_ratio(x, u), u), (m, v)


LARS = UpdateRule(step=lars, memory=1)
LAMB = UpdateRule(step=lamb, memory=2)
