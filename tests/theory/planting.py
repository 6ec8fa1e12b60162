"""Planted bugs: what is wrong, and how it gets into the code for the length of a test."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from torch import Tensor

from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.registry import resolve
from optbench.families import FAMILIES
from optbench.families.find import build, find_family
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer

Plant = Callable[[pytest.MonkeyPatch], None]

Moved = tuple[Tensor, State]
"""What a step returns: the next point and the next state."""


@dataclass(frozen=True)
class Mutant:
    """A bug.

    Attributes:
        bug: What is wrong, in words.
        plant: Puts it into the code.
    """

    bug: str
    plant: Plant


def _place(target: str) -> tuple[Any, str]:
    module, _, attribute = target.rpartition(":")
    return importlib.import_module(module), attribute


def attribute(target: str, value: Any) -> Plant:
    """Replace `module:attribute` by something else."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(*_place(target), value)
        forget()

    return plant


def step(name: str, wrong: Callable[..., Moved], **changes: Any) -> Plant:
    """Give a registered update rule another step, and other attributes of UpdateRule.

    Args:
        name: The rule.
        wrong: The step. It gets all hyperparameters of the right one, by name, and its signature:
            it needs neither defaults nor ranges of its own.
        changes: The other attributes.
    """

    def plant(patch: pytest.MonkeyPatch) -> None:
        module, found = _place(resolve("optimizer", OPTIMIZERS, name))
        rule = vars(module)[found]
        assert isinstance(rule, UpdateRule)

        @functools.wraps(rule.step)
        def signed(*where: Any, **hyper: Any) -> Moved:
            return wrong(*where, **hyper)

        patch.setattr(module, found, replace(rule, step=signed, **changes))
        forget()

    return plant


def distorted(name: str, **changes: Callable[[Any], Any]) -> Plant:
    """Change hyperparameters, or the step `t`, on their way into a registered update rule."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        module, found = _place(resolve("optimizer", OPTIMIZERS, name))
        right = vars(module)[found].step

        def wrong(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> Moved:
            values = {"t": t} | hyper
            moved: Moved = right(
                x, state, oracle, **values | {k: f(values[k]) for k, f in changes.items()}
            )
            return moved

        step(name, wrong)(patch)

    return plant


def family(name: str, wrong: Callable[..., Any]) -> Plant:
    """Put another function in the place of a family of problems."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(*_place(resolve("problem", FAMILIES, name)), wrong)
        forget()

    return plant


def forget() -> None:
    """Drop what was built from code that has changed since."""
    find_optimizer.cache_clear()
    build.cache_clear()
    clear = getattr(find_family, "cache_clear", None)
    if clear is not None:
        clear()
