"""Bugs that the claims about layer-wise steps and clipping catch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.rayleigh import rayleigh
from tests.theory.planting import Moved, Mutant, Plant, attribute, family, forget, step


def whole_norms(self: Layout, x: Tensor) -> Tensor:
    """The layers are forgotten: one norm for all parameters."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return norm.expand_as(x)


def guarded(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: float,
    beta: float,
    trust: float,
    **others: float,
) -> Moved:
    """An epsilon in the denominator of LARS."""
    (m,) = state
    g = oracle.gradient(x)
    r = trust * oracle.layout.norms(x) / (oracle.layout.norms(g) + 1e-3)
    m = beta * m + lr * r * g
    return x - m, (m,)


def unexcluded(layout: Layout, values: Any) -> Layout:
    """Exclusions are lost."""
    return layout


def clamped(self: Layout, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Trust ratios are limited to 10."""
    pieces = [torch.split(v, [b.size for b in self.blocks], -1) for v in (numerator, denominator)]
    ratios = [
        (w.norm(dim=-1, keepdim=True) / u.norm(dim=-1, keepdim=True)).clamp(max=0.1).expand_as(w)
        for w, u in zip(*pieces, strict=True)
    ]
    return torch.cat(ratios, -1)


@functools.wraps(rayleigh)
def leaning(**params: Any) -> Problem:
    """The derivative of 1/|x|^2 is taken half."""
    right = rayleigh(**params)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = right.oracle(x)
        return f, g + (f / x.square().sum(-1))[:, None] * x

    return replace(right, oracle=oracle)


def without_epsilon(g: Tensor, limit: float) -> Tensor:
    """Exactly to the limit."""
    norm = torch.linalg.vector_norm(g, dim=-1, keepdim=True)
    clipped: Tensor = g * (limit / norm).clamp(max=1.0)
    return clipped


def always_normalised(g: Tensor, limit: float) -> Tensor:
    """Short gradients are stretched."""
    stretched: Tensor = limit * g / (torch.linalg.vector_norm(g, dim=-1, keepdim=True) + 1e-6)
    return stretched


def of_the_stack(g: Tensor, limit: float) -> Tensor:
    """One norm for the whole stack of runs or examples."""
    clipped: Tensor = g * (limit / (torch.linalg.vector_norm(g) + 1e-6)).clamp(max=1.0)
    return clipped


def above_only(g: Tensor, limit: float) -> Tensor:
    """Negative coordinates are not clipped."""
    return g.clamp(max=limit)


def unclipped(g: Tensor, limit: float) -> Tensor:
    """Clipping is forgotten."""
    return g


def decayed(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """A little weight decay that nobody asked for."""
    return x - lr * (oracle.gradient(x) + 1e-2 * x), state


def _clip(name: str, bug: str, wrong: Callable[..., Any]) -> Mutant:
    return Mutant(bug, attribute(f"optbench.engines.oracle:{name}", wrong))


def _layout(name: str, wrong: Callable[..., Any]) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Layout, name, wrong)
        forget()

    return plant


WHOLE = Mutant("one norm for all layers", _layout("norms", whole_norms))

MUTANTS = {
    "LS-01a": (WHOLE,),
    "LS-01b": (WHOLE,),
    "LS-01c": (
        Mutant(
            "exclusions are lost", attribute("optbench.engines.batched:with_exclusions", unexcluded)
        ),
    ),
    "LS-02": (Mutant("an epsilon in the denominator", step("lars", guarded)),),
    "LS-03": (
        Mutant(
            "trust ratios are limited",
            _layout("trust_ratio", clamped),
        ),
    ),
    "LS-04": (
        Mutant("half of a derivative", family("rayleigh", leaning)),
        Mutant("a weight decay of 1e-2", step("gd", decayed)),
    ),
    "CL-01a": (
        _clip("clip_norm", "no 1e-6", without_epsilon),
        _clip("clip_norm", "short gradients are stretched", always_normalised),
    ),
    "CL-01b": (_clip("clip_value", "negative coordinates stay", above_only),),
    "CL-02": (_clip("clip_norm", "short gradients are stretched", always_normalised),),
    "CL-03": (_clip("clip_value", "clipping is forgotten", unclipped),),
    "CL-04": (_clip("clip_norm", "examples are not clipped one by one", of_the_stack),),
}
