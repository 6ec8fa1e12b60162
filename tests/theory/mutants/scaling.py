"""Bugs that the claims about scaling in kappa catch."""

from __future__ import annotations

from tests.theory.mutants.gradient_descent import HALVED
from tests.theory.mutants.heavy_ball import AVERAGED, DAMPED
from tests.theory.mutants.nesterov import BEHIND, FORGETFUL

MUTANTS = {
    "K-01a": (HALVED,),
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
