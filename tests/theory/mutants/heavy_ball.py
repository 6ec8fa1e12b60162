"""Bugs that the claims about heavy ball and the forms of momentum catch."""

from __future__ import annotations

import torch

from optbench.core.problem import Problem
from optbench.families.piecewise import lessard_recht_packard
from tests.theory import wrong_momentum as wrong
from tests.theory.mutants.gradient_descent import DOUBLED
from tests.theory.planting import Mutant, family, step


def smooth_kinks(*, start: float = 3.3) -> Problem:
    """The piecewise quadratic with its flat stretch from 1 to 2.5."""
    right = lessard_recht_packard(start=start)

    def oracle(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        f, g = right.oracle(x)
        return f, torch.where((x >= 2) & (x < 2.5), x + 24, g)

    return Problem(
        facts=right.facts, start=right.start, oracle=oracle, scale=right.scale, domain=right.domain
    )


AHEAD = Mutant(
    "the gradient is taken at the look-ahead point", step("heavy_ball", wrong.look_ahead)
)
AVERAGED = Mutant(
    "a moving average with the sum's learning rate", step("heavy_ball", wrong.averaged)
)
DAMPED = Mutant("the first gradient is damped", step("heavy_ball", wrong.damped_start))

MUTANTS = {
    "HB-01": (AHEAD, AVERAGED),
    "HB-02a": (AHEAD, DAMPED),
    "HB-02b": (AVERAGED,),
    "HB-03a": (AHEAD, AVERAGED),
    "HB-03b": (Mutant("the sum instead", step("heavy_ball_ema", wrong.summed)),),
    "HB-03c": (Mutant("no look-ahead", step("nesterov", wrong.summed)),),
    "HB-04": (AHEAD, AVERAGED),
    "HB-05a": (AVERAGED, DAMPED),
    "HB-05b": (
        Mutant(
            "the average starts at the first gradient",
            step("heavy_ball_ema", wrong.undamped_start),
        ),
    ),
    "HB-06a": (AVERAGED, DAMPED),
    "HB-06b": (AVERAGED,),
    "HB-07a": (AHEAD, DAMPED),
    "HB-07b": (AHEAD,),
    "HB-08a": (AHEAD, Mutant("a kink is misplaced", family("lessard_recht_packard", smooth_kinks))),
    "HB-08b": (AHEAD, Mutant("a kink is misplaced", family("lessard_recht_packard", smooth_kinks))),
    "HB-08d": (AHEAD,),
    "HB-08e": (DOUBLED,),
    "HB-09": (AVERAGED,),
}
