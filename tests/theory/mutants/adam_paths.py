"""Bugs that the claims about Adam's paths catch."""

from __future__ import annotations

import functools
from typing import Any

from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import Decay, Epsilon, LearningRate
from optbench.families.quadratic import quadratic
from tests.theory.planting import Mutant, distorted, family, step


def one_scale(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """One second moment for all coordinates."""
    m, v = state
    g = oracle.gradient(x)
    square = (g * g).sum(-1, keepdim=True).expand_as(g)
    m, v = lerp(m, g, 1 - beta1), lerp(v, square, 1 - beta2)
    scale = (v / (1 - beta2 ** (t + 1))).sqrt() + eps
    return x - lr / (1 - beta1 ** (t + 1)) * m / scale, (m, v)


@functools.wraps(quadratic)
def on_axes(**given: Any) -> Any:
    """The axes are never turned."""
    return quadratic(**given | {"rotated": False})


OWN_EPS = distorted("adam", eps=lambda eps: eps + 1e-8)

MUTANTS = {
    "AD-05a": (
        Mutant("eps of its own", OWN_EPS),
        Mutant("one second moment for all coordinates", step("adam", one_scale)),
    ),
    "AD-05b": (
        Mutant("one second moment for all coordinates", step("adam", one_scale)),
        Mutant("the quadratic's axes are never turned", family("quadratic", on_axes)),
    ),
    "AD-06a": (Mutant("eps of its own", OWN_EPS),),
    "AD-11": (
        Mutant("eps of its own", OWN_EPS),
        Mutant("sign descent takes double steps", distorted("signsgd", lr=lambda lr: 2 * lr)),
    ),
    "AD-12a": (
        Mutant("eps of its own", OWN_EPS),
        Mutant("one second moment for all coordinates", step("adam", one_scale)),
    ),
    "AD-12b": (Mutant("the quadratic's axes are never turned", family("quadratic", on_axes)),),
}
