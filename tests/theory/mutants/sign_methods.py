"""Bugs that the claims about sign methods catch."""

from __future__ import annotations

import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import Decay, LearningRate, WeightDecay
from tests.theory.planting import Mutant, distorted, step


def normalised(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = 1e-3
) -> tuple[Tensor, State]:
    """The gradient over its norm in the place of its signs."""
    g = oracle.gradient(x)
    return x - lr * g / g.norm(dim=-1, keepdim=True), state


def largest_only(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = 1e-3
) -> tuple[Tensor, State]:
    """Only the coordinate of the largest gradient moves."""
    g = oracle.gradient(x)
    return x - lr * g.sign() * (g.abs() == g.abs().amax(-1, keepdim=True)), state


def _lion(
    state: State, g: Tensor, beta1: float | Tensor, beta2: float | Tensor
) -> tuple[Tensor, Tensor]:
    (m,) = state
    return lerp(m, g, 1 - beta1), lerp(m, g, 1 - beta2)


def no_zero(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """The sign of zero is one."""
    mixed, m = _lion(state, oracle.gradient(x), beta1, beta2)
    return x - lr * (torch.where(mixed >= 0, 1.0, -1.0) + weight_decay * x), (m,)


def of_the_gradient(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """The sign of the gradient alone."""
    return x - lr * (oracle.gradient(x).sign() + weight_decay * x), state


def of_the_average(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """The sign of the average that is kept: signum."""
    _, m = _lion(state, oracle.gradient(x), beta1, beta2)
    return x - lr * (m.sign() + weight_decay * x), (m,)


def decay_after(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Tensor, State]:
    """The decay acts on the point after the step."""
    mixed, m = _lion(state, oracle.gradient(x), beta1, beta2)
    return (1 - lr * weight_decay) * (x - lr * mixed.sign()), (m,)


DOUBLE = distorted("signsgd", lr=lambda lr: 2 * lr)
WEAK_DECAY = distorted("lion", weight_decay=lambda weight_decay: weight_decay / 2)

MUTANTS = {
    "SI-01a": (
        Mutant("normalised instead of signs", step("signsgd", normalised)),
        Mutant("twice the learning rate", DOUBLE),
    ),
    "SI-01b": (Mutant("only the largest coordinate moves", step("signsgd", largest_only)),),
    "SI-01c": (
        Mutant("twice the learning rate", DOUBLE),
        Mutant("normalised instead of signs", step("signsgd", normalised)),
    ),
    "LI-01a": (
        Mutant("the sign of zero is one", step("lion", no_zero)),
        Mutant("the learning rate warms up", distorted("lion", lr=lambda lr: lr * 0.999)),
    ),
    "LI-01b": (
        Mutant("the sign of the gradient alone", step("lion", of_the_gradient)),
        Mutant("the sign of the average that is kept", step("lion", of_the_average)),
    ),
    "LI-02a": (Mutant("half the decay", WEAK_DECAY),),
    "LI-02b": (
        Mutant("half the decay", WEAK_DECAY),
        Mutant("decay after the step", step("lion", decay_after)),
    ),
}
