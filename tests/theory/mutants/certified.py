"""Bugs that certificates catch."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import LearningRate, Momentum
from tests.theory.planting import Mutant, attribute, step


def short(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """The first step is left out."""
    return x - lr * oracle.gradient(x) * (t > 0), state


def halved(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Half a step."""
    return x - lr / 2 * oracle.gradient(x), state


def doubled(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Twice the step."""
    return x - 2 * lr * oracle.gradient(x), state


def late_momentum(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """The index of the momentum is off by one."""
    (x_prev,) = state
    y = x + t / (t + 3) * (x - x_prev)
    return y - lr * oracle.gradient(y), (x,)


def backward(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = "nesterov",
) -> tuple[Tensor, State]:
    """The momentum has the wrong sign."""
    (x_prev,) = state
    y = x - beta * (x - x_prev)
    return y - lr * oracle.gradient(y), (x,)


def same_last_step(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """The last step is like the others: 4 in the place of 8."""
    y, theta = state
    theta_next = (1 + (1 + 4 * theta * theta).sqrt()) / 2
    y_next = x - lr * oracle.gradient(x)
    ahead = (theta - 1) / theta_next * (y_next - y) + theta / theta_next * (y_next - x)
    return y_next + ahead, (y_next, theta_next)


def damped(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """A moving average with the learning rate of the sum."""
    (m,) = state
    m = beta * m + (1 - beta) * oracle.gradient(x)
    return x - lr * m, (m,)


def along_gradient(x: Tensor, state: State, oracle: Oracle, t: int) -> tuple[Tensor, State]:
    """The first step has the length 1."""
    return x - oracle.gradient(x), state


def early_end(t: np.ndarray, horizon: int) -> np.ndarray:
    """The decay reaches zero at the last step instead of after it."""
    return np.asarray((horizon - 1 - np.minimum(t, horizon - 1)) / horizon)


def longer(t: np.ndarray, horizon: int) -> np.ndarray:
    """The power of the silver ratio is not lowered by one."""
    del horizon
    k = t + 1
    return np.asarray(1 + (1 + 2**0.5) ** np.log2(k & -k))


MUTANTS = {
    "PEP-01": (Mutant("the trace is one step late", step("gd", short)),),
    "PEP-02": (Mutant("half the learning rate", step("gd", halved)),),
    "PEP-03": (Mutant("half the learning rate", step("gd", halved)),),
    "PEP-04": (
        Mutant("the momentum's index is off by one", step("nesterov_convex", late_momentum)),
    ),
    "PEP-05": (Mutant("the wrong sign", step("nesterov_strongly_convex", backward)),),
    "PEP-06": (Mutant("the last step is like the others", step("ogm", same_last_step)),),
    "PEP-07": (Mutant("a moving average with the sum's rate", step("heavy_ball", damped)),),
    "PEP-08": (
        Mutant("an end too early", attribute("optbench.schedules.decay:last_iterate", early_end)),
        Mutant("half the learning rate", step("gd", halved)),
    ),
    "PEP-09": (Mutant("twice the learning rate", step("gd", doubled)),),
    "PEP-10": (Mutant("half the learning rate", step("gd", halved)),),
    "PEP-11": (Mutant("no line search", step("conjugate_gradient", along_gradient)),),
    "PEP-12": (Mutant("half the learning rate", step("gd", halved)),),
    "PEP-13": (Mutant("too long", attribute("optbench.schedules.silver:silver", longer)),),
}
