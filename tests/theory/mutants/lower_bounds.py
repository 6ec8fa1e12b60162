"""Bugs that the claims about lower bounds and conjugate gradients catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.optimizers.krylov import conjugate_gradient
from optbench.optimizers.momentum import heavy_ball
from tests.theory.planting import Moved, Mutant, step


def twice(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Two steps of a rule that are counted as one."""

    def wrong(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> Any:
        x, state = rule(x, state, oracle, 2 * t, **hyper)
        return rule(x, state, oracle, 2 * t + 1, **hyper)

    return wrong


def steepest(x: Tensor, state: State, oracle: Oracle, t: int) -> Moved:
    """The directions are not made conjugate: beta is forgotten."""
    x_next, (r, _) = conjugate_gradient(x, state, oracle, t)
    return x_next, (r, r)


def seven(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The last step of the optimized gradient method is as the others."""
    y, theta = state
    theta_next = (1 + (1 + 4 * theta * theta).sqrt()) / 2
    y_next = x - lr * oracle.gradient(x)
    x_next = y_next + (theta - 1) / theta_next * (y_next - y) + theta / theta_next * (y_next - x)
    return x_next, (y_next, theta_next)


def unhalved(x: Tensor, state: State, oracle: Oracle, t: int, *, L: float, mu: float) -> Moved:
    """The second coefficient of Chebyshev's iteration is as the later ones."""
    moved, a = state
    c, e = (L + mu) / 2, (L - mu) / 2
    a = 1 / (c - 0.25 * e**2 * a)
    moved = (c * a - 1) * moved - a * oracle.gradient(x)
    return x + moved, (moved, a)


TWO_IN_ONE = Mutant(
    "two steps counted as one", step("conjugate_gradient", twice(conjugate_gradient))
)
LAST_AS_THE_OTHERS = Mutant("the last step as the others", step("ogm", seven))
NOT_CONJUGATE = Mutant("directions not conjugate", step("conjugate_gradient", steepest))

MUTANTS = {
    "LB-01a": (TWO_IN_ONE,),
    "LB-01b": (TWO_IN_ONE, NOT_CONJUGATE),
    "LB-02": (Mutant("two steps counted as one", step("heavy_ball", twice(heavy_ball))),),
    "LB-03": (LAST_AS_THE_OTHERS,),
    "CG-01a": (NOT_CONJUGATE,),
    "CG-01b": (NOT_CONJUGATE, TWO_IN_ONE),
    "CG-02": (NOT_CONJUGATE,),
    "CG-03": (NOT_CONJUGATE,),
    "CG-04": (Mutant("the second coefficient not halved", step("chebyshev", unhalved)),),
}
