"""Methods that use the signs of a gradient or of a momentum only: every step has one length."""

from __future__ import annotations

from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Decay, LearningRate, WeightDecay
from optbench.optimizers.algebra import descend


def signsgd(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = 1e-3
) -> tuple[Tensor, State]:
    """Sign descent, signSGD (Bernstein et al. 2018, algorithm 1).

    x+ = x - eta sign(g),  sign(0) = 0

    With coordinate smoothness L_i: f(x+) <= f(x) - eta |g|_1 + eta^2 (sum L_i)/2. At a constant eta
    it ends within eta of a minimiser of a separable function, and no closer.

    Default: eta = 1e-3 (pytorch_optimizer; the paper tunes it). Search range: 1e-5 to 1.
    """
    del t
    return descend(x, lr, oracle.gradient(x).sign()), state


def signum(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta: Decay = 0.9,
) -> tuple[Tensor, State]:
    """Signum: the sign of the momentum (Bernstein et al. 2018, algorithm 2).

    m+ = beta m + (1 - beta) g,  x+ = x - eta sign(m+),  m_0 = 0

    Default: eta = 1e-3, beta = 0.9. Search range: 1e-5 to 1.
    """
    del t
    (m,) = state
    m = lerp(m, oracle.gradient(x), 1 - beta)
    return descend(x, lr, m.sign()), (m,)


def lion(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """Lion (Chen et al. 2023, algorithm 2).

    u = sign(beta1 m + (1 - beta1) g),  x+ = x - eta (u + lambda x),  m+ = beta2 m + (1 - beta2) g

    The sign is of a mixture that is not kept; the kept average is slower. With lambda > 0 the
    points tend to the box |x_i| <= 1/lambda (Chen et al. 2024).

    Default: eta = 1e-4, beta1 = 0.9, beta2 = 0.99, lambda = 0. Search range: 1e-6 to 0.1.
    """
    del t
    (m,) = state
    g = oracle.gradient(x)
    x_next = descend(x, lr, lerp(m, g, 1 - beta1).sign_())
    return descend(x_next, lr * weight_decay, x), (lerp(m, g, 1 - beta2),)


SIGNSGD = UpdateRule(step=signsgd)
SIGNUM = UpdateRule(step=signum, memory=1)
LION = UpdateRule(step=lion, memory=1)
