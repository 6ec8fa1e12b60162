"""Gradient descent, with all the examples or a few."""

from __future__ import annotations

from torch import Tensor

from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate
from optbench.optimizers.algebra import descend


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


GD = UpdateRule(step=gd)
SGD = UpdateRule(step=sgd, batch_size=1, needs=Needs(stochastic=True))
