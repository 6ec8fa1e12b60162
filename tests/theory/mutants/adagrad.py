"""Bugs that the claims about AdaGrad catch."""

from __future__ import annotations

from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Oracle, State
from optbench.optimizers.adagrad import adagrad
from tests.theory.planting import Moved, Mutant, step


def fading(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, eps: float) -> Moved:
    """Old gradients are forgotten."""
    (s,) = state
    g = oracle.gradient(x)
    s = 0.9 * s + g * g
    return x - lr * g / (s.sqrt() + eps), (s,)


def fading_norm(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, b0: float) -> Moved:
    """Old gradients are forgotten."""
    (s,) = state
    g = oracle.gradient(x)
    s = 0.9 * s + (g * g).sum(-1, keepdim=True)
    return x - lr * g / (s + b0 * b0).sqrt(), (s,)


def largest(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, b0: float) -> Moved:
    """The gradient's largest coordinate in the place of its norm."""
    (s,) = state
    g = oracle.gradient(x)
    s = s + (g * g).amax(-1, keepdim=True)
    return x - lr * g / (s + b0 * b0).sqrt(), (s,)


def late(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, eps: float) -> Moved:
    """The sum lacks the last gradient, but for the first step."""
    (s,) = state
    g = oracle.gradient(x)
    seen = s if t else g * g
    return x - lr * g / (seen.sqrt() + eps), (s + g * g,)


def ones(x: Tensor, layout: Layout) -> State:
    """The sum starts at one."""
    return (x.new_ones(x.shape),)


FADING = Mutant("old gradients are forgotten", step("adagrad", fading))

MUTANTS = {
    "AG-01": (FADING, Mutant("the sum lacks the last gradient", step("adagrad", late))),
    "AG-02": (FADING,),
    "AG-03": (FADING, Mutant("the sum starts at one", step("adagrad", adagrad, start=ones))),
    "AG-04": (
        Mutant("old gradients are forgotten", step("adagrad_norm", fading_norm)),
        Mutant("another norm", step("adagrad_norm", largest)),
    ),
}
