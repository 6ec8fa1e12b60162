"""Accelerated gradient methods in two sequences: y = x + b_t (x - x_prev), x+ = y - eta grad f(y).

The recorded point is x, after the gradient step, for which the theorems are stated; the gradient is
taken at y. They differ in b_t.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, Momentum
from optbench.optimizers.algebra import descend


def nesterov_convex(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Nesterov's method for convex functions, simple rule (Nesterov 1983; Su, Boyd, Candes 2016).

    y = x + (t - 1)/(t + 2) (x - x_prev),  x+ = y - eta grad f(y),  t = 0, 1, ...,  x_prev = x_0

    With eta = 1/L: f(x_t) - f* <= 2 L R^2/(t + 1)^2; the worst case is 2 L R^2/((t + 2)(t + 3))
    (Taylor, Hendrickx and Glineur 2017, Table 1). b_t depends on t and on nothing else, so strong
    convexity is not used.

    Default: eta = 1/L. Search range: 1e-3/L to 4/(3 L).
    """
    (x_prev,) = state
    y = x + (t - 1) / (t + 2) * (x - x_prev)
    return descend(y, lr, oracle.gradient(y)), (x,)


def fista(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """FISTA on a smooth function (Beck and Teboulle 2009, section 4; Nesterov 1983).

    y = x + (lambda - 1)/lambda+ (x - x_prev),  x+ = y - eta grad f(y),
    lambda+ = (1 + sqrt(1 + 4 lambda^2))/2,  lambda_0 = 0,  x_prev = x_0

    With eta = 1/L: f(x_t) - f* <= 2 L R^2/(t + 1)^2 (Beck and Teboulle 2009, Theorem 4.4). A
    feasible set is projected on after the gradient step, as the proximal step is.

    Default: eta = 1/L. Search range: 1e-3/L to 4/(3 L).
    """
    del t
    x_prev, lam = state
    lam_next = (1 + (1 + 4 * lam * lam).sqrt()) / 2
    y = torch.addcmul(x, (lam - 1) / lam_next, x - x_prev)
    return descend(y, lr, oracle.gradient(y)), (x, lam_next)


def nesterov_strongly_convex(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = "nesterov",
) -> tuple[Tensor, State]:
    """Nesterov's method for strongly convex functions (Nesterov 2004, section 2.2.1).

    y = x + beta (x - x_prev),  x+ = y - eta grad f(y),  x_prev = x_0

    With eta = 1/L and beta = (sqrt kappa - 1)/(sqrt kappa + 1), the tuning `nesterov`:
    f(x_t) - f* <= (1 - 1/sqrt kappa)^t (f_0 - f* + mu R^2/2) (d'Aspremont, Scieur and Taylor 2021,
    Corollary 4.15). `nesterov` of the same parameters is its sequence y.

    Default: eta = 1/L, beta = `nesterov`. Search range: 1e-3/L to (2 + 2 beta)/((1 + 2 beta) L).
    """
    del t
    (x_prev,) = state
    y = x + beta * (x - x_prev)
    return descend(y, lr, oracle.gradient(y)), (x,)


def ogm(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Optimized gradient method (Kim and Fessler 2016).

    y+ = x - eta grad f(x),
    x+ = y+ + (theta - 1)/theta+ (y+ - y) + theta/theta+ (y+ - x),  y_0 = x_0,  theta_0 = 1,
    theta+ = (1 + sqrt(1 + c theta^2))/2 with c = 4, and c = 8 at the last step, t = T - 1

    With eta = 1/L: f(x_T) - f* <= L R^2/(2 theta_T^2), half of Nesterov's and the best that any
    first-order method can promise if d > T (Drori 2017). It must know T, the run's planned steps:
    the bound is for x_T and for no point before it. It is unstable on quadratics for eta > 1/L.

    Default: eta = 1/L. Search range: 1e-3/L to 1/L.
    """
    y, theta = state
    theta_next = (1 + (1 + (8 if t == oracle.horizon - 1 else 4) * theta * theta).sqrt()) / 2
    y_next = descend(x, lr, oracle.gradient(x))
    x_next = torch.addcmul(y_next, (theta - 1) / theta_next, y_next - y)
    return x_next.addcmul_(theta / theta_next, y_next - x), (y_next, theta_next)


def _previous(x: Tensor, layout: Layout) -> State:
    del layout
    return (x,)


def _previous_and(counter: float, x: Tensor, layout: Layout) -> State:
    del layout
    return x, x.new_full((len(x), 1), counter)


NESTEROV_CONVEX = UpdateRule(step=nesterov_convex, start=_previous)
FISTA = UpdateRule(step=fista, start=functools.partial(_previous_and, 0.0))
NESTEROV_STRONGLY_CONVEX = UpdateRule(step=nesterov_strongly_convex, start=_previous)
OGM = UpdateRule(
    step=ogm, start=functools.partial(_previous_and, 1.0), needs=Needs(unconstrained=True)
)
