"""Bugs that the claims about weight decay catch."""

from __future__ import annotations

from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import Decay, Epsilon, LearningRate, WeightDecay
from optbench.optimizers.adam import adam
from tests.theory.mutants.adam_steps import without_correction
from tests.theory.planting import Mutant, distorted, step


def decay_after(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 1e-2,
) -> tuple[Tensor, State]:
    """AdamW's decay acts on the point after the step."""
    x, state = adam(x, state, oracle, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return (1 - lr * weight_decay) * x, state


def decaying(
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
    """Adam decays by itself."""
    x, state = adam(x, state, oracle, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return (1 - 1e-2 * lr) * x, state


AFTER = Mutant("decay after the step", step("adamw", decay_after))

MUTANTS = {
    "AW-01": (
        Mutant(
            "lambda without the learning rate", distorted("adamw", weight_decay=lambda w: 10 * w)
        ),
        Mutant("Adam's eps is 0 where nobody asked", distorted("adamw", eps=lambda eps: 0 * eps)),
    ),
    "AW-02": (
        Mutant("no bias correction", without_correction()),
        Mutant("Adam decays by itself", step("adam", decaying)),
    ),
    "AW-03a": (AFTER,),
    "AW-03b": (Mutant("Adam decays by itself", step("adam", decaying)),),
    "AW-04": (
        AFTER,
        Mutant("gradient descent takes half a step", distorted("gd", lr=lambda lr: lr / 2)),
    ),
}
