"""Bugs that the claims about scaling in kappa catch."""

from __future__ import annotations

from tests.theory import wrong_momentum as wrong
from tests.theory.planting import Mutant, step

AVERAGED = Mutant(
    "a moving average with the sum's learning rate", step("heavy_ball", wrong.averaged)
)
DAMPED = Mutant("the first gradient is damped", step("heavy_ball", wrong.damped_start))
BEHIND = Mutant(
    "the gradient is taken at x instead of y", step("nesterov_strongly_convex", wrong.behind)
)
FORGETFUL = Mutant(
    "the momentum is left out", step("nesterov_strongly_convex", wrong.forgetful_constant)
)

MUTANTS = {
    "K-01a": (Mutant("half the gradient", step("gd", wrong.halved)),),
    "K-01b": (AVERAGED,),
    "K-01c": (FORGETFUL, BEHIND),
    "K-01d": (AVERAGED, DAMPED),
    "K-01e": (FORGETFUL, BEHIND),
    "K-02a": (AVERAGED,),
    "K-02b": (FORGETFUL, BEHIND),
    "K-03a": (AVERAGED,),
    "K-03b": (AVERAGED,),
    "K-03c": (AVERAGED,),
}
