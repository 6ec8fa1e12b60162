"""The equations by name: our optimizers, and those that only conformance knows."""

from __future__ import annotations

import functools
from typing import Annotated

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.layout import Layout
from optbench.core.optimizer import Optimizer, Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, Param
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.algebra import descend, inner
from optbench.optimizers.find import find_optimizer

CURVATURE = 1e-10
"""Pairs with less curvature y's than this are not kept."""


def lbfgs(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    history: Annotated[int, Param("pairs that are kept", low=1)] = 10,
) -> tuple[Tensor, State]:
    """L-BFGS without a line search (Nocedal 1980; Liu and Nocedal 1989), torch's form.

    x+ = x - eta H g,  H from the last pairs s = x+ - x, y = g+ - g by the two-loop recursion
    (Nocedal and Wright 2006, algorithm 7.4), from H_0 = (s'y / y'y) I of the last pair.

    The first step is shortened to eta min(1, 1/|g|_1). Pairs with y's <= 1e-10 are left out.

    Default: eta = 1; history = 10 (Liu and Nocedal take 3 to 20).
    """
    g = oracle.gradient(x)
    if t == 0:
        step = -lr * torch.clamp(1 / g.abs().sum(-1, keepdim=True), max=1) * g
        return x + step, (step, g)
    step, g_before, *flat = state
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    y = g - g_before
    if bool((inner(y, step) > CURVATURE).all()):
        pairs = [*pairs, (step, y)][-history:]
    step = -lr * _two_loops(g, pairs)
    return descend(x, -1.0, step), (step, g, *(part for pair in pairs for part in pair))


def _two_loops(g: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return H g, shape (B, d)."""
    q, weights = g, []
    for s, y in reversed(pairs):
        weights.append(inner(s, q) / inner(y, s))
        q = q - weights[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = inner(y, s) / inner(y, y) * q
    for (s, y), weight in zip(pairs, reversed(weights), strict=True):
        q = q + s * (weight - inner(y, q) / inner(y, s))
    return q


def _nothing(x: Tensor, layout: Layout) -> State:
    del x, layout
    return ()


LBFGS = UpdateRule(step=lbfgs, start=_nothing)


@functools.cache
def equations() -> dict[str, UpdateRule]:
    """Return the update rules by name; one that needs random gradients is the same as without."""
    found = {name: _found(name) for name in OPTIMIZERS if "." not in name}
    rules = {name: rule for name, rule in found.items() if isinstance(rule, UpdateRule)}
    return {**rules, "lbfgs": LBFGS}


def _found(name: str) -> Optimizer | None:
    """Return an optimizer, or None where it needs a package that is an extra."""
    try:
        return find_optimizer(name)
    except OptbenchError:
        return None
