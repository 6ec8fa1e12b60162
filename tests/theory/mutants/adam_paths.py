"""Bugs that the claims about Adam's paths catch."""

from __future__ import annotations

import functools
from typing import Any

from torch import Tensor, lerp

from optbench.families.quadratic import quadratic
from tests.theory.mutants.adam_steps import another_adam
from tests.theory.planting import Mutant, distorted, family, step


def summed(v: Tensor, g: Tensor, beta2: float) -> Tensor:
    """One second moment for all coordinates."""
    return lerp(v, (g * g).sum(-1, keepdim=True).expand_as(g), 1 - beta2)


@functools.wraps(quadratic)
def on_axes(**given: Any) -> Any:
    """The axes are never turned."""
    return quadratic(**given | {"rotated": False})


OWN_EPS = Mutant("eps of its own", distorted("adam", eps=lambda eps: eps + 1e-8))
ONE_SCALE = Mutant("one second moment for all coordinates", step("adam", another_adam(summed)))
ON_AXES = Mutant("the quadratic's axes are never turned", family("quadratic", on_axes))

MUTANTS = {
    "AD-05a": (OWN_EPS, ONE_SCALE),
    "AD-05b": (ONE_SCALE, ON_AXES),
    "AD-06a": (OWN_EPS,),
    "AD-11": (
        OWN_EPS,
        Mutant("sign descent takes double steps", distorted("signsgd", lr=lambda lr: 2 * lr)),
    ),
    "AD-12a": (OWN_EPS, ONE_SCALE),
    "AD-12b": (ON_AXES,),
}
