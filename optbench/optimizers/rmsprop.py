"""Methods that divide by a moving average of squared gradients: RMSProp's three forms, AdaDelta.

`lerp(m, g, w)` is (1 - w) m + w g, a moving average in one pass over memory; a trailing underscore
works in place, on temporaries only.
"""

from __future__ import annotations

from torch import Tensor, addcdiv, lerp

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Decay, Epsilon, LearningRate, Momentum
from optbench.optimizers.algebra import descend


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

    Default: eta = 1e-2, alpha = 0.99, eps = 1e-8 (torch; the lecture has alpha = 0.9). Search
    range: 1e-5 to 1.
    """
    del t
    (v,) = state
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - alpha)
    return descend(x, lr, g, v.sqrt().add_(eps)), (v,)


def rmsprop_centered(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    alpha: Decay = 0.99,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """RMSProp with the variance in place of the second moment (Graves 2013, equations 38 to 45).

    m+ = alpha m + (1 - alpha) g,  v+ = alpha v + (1 - alpha) g^2,
    x+ = x - eta g / (sqrt(v+ - m+^2) + eps),  m_0 = v_0 = 0

    eps stands outside the square root (torch; Graves has 1e-4 inside it, and momentum). Under a
    constant gradient the variance vanishes and the step grows to eta g / eps; where rounding makes
    it negative it counts as 0 (torch: NaN).

    Default: eta = 1e-2, alpha = 0.99, eps = 1e-8 (torch). Search range: 1e-5 to 1.
    """
    del t
    m, v = state
    g = oracle.gradient(x)
    m = lerp(m, g, 1 - alpha)
    v = lerp(v, g * g, 1 - alpha)
    deviation = v.addcmul(m, m, value=-1).clamp_min_(0).sqrt_()
    return descend(x, lr, g, deviation.add_(eps)), (m, v)


def rmsprop_momentum(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    alpha: Decay = 0.99,
    beta: Momentum = 0.9,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """RMSProp with momentum, which sums the scaled gradients (torch's RMSprop with momentum).

    v+ = alpha v + (1 - alpha) g^2,  m+ = beta m + g / (sqrt(v+) + eps),  x+ = x - eta m+,
    m_0 = v_0 = 0

    The learning rate is outside the momentum (Graves 2013 and TensorFlow have it inside: the same
    while eta is constant).

    Default: eta = 1e-2, alpha = 0.99, eps = 1e-8 (torch), beta = 0.9 (Graves 2013; torch: 0).
    Search range: 1e-6 to 0.1.
    """
    del t
    v, m = state
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - alpha)
    m = addcdiv(beta * m, g, v.sqrt().add_(eps))
    return descend(x, lr, m), (v, m)


def adadelta(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    rho: Decay = 0.9,
    eps: Epsilon = 1e-6,
) -> tuple[Tensor, State]:
    """AdaDelta (Zeiler 2012, algorithm 1).

    v+ = rho v + (1 - rho) g^2,  delta = g sqrt(u + eps) / sqrt(v+ + eps),
    u+ = rho u + (1 - rho) delta^2,  x+ = x - eta delta,  u_0 = v_0 = 0

    eps stands inside both square roots and starts the motion: the first step is
    sqrt(eps / (1 - rho)). u averages delta without eta, which the paper does not have (eta = 1).

    Default: eta = 1, rho = 0.9, eps = 1e-6 (torch; the paper has rho = 0.95). Search range: 1e-2 to
    1e3.
    """
    del t
    v, u = state
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - rho)
    delta = (u + eps).div_(v + eps).sqrt_().mul_(g)
    return descend(x, lr, delta), (v, lerp(u, delta * delta, 1 - rho))


RMSPROP = UpdateRule(step=rmsprop, memory=1)
RMSPROP_CENTERED = UpdateRule(step=rmsprop_centered, memory=2)
RMSPROP_MOMENTUM = UpdateRule(step=rmsprop_momentum, memory=2)
ADADELTA = UpdateRule(step=adadelta, memory=2)
