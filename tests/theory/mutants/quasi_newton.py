"""Bugs that the claims about quasi-Newton methods catch."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.scalar import cubic
from optbench.optimizers.from_scipy import NEWTON_CG
from tests.theory.planting import Moved, Mutant, attribute, family, step


def along_gradient(x: Tensor, state: State, oracle: Oracle, t: int) -> Moved:
    """Steepest descent with an exact line search."""
    r = -oracle.gradient(x)
    alpha = (r * r).sum(-1, keepdim=True) / (r * oracle.hessian_vector(x, r)).sum(-1, keepdim=True)
    return x + alpha * r, state


def stale(x: Tensor, state: State, oracle: Oracle, t: int) -> Moved:
    """The new direction is made of the old residual."""
    r, p = state
    if t == 0:
        r = p = -oracle.gradient(x)
    hp = oracle.hessian_vector(x, p)
    square = (r * r).sum(-1, keepdim=True)
    alpha = square / (p * hp).sum(-1, keepdim=True)
    after = r - alpha * hp
    return x + alpha * p, (after, r + (after * after).sum(-1, keepdim=True) / square * p)


@wraps(cubic)
def lame(**params: Any) -> Problem:
    """The gradient of x^3/3 is taken for x^2/2."""

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        return (x * x * (0.5 + x / 6)).sum(-1), x * (1 + x / 2)

    return replace(cubic(**params), oracle=oracle)


NO_MEMORY = Mutant("no conjugation", step("conjugate_gradient", along_gradient, memory=2))
STALE = Mutant("the old residual", step("conjugate_gradient", stale, memory=2))
OTHER = Mutant("another method", attribute("optbench.optimizers.from_scipy:BFGS", NEWTON_CG))
LAME = Mutant("half of the cubic term", family("cubic", lame))

MUTANTS = {
    "QN-01a": (NO_MEMORY, STALE),
    "QN-01b": (NO_MEMORY, STALE),
    "QN-02a": (NO_MEMORY, STALE),
    "QN-02b": (NO_MEMORY, STALE),
    "QN-03a": (OTHER, LAME),
    "QN-03b": (OTHER,),
}
