"""Bugs that the claims about Nesterov's method catch."""

from __future__ import annotations

from tests.theory import wrong_momentum as wrong
from tests.theory.planting import Mutant, step

BEHIND = Mutant(
    "the gradient is taken at x instead of y", step("nesterov_strongly_convex", wrong.behind)
)
FORGETFUL = Mutant(
    "the momentum is left out", step("nesterov_strongly_convex", wrong.forgetful_constant)
)
PLAIN = Mutant("no look-ahead", step("nesterov", wrong.summed))
LATE = Mutant("the momentum's index is late by one", step("nesterov_convex", wrong.late))
NO_MOMENTUM = Mutant("the momentum is left out", step("nesterov_convex", wrong.forgetful))

MUTANTS = {
    "NAG-01a": (BEHIND,),
    "NAG-01b": (PLAIN, BEHIND),
    "NAG-01c": (BEHIND,),
    "NAG-02a": (NO_MOMENTUM,),
    "NAG-02b": (Mutant("the momentum is left out", step("fista", wrong.forgetful)),),
    "NAG-03a": (LATE,),
    "NAG-03b": (LATE,),
    "NAG-03c": (Mutant("the wrong lambda divides", step("fista", wrong.late_fista)),),
    "NAG-04": (FORGETFUL,),
    "NAG-05a": (BEHIND, FORGETFUL),
    "NAG-05b": (BEHIND, FORGETFUL),
    "NAG-06": (BEHIND,),
    "NAG-08a": (NO_MOMENTUM,),
    "NAG-08b": (NO_MOMENTUM,),
    "NAG-09": (NO_MOMENTUM,),
}
