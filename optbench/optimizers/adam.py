"""Adam and the methods made from it: AMSGrad, AdamW, NAdam, RAdam, Adamax.

`lerp(m, g, w)` is (1 - w) m + w g, a moving average in one pass over memory; a trailing underscore
works in place, on temporaries only. k = t + 1 counts steps from one, as the papers do.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, lerp, maximum

from optbench.core.layout import Layout
from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Param, WeightDecay
from optbench.optimizers.algebra import descend


def adam(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """Adam (Kingma and Ba 2015, algorithm 1).

    m+ = beta1 m + (1 - beta1) g,    v+ = beta2 v + (1 - beta2) g^2,
    x+ = x - eta (m+ / (1 - beta1^k)) / (sqrt(v+ / (1 - beta2^k)) + eps),  k = t + 1

    eps stands outside the square root, after the bias correction.

    Default: eta = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8. Search range: 1e-5 to 1.
    """
    m, v = state
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    v_hat = v * (1 / (1 - beta2 ** (t + 1)))
    return descend(x, lr / (1 - beta1 ** (t + 1)), m, v_hat.sqrt_().add_(eps)), (m, v)


def amsgrad(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """AMSGrad (Reddi, Kale and Kumar 2018, algorithm 2), torch's Adam with amsgrad.

    m+, v+ as Adam,  w+ = max(w, v+),
    x+ = x - eta (m+ / (1 - beta1^k)) / (sqrt(w+ / (1 - beta2^k)) + eps),  w_0 = 0,  k = t + 1

    The maximum is taken of v before its bias correction (torch; the paper corrects no bias).

    Default: Adam's (the paper has beta2 = 0.99 or 0.999). Search range: 1e-5 to 1.
    """
    m, v, w = state
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    w = maximum(w, v)
    w_hat = w * (1 / (1 - beta2 ** (t + 1)))
    return descend(x, lr / (1 - beta1 ** (t + 1)), m, w_hat.sqrt_().add_(eps)), (m, v, w)


def adamw(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 1e-2,
) -> tuple[Tensor, State]:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), torch's form.

    x+ = (1 - eta lambda) x - eta (Adam's direction at x)

    The gradient is taken at x, the decay acts before the step; lambda is multiplied by the learning
    rate. The limit under a constant gradient is -1/lambda in every coordinate.

    Default: Adam's, and lambda = 1e-2 (torch). Search range: 1e-5 to 1.
    """
    x_adam, state = adam(x, state, oracle, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return descend(x_adam, lr * weight_decay, x), state


def nadam(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 2e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    momentum_decay: Annotated[
        Any, Param("psi: how fast the warm-up of the momentum ends", low=0, per_run=True)
    ] = 4e-3,
) -> tuple[Tensor, State]:
    """NAdam: Adam with Nesterov's look-ahead (Dozat 2016, algorithm 2), torch's form.

    m+, v+ as Adam,  mu_k = beta1 (1 - 0.96^(k psi) / 2),  p_k = mu_1 ... mu_k,  k = t + 1,
    x+ = x - eta ((1 - mu_k) g / (1 - p_k) + mu_(k+1) m+ / (1 - p_(k+1)))
         / (sqrt(v+ / (1 - beta2^k)) + eps)

    The average m keeps beta1 (torch); the paper averages with mu_k.

    Default: eta = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, psi = 4e-3 (torch). Search range:
    1e-5 to 1.
    """
    m, v, p = state
    k = t + 1
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    mu = beta1 * (1 - 0.5 * 0.96 ** (k * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((k + 1) * momentum_decay))
    p = mu * p
    ahead = (m * (mu_next / (1 - mu_next * p))).addcmul_(g, (1 - mu) / (1 - p))
    v_hat = v * (1 / (1 - beta2**k))
    return descend(x, lr, ahead, v_hat.sqrt_().add_(eps)), (m, v, p)


def radam(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """Rectified Adam (Liu et al. 2020, algorithm 2), torch's form.

    m+, v+ as Adam,  rho_inf = 2/(1 - beta2) - 1,  rho = rho_inf - 2 k beta2^k/(1 - beta2^k),
    x+ = x - eta (m+ / (1 - beta1^k)) r sqrt(1 - beta2^k) / (sqrt(v+) + eps)  if rho > 5,
    x+ = x - eta m+ / (1 - beta1^k)                                           else,
    r^2 = (rho - 4)(rho - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho),  k = t + 1

    The first steps are those of momentum, without any scaling. eps is added before the bias
    correction, and rectification starts above rho = 5 (torch; the paper has no eps, and rho = 4).

    Default: eta = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 (torch). Search range: 1e-5 to 1.
    """
    m, v = state
    k = t + 1
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    v = lerp(v, g * g, 1 - beta2)
    # In double precision: rho is a small difference of numbers near 2000.
    b = beta2 * x.new_ones((1, 1), dtype=torch.float64)  # a copy from the CPU would wait for a GPU
    limit, correction = 2 / (1 - b) - 1, 1 - b**k
    rho = limit - 2 * k * b**k / correction
    square = (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)
    rectified = (square * correction).clamp_min_(0).sqrt_().to(x.dtype)
    scale = torch.where(rho > 5, v.sqrt().add_(eps).div_(rectified), 1.0)
    return descend(x, lr / (1 - beta1**k), m, scale), (m, v)


def adamax(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 2e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """Adamax: Adam with the infinity norm (Kingma and Ba 2015, algorithm 2).

    m+ = beta1 m + (1 - beta1) g,  u+ = max(beta2 u, |g| + eps),
    x+ = x - eta m+ / ((1 - beta1^k) u+),  u_0 = 0,  k = t + 1

    eps stands inside the maximum (torch); the paper has none.

    Default: eta = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8. Search range: 1e-5 to 1.
    """
    m, u = state
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - beta1)
    u = maximum(beta2 * u, g.abs().add_(eps))
    return descend(x, lr / (1 - beta1 ** (t + 1)), m, u), (m, u)


def _moments_and_product(x: Tensor, layout: Layout) -> State:
    del layout
    return x.new_zeros(x.shape), x.new_zeros(x.shape), x.new_ones(len(x), 1)


ADAM = UpdateRule(step=adam, memory=2)
AMSGRAD = UpdateRule(step=amsgrad, memory=3)
ADAMW = UpdateRule(step=adamw, memory=2)
NADAM = UpdateRule(step=nadam, start=_moments_and_product)
RADAM = UpdateRule(step=radam, memory=2)
ADAMAX = UpdateRule(step=adamax, memory=2)
