"""Methods that scale each coordinate by its past gradients: AdaGrad, RMSProp, Adam, AdamW.

`lerp(m, g, w)` is (1 - w) m + w g, a moving average in one pass over memory; `addcdiv(x, a, b,
value=-1)` is x - a/b; a trailing underscore works in place, on temporaries only.
"""

from __future__ import annotations

from torch import Tensor, addcdiv, lerp

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, WeightDecay


def adagrad(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    eps: Epsilon = 1e-10,
) -> tuple[Tensor, State]:
    """AdaGrad, diagonal (Duchi, Hazan and Singer 2011, figure 1).

    s+ = s + g^2,  x+ = x - eta g / (sqrt(s+) + eps),  s_0 = 0

    Default: eta = 1e-2, eps = 1e-10 (torch). Search range: 1e-4 to 10.
    """
    del t
    (s,) = state
    g = oracle.gradient(x)
    s = s + g * g
    return addcdiv(x, lr * g, s.sqrt().add_(eps), value=-1), (s,)


def rmsprop(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    alpha: Decay = 0.99,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """RMSProp (Tieleman and Hinton 2012, lecture 6e), without bias correction.

    v+ = alpha v + (1 - alpha) g^2,  x+ = x - eta g / (sqrt(v+) + eps),  v_0 = 0

    The first step has length eta / sqrt(1 - alpha) in every coordinate: 10 eta by default.

    Default: eta = 1e-2, alpha = 0.99, eps = 1e-8 (torch). Search range: 1e-5 to 1.
    """
    del t
    (v,) = state
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - alpha)
    return addcdiv(x, lr * g, v.sqrt().add_(eps), value=-1), (v,)


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
    m_hat = m * (1 / (1 - beta1 ** (t + 1)))
    v_hat = v * (1 / (1 - beta2 ** (t + 1)))
    return addcdiv(x, m_hat.mul_(lr), v_hat.sqrt_().add_(eps), value=-1), (m, v)


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
    return x_adam - lr * weight_decay * x, state


ADAGRAD = UpdateRule(step=adagrad, memory=1)
RMSPROP = UpdateRule(step=rmsprop, memory=1)
ADAM = UpdateRule(step=adam, memory=2)
ADAMW = UpdateRule(step=adamw, memory=2)
