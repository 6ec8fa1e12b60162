"""Methods whose step is along the gradient at one point: gradient descent and its kin."""

from __future__ import annotations

import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate
from optbench.optimizers.algebra import descend, norm


def gd(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Gradient descent (Cauchy 1847).

    x+ = x - eta grad f(x)

    On an L-smooth convex f with eta = 1/L: f(x_t) - f* <= L R^2 / (4 t + 2), tight (Drori and
    Teboulle 2014, Theorem 3.1). On a mu-strongly convex one the distance contracts by
    max(|1 - eta mu|, |1 - eta L|) each step (Polyak 1987).

    Default: eta = 1/L. Search range: 1e-3/L to 2/L.
    """
    del t
    return descend(x, lr, oracle.gradient(x)), state


def sgd(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Stochastic gradient descent (Robbins and Monro 1951).

    x+ = x - eta g(x),  E g(x) = grad f(x)

    g averages `batch_size` terms of a finite sum, from shuffled epochs or drawn with or without
    replacement; under additive noise it averages that many noisy gradients. With a constant eta it
    reaches a noise floor: E f(x_t) - f* <= (1 - eta mu)^t (f_0 - f*) + eta L sigma^2 / (2 mu)
    (Bottou, Curtis and Nocedal 2018, Theorem 4.6).

    Default: one example, eta = 1/L of the full function. Search range: 1e-4/L to 2/L.
    """
    return gd(x, state, oracle, t, lr=lr)


def subgradient(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = 0.1
) -> tuple[Tensor, State]:
    """Normalised subgradient method (Shor 1985; Nesterov 2004, section 3.2.3).

    x+ = x - eta g / |g|_2,  g in the subdifferential at x; x+ = x where g = 0

    eta is the length of the step. On a G-Lipschitz convex f with eta = R / sqrt(T + 1) the best of
    x_0, ..., x_T is within R G / sqrt(T + 1) of f* (Nesterov 2004, Theorem 3.2.2), tight for T < d
    (Drori and Teboulle 2016); the last point need not be.

    Default: eta = 0.1. Search range: 1e-4 to 10.
    """
    del t
    g = oracle.gradient(x)
    return descend(x, lr, g, norm(g).clamp_min_(torch.finfo(g.dtype).tiny)), state


def polyak_averaging(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Averaged stochastic gradient descent (Polyak and Juditsky 1992; Ruppert 1988).

    z+ = z - eta g(z),  x_t = (z_0 + ... + z_(t-1)) / t,  z_0 = x_0

    x averages the points where gradients were taken, the start among them: x_1 = x_0. (torch's ASGD
    averages z_1 to z_t.) On a convex f with eta <= 1/L, E f(x_t) - f* <= R^2 / (2 eta t) +
    eta sigma^2 / 2; with eta = c t^-a, 1/2 < a < 1, it is asymptotically optimal for every c.

    Default: one example, eta = 1/L of the full function. Search range: 1e-4/L to 2/L.
    """
    (z,) = state
    return torch.lerp(x, z, 1 / (t + 1)), (descend(z, lr, oracle.gradient(z)),)


def _at_start(x: Tensor, layout: Layout) -> State:
    del layout
    return (x,)


GD = UpdateRule(step=gd)
SGD = UpdateRule(step=sgd, batch_size=1, needs=Needs(stochastic=True))
SUBGRADIENT = UpdateRule(step=subgradient)
POLYAK_AVERAGING = UpdateRule(
    step=polyak_averaging,
    start=_at_start,
    batch_size=1,
    needs=Needs(stochastic=True, unconstrained=True),
)
