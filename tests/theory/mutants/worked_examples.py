"""Bugs that the worked examples catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.parabola import parabola
from optbench.families.rosenbrock import rosenbrock
from tests.theory.mutants.gradient_descent import DECAYED
from tests.theory.mutants.schedules import FROM_ONE, NO_SCHEDULE
from tests.theory.planting import Moved, Mutant, attribute, family, step


def twice(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Two steps where one is counted."""
    x = x - lr * oracle.gradient(x)
    return x - lr * oracle.gradient(x), state


def single(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient in single precision."""
    return x - lr * oracle.gradient(x).float().double(), state


def without_the_two(**params: Any) -> Problem:
    """The gradient of x^2 is taken for x."""
    return halved(parabola(**params))


def without_the_wall(**params: Any) -> Problem:
    """The derivative of (y - x^2)^2 by x is forgotten in the Hessian."""
    return replace(
        rosenbrock(**params), hessian_vector=lambda x, v: v * torch.tensor([2.0, 200.0]).to(v)
    )


def halved(problem: Problem) -> Problem:
    """Half of the gradient."""

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = problem.oracle(x)
        return f, g / 2

    return replace(problem, oracle=oracle)


def halved_rosenbrock(**params: Any) -> Problem:
    """Half of the gradient of Rosenbrock's function."""
    return halved(rosenbrock(**params))


def one_less(part: np.ndarray) -> np.ndarray:
    """The cosine with T - 1 in the place of T."""
    shape: np.ndarray = (1 + np.cos(np.pi * np.minimum(part * 100_000 / 99_999, 1))) / 2
    return shape


def from_the_start(t: np.ndarray, horizon: int, warmup: int, steps: int) -> np.ndarray:
    """The cosine begins at step 0 and not behind the warm-up."""
    part: np.ndarray = np.minimum(t, steps or horizon) / (steps or horizon)
    return part


def without_clamp(t: np.ndarray, horizon: int, warmup: int, steps: int) -> np.ndarray:
    """The cosine goes on behind its end."""
    part: np.ndarray = np.maximum(t - warmup, 0) / ((steps or horizon) - warmup)
    return part


def early(t: np.ndarray, horizon: int, *, step_size: int = 0, gamma: float = 0.1) -> np.ndarray:
    """Epochs counted from 1."""
    factors: np.ndarray = gamma ** ((t + 1) // step_size)
    return factors


def _in_warmup(name: str, wrong: Callable[..., Any], bug: str) -> Mutant:
    return Mutant(bug, attribute(f"optbench.schedules.warmup:{name}", wrong))


SINGLE = Mutant("the gradient in single precision", step("gd", single))

MUTANTS = {
    "S-01": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-02": (DECAYED, SINGLE),
    "S-03": (Mutant("two steps counted as one", step("gd", twice)),),
    "S-04a": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-04b": (DECAYED,),
    "S-05": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-06a": (
        _in_warmup("half_cosine", one_less, "the cosine ends a step early"),
        FROM_ONE,
    ),
    "S-06b": (_in_warmup("_part", from_the_start, "the cosine begins at step 0"),),
    "S-07a": (FROM_ONE, NO_SCHEDULE),
    "S-07b": (_in_warmup("_part", without_clamp, "no clamp behind the end"),),
    "S-08a": (Mutant("half of a Hessian", family("rosenbrock", without_the_wall)),),
    "S-08b": (Mutant("half of the gradient", family("rosenbrock", halved_rosenbrock)), DECAYED),
    "S-08c": (Mutant("half of the gradient", family("rosenbrock", halved_rosenbrock)),),
    "S-09": (
        Mutant("epochs counted from 1", attribute("optbench.schedules.steps:step", early)),
        NO_SCHEDULE,
    ),
}
