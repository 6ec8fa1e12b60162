"""Bugs that the claims about RMSProp catch."""

from __future__ import annotations

from tests.theory.mutants.adam_failures import corrected
from tests.theory.mutants.adam_steps import without_correction
from tests.theory.planting import Mutant, distorted, step

MUTANTS = {
    "RP-01a": (
        Mutant("RMSProp corrects its bias", step("rmsprop", corrected)),
        Mutant("Adam does not", without_correction()),
    ),
    "RP-01b": (
        Mutant("RMSProp corrects its bias", step("rmsprop", corrected)),
        Mutant("Hinton's alpha for torch's", distorted("rmsprop", alpha=lambda alpha: 0.9)),
    ),
}
