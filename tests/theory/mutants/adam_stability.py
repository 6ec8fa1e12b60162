"""Bugs that the claims about Adam's stability catch."""

from __future__ import annotations

from tests.theory.mutants.adam_steps import INSIDE
from tests.theory.planting import Mutant, distorted

MUTANTS = {
    "AD-06b": (
        Mutant("a large eps of its own", distorted("adam", eps=lambda eps: eps + 1e-2)),
        Mutant("a memory of ten squares", distorted("adam", beta2=lambda beta2: 0.9)),
    ),
    "AD-07a": (INSIDE, Mutant("b1 is .8", distorted("adam", beta1=lambda beta1: 0.8))),
    "AD-07b": (INSIDE,),
}
