"""Bugs that the claims about heavy ball catch."""

from __future__ import annotations

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import LearningRate, Momentum
from tests.theory.planting import Mutant, step


def look_ahead(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """The gradient at the look-ahead point."""
    (m,) = state
    m = beta * m + oracle.gradient(x - lr * beta * m)
    return x - lr * m, (m,)


def averaged(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> tuple[Tensor, State]:
    """The moving average with the learning rate of the sum."""
    (m,) = state
    m = beta * m + (1 - beta) * oracle.gradient(x)
    return x - lr * m, (m,)


MUTANTS = {
    "HB-01": (
        Mutant("the gradient is taken at the look-ahead point", step("heavy_ball", look_ahead)),
        Mutant("a moving average with the sum's learning rate", step("heavy_ball", averaged)),
    ),
}
