"""Bugs that the claims about Adam's failures catch."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from torch import Tensor, lerp, maximum

from optbench.core.optimizer import Oracle, State
from optbench.families.online import online
from tests.theory.mutants.adam_steps import another_adam, squares
from tests.theory.planting import Moved, Mutant, distorted, family, step


def largest(v: Tensor, g: Tensor, beta2: float) -> Tensor:
    """Adam with AMSGrad's maximum."""
    return maximum(v, squares(v, g, beta2))


def of_the_corrected(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> Moved:
    """AMSGrad's maximum is taken after the bias correction."""
    m, v, w = state
    g = oracle.gradient(x)
    m, v = lerp(m, g, 1 - beta1), lerp(v, g * g, 1 - beta2)
    w = maximum(w, v / (1 - beta2 ** (t + 1)))
    return x - lr / (1 - beta1 ** (t + 1)) * m / (w.sqrt() + eps), (m, v, w)


def corrected(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, alpha: float, eps: float
) -> Moved:
    """RMSProp with Adam's bias correction."""
    (v,) = state
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - alpha)
    return x - lr * g / ((v / (1 - alpha ** (t + 1))).sqrt() + eps), (v,)


@functools.wraps(online)
def unbounded(**given: Any) -> Any:
    """The box is forgotten."""
    return replace(online(**given), project=None)


UNBOUNDED = Mutant("the box is forgotten", family("online", unbounded))
KEEPS = Mutant("Adam keeps the maximum", step("adam", another_adam(largest)))
FORGETS = Mutant("AMSGrad forgets its maximum", step("amsgrad", another_adam()))

MUTANTS = {
    "AD-08": (KEEPS, UNBOUNDED),
    "AD-09": (FORGETS, Mutant("the maximum is of v-hat", step("amsgrad", of_the_corrected))),
    "AD-10a": (
        Mutant(
            "Adam keeps its averages for a step",
            distorted("adam", beta1=lambda beta1: 0.0, beta2=lambda beta2: 0.1),
        ),
        UNBOUNDED,
    ),
    "AD-10b": (KEEPS,),
    "AD-10c": (FORGETS,),
}
