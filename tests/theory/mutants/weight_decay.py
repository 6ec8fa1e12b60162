"""Bugs that the claims about weight decay catch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.optimizers.adam import adam, adamw
from tests.theory.mutants.adam_steps import without_correction
from tests.theory.planting import Moved, Mutant, distorted, step


def decays_after(rule: Callable[..., Moved]) -> Callable[..., Moved]:
    """A rule's decay acts on the point after the step."""

    def wrong(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: float) -> Moved:
        x, state = rule(x, state, oracle, t, **hyper | {"weight_decay": 0.0})
        return (1 - hyper["lr"] * hyper["weight_decay"]) * x, state

    return wrong


def decaying(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, **others: float
) -> Moved:
    """Adam decays by itself."""
    x, state = adam(x, state, oracle, t, lr=lr, **others)
    return (1 - 1e-2 * lr) * x, state


AFTER = Mutant("decay after the step", step("adamw", decays_after(adamw)))
BY_ITSELF = Mutant("Adam decays by itself", step("adam", decaying))

MUTANTS = {
    "AW-01": (
        Mutant(
            "lambda without the learning rate", distorted("adamw", weight_decay=lambda w: 10 * w)
        ),
        Mutant("Adam's eps is 0 where nobody asked", distorted("adamw", eps=lambda eps: 0 * eps)),
    ),
    "AW-02": (Mutant("no bias correction", without_correction()), BY_ITSELF),
    "AW-03a": (AFTER,),
    "AW-03b": (BY_ITSELF,),
    "AW-04": (
        AFTER,
        Mutant("gradient descent takes half a step", distorted("gd", lr=lambda lr: lr / 2)),
    ),
}
