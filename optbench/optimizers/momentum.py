"""Momentum with one velocity: Polyak's heavy ball and Nesterov's look-ahead."""

from __future__ import annotations

from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, Momentum
from optbench.optimizers.algebra import descend


def heavy_ball(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """Heavy ball in the sum form (Polyak 1964), torch's SGD with momentum.

    m+ = beta m + grad f(x),  x+ = x - eta m+,  m_0 = 0

    With `polyak` for both, eta = 4/(sqrt L + sqrt mu)^2 and beta = ((sqrt kappa - 1)/(sqrt kappa +
    1))^2, it contracts on quadratics at the rate (sqrt kappa - 1)/(sqrt kappa + 1), after a rise by
    up to about sqrt(kappa)/e; on strongly convex functions that are not quadratic it may cycle
    (Lessard, Recht and Packard 2016, section 4.6).

    Default: eta = 1/L, beta = 0.9. Search range: 1e-3/L to 2 (1 + beta)/L.
    """
    del t
    (m,) = state
    m = beta * m + oracle.gradient(x)
    return descend(x, lr, m), (m,)


def heavy_ball_ema(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """Heavy ball in the moving-average form (Polyak 1964; the form of Adam's numerator).

    m+ = beta m + (1 - beta) grad f(x),  x+ = x - eta m+,  m_0 = 0

    The sum form with the learning rate (1 - beta) eta. It differs from torch's SGD with
    dampening = beta, whose first velocity is the whole gradient. The tuning `polyak` is the sum
    form's.

    Default: eta = 1/L, beta = 0.9. Search range: 1e-3/L to 2 (1 + beta)/((1 - beta) L).
    """
    del t
    (m,) = state
    m = lerp(m, oracle.gradient(x), 1 - beta)
    return descend(x, lr, m), (m,)


def nesterov(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """Nesterov's momentum, constant beta, torch's form (Nesterov 1983; Sutskever et al. 2013).

    m+ = beta m + grad f(x),  x+ = x - eta (grad f(x) + beta m+),  m_0 = 0

    x is the look-ahead point, where the gradient is taken: the sequence y_t of
    `nesterov_strongly_convex`, which records the other one.

    Default: eta = 1/L, beta = 0.9. Search range: 1e-3/L to (2 + 2 beta)/((1 + 2 beta) L).
    """
    del t
    (m,) = state
    g = oracle.gradient(x)
    m = beta * m + g
    return descend(x, lr, g + beta * m), (m,)


HEAVY_BALL = UpdateRule(step=heavy_ball, memory=1)
HEAVY_BALL_EMA = UpdateRule(step=heavy_ball_ema, memory=1)
NESTEROV = UpdateRule(step=nesterov, memory=1)
