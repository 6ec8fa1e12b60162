"""Bugs that the claims about logistic regression and the edge of stability catch."""

from __future__ import annotations

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from tests.theory.mutants.gradient_descent import DECAYED, HALVED
from tests.theory.planting import Moved, Mutant, step


def capped(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Learning rates above 1 are taken for a slip."""
    return x - min(lr, 1.0) * oracle.gradient(x), state


def normalised(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient's length is lost."""
    g = oracle.gradient(x)
    return x - lr * 1e-2 * g / g.norm(dim=-1, keepdim=True).clamp(min=1e-300), state


def heavy(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """A momentum of .5 that nobody asked for: minima up to 3/eta are stable."""
    (m,) = state
    m = 0.5 * m + oracle.gradient(x)
    return x - lr * m, (m,)


HEAVY = Mutant("a momentum of .5", step("gd", heavy, memory=1))

MUTANTS = {
    "LR-01": (DECAYED, HALVED),
    "LR-02": (DECAYED, Mutant("normalised gradients", step("gd", normalised))),
    "LR-03": (DECAYED, Mutant("normalised gradients", step("gd", normalised))),
    "LR-04": (Mutant("learning rates capped at 1", step("gd", capped)),),
    "ES-01": (HEAVY, HALVED),
    "ES-02": (HEAVY,),
}
