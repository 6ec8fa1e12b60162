"""Planted bugs: what is wrong, and how it gets into the code for the length of a test."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from optbench.core.optimizer import UpdateRule
from optbench.core.registry import resolve
from optbench.families import FAMILIES
from optbench.families.find import build_problem, find_family
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer

Plant = Callable[[pytest.MonkeyPatch], None]


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


def step(name: str, wrong: Callable[..., Any], **changes: Any) -> Plant:
    """Give a registered update rule another step (`wrong`), and other attributes of UpdateRule."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        module, found = _place(resolve("optimizer", OPTIMIZERS, name))
        rule = vars(module)[found]
        assert isinstance(rule, UpdateRule)
        patch.setattr(module, found, replace(rule, step=wrong, **changes))
        forget()

    return plant


def distorted(name: str, **changes: Callable[[Any], Any]) -> Plant:
    """Change hyperparameters, or the step `t`, on their way into a registered update rule."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        module, found = _place(resolve("optimizer", OPTIMIZERS, name))
        right = vars(module)[found].step

        @functools.wraps(right)
        def wrong(x: Any, state: Any, oracle: Any, t: int, **hyper: Any) -> Any:
            values = {"t": t} | hyper
            return right(x, state, oracle, **values | {k: f(values[k]) for k, f in changes.items()})

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
    build_problem.cache_clear()
    clear = getattr(find_family, "cache_clear", None)
    if clear is not None:
        clear()
