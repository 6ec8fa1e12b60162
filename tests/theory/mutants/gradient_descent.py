"""Bugs that the claims about gradient descent catch."""

from __future__ import annotations

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import LearningRate
from tests.theory.planting import Mutant, step


def short(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """The first step is left out."""
    return x - lr * oracle.gradient(x) * (t > 0), state


MUTANTS = {
    "GD-03": (Mutant("the trace is one step late", step("gd", short)),),
}
