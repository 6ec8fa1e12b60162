"""Bugs that the claims about Adam's steps catch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from tests.theory.planting import Moved, Mutant, Plant, distorted, step

LATE = 10**9
"""A step at which 1 - b^t is 1."""


def without_correction(rule: str = "adam") -> Plant:
    """Both averages are taken as they are."""
    return distorted(rule, t=lambda t: LATE)


def from_two(rule: str = "adam") -> Plant:
    """Steps are counted from two."""
    return distorted(rule, t=lambda t: t + 1)


def squares(v: Tensor, g: Tensor, beta2: float) -> Tensor:
    """As it should be: a moving average of squares."""
    return lerp(v, g * g, 1 - beta2)


def outside(v: Tensor, eps: float) -> Tensor:
    """As it should be: epsilon behind the square root."""
    return v.sqrt() + eps


def another_adam(
    second: Callable[[Tensor, Tensor, float], Tensor] = squares,
    scale: Callable[[Tensor, float], Tensor] = outside,
) -> Callable[..., Moved]:
    """Make an Adam, or an AMSGrad without its maximum, that differs in a place.

    Args:
        second: The next second moment, from the present one, the gradient and beta2.
        scale: The denominator, from the corrected second moment and epsilon.
    """

    def wrong(
        x: Tensor,
        state: State,
        oracle: Oracle,
        t: int,
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
    ) -> Moved:
        m, v, *rest = state
        g = oracle.gradient(x)
        m, v = lerp(m, g, 1 - beta1), second(v, g, beta2)
        denominator = scale(v / (1 - beta2 ** (t + 1)), eps)
        return x - lr / (1 - beta1 ** (t + 1)) * m / denominator, (m, v, *rest)

    return wrong


def inside(v: Tensor, eps: float) -> Tensor:
    """Epsilon stands inside the square root."""
    return (v + eps).sqrt()


def sizes(v: Tensor, g: Tensor, beta2: float) -> Tensor:
    """The root is taken before the average: sizes are averaged, not squares."""
    return lerp(v, g.abs(), 1 - beta2)


INSIDE = Mutant("eps inside the square root", step("adam", another_adam(scale=inside)))
SIZES = Mutant("averages sizes, not squares", step("adam", another_adam(sizes, torch.add)))

MUTANTS = {
    "AD-01": (
        Mutant("no bias correction", without_correction()),
        Mutant("eps of its own", distorted("adam", eps=lambda eps: 1e-8)),
    ),
    "AD-02": (
        Mutant("no bias correction", without_correction()),
        INSIDE,
    ),
    "AD-03a": (
        Mutant("no bias correction", without_correction()),
        Mutant("steps counted from two", from_two()),
    ),
    "AD-03b": (
        Mutant("steps counted from two", from_two()),
        SIZES,
    ),
    "AD-04a": (Mutant("no bias correction", without_correction()),),
    "AD-04b": (
        Mutant("no bias correction", without_correction()),
        SIZES,
    ),
    "AD-13": (SIZES,),
}
