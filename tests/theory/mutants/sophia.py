"""Bugs that the claims about Sophia catch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from optbench.engines.sampler import Sampler
from tests.theory.planting import Moved, Mutant, distorted, forget, step


def unsigned(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    gamma: float,
    eps: float,
    weight_decay: float,
) -> Moved:
    """Hutchinson's estimate without its second factor: H u for u * (H u)."""
    m, h = state
    g = oracle.gradient(x)
    if t % 10 == 0:
        h = lerp(h, oracle.hessian_vector(x, oracle.signs(x)), 1 - beta2)
    m = lerp(m, g, 1 - beta1)
    ratio = (m / (gamma * h).clamp(min=eps)).clamp(-1, 1)
    return x - lr * (ratio + weight_decay * x), (m, h)


def all_ones(patch: pytest.MonkeyPatch) -> None:
    """The random signs are all one."""

    def signs(sampler: Any, t: int, call: int) -> Tensor:
        return torch.ones_like(sampler._like)

    patch.setattr(Sampler, "signs", signs)
    forget()


def leaning(patch: pytest.MonkeyPatch) -> None:
    """A sign is one in three cases of four."""

    def signs(sampler: Any, t: int, call: int) -> Tensor:
        dim = sampler._like.shape[1]
        drawn: Tensor = sampler._once(
            lambda seed: 2.0 * (sampler._at(seed, f"signs-{call}", t).random(dim) < 0.75) - 1
        )
        return drawn

    patch.setattr(Sampler, "signs", signs)
    forget()


MUTANTS = {
    "SP-01": (
        Mutant("an estimate at every step", distorted("sophia_h", t=lambda t: 0)),
        Mutant("gamma divides", distorted("sophia_h", gamma=lambda gamma: 1 / gamma)),
    ),
    "SP-02": (
        Mutant("H u instead of u * (H u)", step("sophia_h", unsigned)),
        Mutant("the signs are all one", all_ones),
        Mutant("ones are three times as frequent", leaning),
    ),
}
