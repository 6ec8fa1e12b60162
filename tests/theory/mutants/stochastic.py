"""Bugs that the claims about stochastic gradients with additive noise catch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.engines.sampler import Sampler
from optbench.families.max_coordinate import max_coordinate
from tests.theory.mutants.heavy_ball import AVERAGED
from tests.theory.mutants.nesterov import BEHIND
from tests.theory.planting import Moved, Mutant, attribute, family, step


def doubled(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The step is 2 % too long."""
    return x - 1.02 * lr * oracle.gradient(x), state


def twice(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient is drawn twice and summed, as if two workers forgot to divide."""
    return x - lr * (oracle.gradient(x) + oracle.gradient(x)), state


def lazy(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """A step a hundred times too short."""
    return x - 0.01 * lr * oracle.gradient(x), state


def after_the_step(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The average is of z_1 to z_t: where steps ended, not where gradients were taken."""
    (z,) = state
    z = z - lr * oracle.gradient(z)
    return torch.lerp(x, z, 1 / (t + 1)), (z,)


def exponential(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """An exponential moving average in the place of the mean."""
    (z,) = state
    return torch.lerp(x, z, 0.1), (z - lr * oracle.gradient(z),)


def per_root(self: Sampler, t: int, call: int) -> Tensor:
    """The noise's standard deviation is divided by B, not by its root."""
    dim = self._like.shape[1]
    variance = self._problem.facts.noise_variance or 0.0
    scale = math.sqrt(variance / dim) / max(self._batch_size, 1)
    return scale * self._draw(f"noise-{call}", t)


def as_variance(self: Sampler, t: int, call: int) -> Tensor:
    """The variance is taken for the standard deviation."""
    dim = self._like.shape[1]
    variance = self._problem.facts.noise_variance or 0.0
    scale = variance / dim / math.sqrt(max(self._batch_size, 1))
    return scale * self._draw(f"noise-{call}", t)


def in_each(self: Sampler, t: int, call: int) -> Tensor:
    """The trace of the covariance is taken for each variable's variance."""
    variance = self._problem.facts.noise_variance or 0.0
    return math.sqrt(variance / max(self._batch_size, 1)) * self._draw(f"noise-{call}", t)


def uniform(self: Sampler, purpose: str, seed: int, block: int) -> np.ndarray:
    """Noise from the uniform distribution on [-1, 1), variance 1/3."""
    generator = np.random.default_rng([seed, block])
    return generator.uniform(-1, 1, (64, self._like.shape[1]))


def from_zero(t: np.ndarray, horizon: int, *, exponent: float = 1.0, offset: float = 1.0) -> Any:
    """The schedule's index is one too high."""
    del horizon
    return (offset / (t + 1 + offset)) ** exponent


def root(t: np.ndarray, horizon: int, *, exponent: float = 1.0, offset: float = 1.0) -> Any:
    """The exponent is forgotten: 1/sqrt(t + 1)."""
    del horizon, exponent
    return np.sqrt(offset / (t + offset))


SCHEDULE = "optbench.schedules.decay:robbins_monro"


def one_over(t: np.ndarray, horizon: int, *, steps: int = 0) -> Any:
    """The other theorem's 1 - k/N."""
    T = steps or horizon
    return 1 - np.minimum(t + 1, T) / T


def spread(**parameters: Any) -> Problem:
    """Of several largest coordinates each gets its share, as automatic differentiation has it."""
    problem = max_coordinate(**parameters)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        largest = (x == x.amax(-1, keepdim=True)).to(x)
        return problem.oracle(x)[0], largest / largest.sum(-1, keepdim=True)

    return replace(problem, oracle=oracle)


def sampler(name: str, value: Any) -> Any:
    """Replace a method of the sampler."""

    def plant(patch: Any) -> None:
        patch.setattr(Sampler, name, value)

    return plant


LONG = Mutant("the step is 2 % too long", step("sgd", doubled))
LONG_GD = Mutant("the step is 2 % too long", step("gd", doubled))
LOUD = Mutant("each variable has the whole trace", sampler("noise", in_each))
DIVIDED = Mutant("the noise is divided by B, not by its root", sampler("noise", per_root))
FLAT = Mutant("the noise is uniform on [-1, 1)", sampler("_block", uniform))
SQUARED = Mutant("a variance is taken for a deviation", sampler("noise", as_variance))
SHORT = Mutant("a step a hundred times too short", step("gd", lazy))
SHORT_SGD = Mutant("a step a hundred times too short", step("sgd", lazy))
TIES = Mutant("ties are shared", family("max_coordinate", spread))
TO_ZERO = Mutant("1 - k/N", attribute("optbench.schedules.decay:last_iterate", one_over))
LATE = Mutant("the schedule is one step ahead", attribute(SCHEDULE, from_zero))
NO_POWER = Mutant("the schedule forgets its exponent", attribute(SCHEDULE, root))
SHIFTED = Mutant(
    "the points after the steps are averaged", step("polyak_averaging", after_the_step)
)
MOVING = Mutant("a moving average", step("polyak_averaging", exponential))

MUTANTS = {
    "SG-01": (LONG, FLAT, DIVIDED),
    "SG-02": (LOUD, SHORT_SGD),
    "SG-03a": (AVERAGED, FLAT),
    "SG-03b": (BEHIND,),
    "SG-06a": (DIVIDED,),
    "SG-06b": (LONG, FLAT, DIVIDED),
    "SG-06c": (SQUARED,),
    "SG-07a": (LOUD, LONG),
    "SG-07b": (LOUD, LONG),
    "SG-09": (LATE, LONG),
    "SG-10a": (NO_POWER, LONG),
    "SG-10b": (NO_POWER, FLAT),
    "SG-10c": (LONG, NO_POWER),
    "SG-10d": (NO_POWER, FLAT),
    "SG-10e": (NO_POWER, Mutant("two gradients are summed", step("sgd", twice))),
    "SG-11": (NO_POWER, LATE, LONG_GD),
    "SG-12a": (MOVING, SHIFTED),
    "SG-12b": (MOVING, SHIFTED),
    "SG-13": (LOUD, SHIFTED),
    "SG-20": (LATE, SHORT_SGD),
    "SG-14": (TIES, SHORT),
    "SG-21a": (SHORT,),
    "SG-21b": (LATE, LONG_GD),
    "SG-23": (TIES, SHORT, TO_ZERO),
}
