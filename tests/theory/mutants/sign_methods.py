"""Bugs that the claims about sign methods catch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from optbench.optimizers.sign import lion
from tests.theory.mutants.weight_decay import decays_after
from tests.theory.planting import Moved, Mutant, distorted, step


def normalised(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient over its norm in the place of its signs."""
    g = oracle.gradient(x)
    return x - lr * g / g.norm(dim=-1, keepdim=True), state


def largest_only(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Only the coordinate of the largest gradient moves."""
    g = oracle.gradient(x)
    return x - lr * g.sign() * (g.abs() == g.abs().amax(-1, keepdim=True)), state


def another_lion(sign: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Moved]:
    """Make a Lion of another sign.

    Args:
        sign: The direction, from the gradient, its mixture with the average, and the next average.
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
        weight_decay: float,
    ) -> Moved:
        (m,) = state
        g = oracle.gradient(x)
        mixed, m = lerp(m, g, 1 - beta1), lerp(m, g, 1 - beta2)
        return x - lr * (sign(g, mixed, m) + weight_decay * x), (m,)

    return wrong


def no_zero(g: Tensor, mixed: Tensor, m: Tensor) -> Tensor:
    """The sign of zero is one."""
    return torch.where(mixed >= 0, 1.0, -1.0)


def of_the_gradient(g: Tensor, mixed: Tensor, m: Tensor) -> Tensor:
    """The sign of the gradient alone."""
    return g.sign()


def of_the_average(g: Tensor, mixed: Tensor, m: Tensor) -> Tensor:
    """The sign of the average that is kept: signum."""
    return m.sign()


NORMALISED = Mutant("normalised instead of signs", step("signsgd", normalised))
DOUBLE = Mutant("twice the learning rate", distorted("signsgd", lr=lambda lr: 2 * lr))
WEAK_DECAY = Mutant("half the decay", distorted("lion", weight_decay=lambda decay: decay / 2))

MUTANTS = {
    "SI-01a": (NORMALISED, DOUBLE),
    "SI-01b": (Mutant("only the largest coordinate moves", step("signsgd", largest_only)),),
    "SI-01c": (DOUBLE, NORMALISED),
    "LI-01a": (
        Mutant("the sign of zero is one", step("lion", another_lion(no_zero))),
        Mutant("the learning rate warms up", distorted("lion", lr=lambda lr: lr * 0.999)),
    ),
    "LI-01b": (
        Mutant("the sign of the gradient alone", step("lion", another_lion(of_the_gradient))),
        Mutant("the sign of the average that is kept", step("lion", another_lion(of_the_average))),
    ),
    "LI-02a": (WEAK_DECAY,),
    "LI-02b": (WEAK_DECAY, Mutant("decay after the step", step("lion", decays_after(lion)))),
}
