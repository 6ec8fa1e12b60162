"""A trial: a problem, a start, hyperparameters, and how long; what a check watches is its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Gradients
from optbench.core.problem import Problem
from optbench.engines.oracle import BatchOracle

Groups = Mapping[str, Mapping[str, float]]
"""Block name to the hyperparameters that differ in it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What an implementation and its equation are both put through.

    Trials of one problem object with equal numbers are equal, so that a path is worked out once.

    Attributes:
        problem: What is minimised, or the `stream` of gradients that is shown.
        hyper: Hyperparameters by the names of the equation; the others keep their defaults.
        steps: Number of steps.
        dtype: Of the parameters and gradients.
        groups: Hyperparameters of single blocks.
        missing: Blocks that never get a gradient.
        options: Arguments of the implementation alone, such as `foreach`.
    """

    problem: Problem
    hyper: Mapping[str, float] = field(default_factory=dict)
    steps: int = 200
    dtype: torch.dtype = torch.float64
    groups: Groups = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    options: Mapping[str, object] = field(default_factory=dict)

    def _key(self) -> tuple[object, ...]:
        groups = [(block, *sorted(own.items())) for block, own in sorted(self.groups.items())]
        numbers = (self.steps, self.dtype, self.missing, *sorted(self.options.items()))
        return id(self.problem), *sorted(self.hyper.items()), *groups, *numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def layout(self) -> Layout:
        """The blocks of the point."""
        return self.problem.layout

    def start(self) -> Tensor:
        """Return a fresh starting point, shape (d,), in the trial's dtype."""
        return self.problem.start(0).to(self.dtype, copy=True)

    def oracle(self) -> BatchOracle:
        """Return a fresh oracle of the problem; its draws are the same every time."""
        like = self.start()[None]
        return BatchOracle(self.problem, [0], Gradients(), like, horizon=self.steps)


class Instance(Protocol):
    """An optimizer at work in one trial."""

    def advance(self) -> None:
        """Take one step."""

    def point(self) -> Tensor:
        """Return where it is, shape (d,): the point that it would be judged by."""

    def save(self) -> object:
        """Return its whole state, as a checkpoint holds it."""

    def load(self, saved: object) -> None:
        """Take up a state that another instance saved."""


class Subject(Protocol):
    """Anything that can be put through trials: a class in torch's form, an equation, a variant."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    def build(self, trial: Trial) -> Instance:
        """Return it at the start of a trial."""

    def takes(self, hyper: str) -> bool:
        """Return whether it has a hyperparameter, by the name of the equation."""

    def default(self, hyper: str) -> float | None:
        """Return its own default of a hyperparameter, where it is a number."""


def path_of(subject: Subject, trial: Trial) -> Tensor:
    """Return the points of a trial, shape (steps + 1, d), the start first."""
    instance = subject.build(trial)
    points = [instance.point()]
    for _ in range(trial.steps):
        instance.advance()
        points.append(instance.point())
    return torch.stack(points)
