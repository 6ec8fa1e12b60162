"""A family of variants: one step with knobs, the equation being one setting of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from torch import Tensor

from optbench.conformance.variants.general import Variant, with_step
from optbench.core.optimizer import State, UpdateRule


@dataclass(frozen=True)
class Turn:
    """One difference: the knobs that it turns, and in words what it is.

    Attributes:
        name: As a phrase.
        knobs: Knob to value.
        note: Where it is a known choice: whose.
    """

    name: str
    knobs: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A step with knobs.

    Attributes:
        base: The knobs, a frozen dataclass, at which the step is the equation.
        step: `step(knobs, x, state, oracle, t, **hyper) -> (x, state)`.
        memory: Number of state tensors of x's shape, zero at the start.
        turns: What may differ.
    """

    base: Any
    step: Callable[..., tuple[Tensor, State]]
    memory: int
    turns: tuple[Turn, ...]

    def rule(self, rule: UpdateRule, knobs: Mapping[str, Any] | None = None) -> UpdateRule:
        """Return an equation's hyperparameters with the step at some knobs."""
        step = functools.partial(self.step, replace(self.base, **(knobs or {})))
        changed = with_step(rule, step)
        return replace(changed, memory=self.memory, start=None)

    def differing(self) -> list[Turn]:
        """Return the turns that change this equation."""
        return [turn for turn in self.turns if replace(self.base, **turn.knobs) != self.base]

    def singles(self) -> list[Variant]:
        """Return the variants that differ in one place."""
        return [self._variant((turn,)) for turn in self.differing()]

    def pairs(self) -> Iterator[Variant]:
        """Yield the variants that differ in two places."""
        for one, other in combinations(self.differing(), 2):
            if not set(one.knobs) & set(other.knobs):
                yield self._variant((one, other))

    def _variant(self, turns: tuple[Turn, ...]) -> Variant:
        knobs = {key: value for turn in turns for key, value in turn.knobs.items()}
        return Variant(
            name=" and ".join(turn.name for turn in turns),
            change=lambda rule: self.rule(rule, knobs),
            note="; ".join(turn.note for turn in turns if turn.note),
        )
