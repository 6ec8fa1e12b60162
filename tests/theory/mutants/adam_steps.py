"""Bugs that the claims about Adam's steps catch."""

from __future__ import annotations

from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import Decay, Epsilon, LearningRate
from tests.theory.planting import Mutant, Plant, distorted, step

LATE = 10**9
"""A step at which 1 - b^t is 1."""


def without_correction(rule: str = "adam") -> Plant:
    """Both averages are taken as they are."""
    return distorted(rule, t=lambda t: LATE)


def from_two(rule: str = "adam") -> Plant:
    """Steps are counted from two."""
    return distorted(rule, t=lambda t: t + 1)


def eps_inside(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """Epsilon stands inside the square root."""
    m, v = state
    g = oracle.gradient(x)
    m, v = lerp(m, g, 1 - beta1), lerp(v, g * g, 1 - beta2)
    scale = (v / (1 - beta2 ** (t + 1)) + eps).sqrt()
    return x - lr / (1 - beta1 ** (t + 1)) * m / scale, (m, v)


def mean_size(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
) -> tuple[Tensor, State]:
    """The root is taken before the average: sizes are averaged, not squares."""
    m, v = state
    g = oracle.gradient(x)
    m, v = lerp(m, g, 1 - beta1), lerp(v, g.abs(), 1 - beta2)
    scale = v / (1 - beta2 ** (t + 1)) + eps
    return x - lr / (1 - beta1 ** (t + 1)) * m / scale, (m, v)


MUTANTS = {
    "AD-01": (
        Mutant("no bias correction", without_correction()),
        Mutant("eps of its own", distorted("adam", eps=lambda eps: 1e-8)),
    ),
    "AD-02": (
        Mutant("no bias correction", without_correction()),
        Mutant("eps inside the square root", step("adam", eps_inside)),
    ),
    "AD-03a": (
        Mutant("no bias correction", without_correction()),
        Mutant("steps counted from two", from_two()),
    ),
    "AD-03b": (
        Mutant("steps counted from two", from_two()),
        Mutant("averages sizes, not squares", step("adam", mean_size)),
    ),
    "AD-04a": (Mutant("no bias correction", without_correction()),),
    "AD-04b": (
        Mutant("no bias correction", without_correction()),
        Mutant("averages sizes, not squares", step("adam", mean_size)),
    ),
    "AD-13": (Mutant("averages sizes, not squares", step("adam", mean_size)),),
}
