"""Bugs that the worked examples catch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import LearningRate
from optbench.core.problem import Problem
from optbench.families.parabola import parabola
from optbench.families.rosenbrock import rosenbrock
from tests.theory.planting import Mutant, attribute, family, step


def decayed(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """A little weight decay that nobody asked for."""
    return x - lr * (oracle.gradient(x) + 1e-4 * x), state


def twice(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Two steps where one is counted."""
    x = x - lr * oracle.gradient(x)
    return x - lr * oracle.gradient(x), state


def single(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
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


def no_schedule(factors: Any, momentum: Any, t: int, values: Mapping[str, Any]) -> Any:
    """The engine forgets the schedule."""
    return values


def one_less(part: np.ndarray) -> np.ndarray:
    """The cosine with T - 1 in the place of T."""
    shape: np.ndarray = (1 + np.cos(np.pi * np.minimum(part * 100_000 / 99_999, 1))) / 2
    return shape


def from_one(t: np.ndarray, warmup: int, then: np.ndarray) -> np.ndarray:
    """The warm-up counts its steps from 1."""
    return np.where(t < warmup, (t + 1) / max(warmup, 1), then)


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


DECAYED = Mutant("a weight decay of 1e-4", step("gd", decayed))

MUTANTS = {
    "S-01": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-02": (DECAYED, Mutant("the gradient in single precision", step("gd", single))),
    "S-03": (Mutant("two steps counted as one", step("gd", twice)),),
    "S-04a": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-04b": (DECAYED,),
    "S-05": (DECAYED, Mutant("the gradient lacks its 2", family("parabola", without_the_two))),
    "S-06a": (
        _in_warmup("half_cosine", one_less, "the cosine ends a step early"),
        _in_warmup("_risen", from_one, "the warm-up counts from 1"),
    ),
    "S-06b": (_in_warmup("_part", from_the_start, "the cosine begins at step 0"),),
    "S-07a": (
        _in_warmup("_risen", from_one, "the warm-up counts from 1"),
        Mutant("no schedule", attribute("optbench.engines.batched:_at_step", no_schedule)),
    ),
    "S-07b": (_in_warmup("_part", without_clamp, "no clamp behind the end"),),
    "S-08a": (Mutant("half of a Hessian", family("rosenbrock", without_the_wall)),),
    "S-08b": (Mutant("half of the gradient", family("rosenbrock", halved_rosenbrock)), DECAYED),
    "S-08c": (Mutant("half of the gradient", family("rosenbrock", halved_rosenbrock)),),
    "S-09": (
        Mutant("epochs counted from 1", attribute("optbench.schedules.steps:step", early)),
        Mutant("no schedule", attribute("optbench.engines.batched:_at_step", no_schedule)),
    ),
}
