"""A pair: an implementation and the equation that it claims to be, put through the same trials."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from optbench.conformance.problems import VECTOR, tape
from optbench.conformance.reference import Equation, difference, expected_path
from optbench.conformance.settings import decaying, others, published
from optbench.conformance.trial import Instance, Subject, Trial, path_of
from optbench.conformance.variants.general import nudged_gradient
from optbench.core.layout import Block
from optbench.core.optimizer import missing
from optbench.core.problem import Problem

RTOL = 1e-9
"""Differences above this, relative to the way gone, are no rounding: the paths are a few hundred
steps long, each step rounds a few times, and the gradients are the same."""

FORGIVEN = 64.0
"""A difference is forgiven up to so many times what the last digit of the gradients makes of the
equation's own path."""


class NotApplicableError(Exception):
    """A check that says nothing of this pair; the message says why."""


@dataclass(frozen=True)
class Pair:
    """What every check is given.

    Attributes:
        subject: The implementation.
        equation: What it claims to be.
    """

    subject: Subject
    equation: Equation

    @functools.cached_property
    def base(self) -> dict[str, float]:
        """The published hyperparameters, with a weight decay that shows where there is one."""
        values = published(self.equation.rule)
        return decaying(values) if self.subject.takes("weight_decay") else values

    @functools.cached_property
    def others(self) -> dict[str, float]:
        """Other values of every hyperparameter that the implementation takes."""
        return {**self.base, **others(self.equation.rule, self.subject)}

    @property
    def draws_signs(self) -> bool:
        """Whether the implementation estimates a Hessian by random numbers of its own."""
        traits = getattr(self.subject, "traits", None)
        return traits is not None and traits.gradient == "graph"

    def takes(self, *names: str) -> None:
        """Ask for hyperparameters that a check must set.

        Raises:
            NotApplicableError: When the implementation lacks one.
        """
        lacking = [name for name in names if not self.subject.takes(name)]
        if lacking:
            raise NotApplicableError(f"it takes no {' and no '.join(lacking)}")

    def trial(
        self,
        problem: Problem,
        steps: int,
        hyper: Mapping[str, float] | None = None,
        **more: Any,
    ) -> Trial:
        """Return a trial; hyperparameters that are not given are those of `base`.

        Raises:
            NotApplicableError: When the equation needs what the problem does not have, or the
                implementation lacks a hyperparameter that is set to another value.
        """
        given = hyper or {}
        self.takes(*(name for name, value in given.items() if value != self.base[name]))
        needs = replace(self.equation.rule.needs, stochastic=False, unconstrained=False)
        lacks = missing(self.equation.name, needs, problem)
        if lacks:
            raise NotApplicableError(lacks)
        traits = getattr(self.subject, "traits", None)
        if traits is not None and traits.matrices == "only":
            vectors = {b.name for b in problem.layout.blocks if len(b.shape) != 2}
            more["missing"] = frozenset(vectors) | more.get("missing", frozenset())
        values = {**self.base, **given}
        return Trial(problem=problem, hyper=values, steps=steps, **more)

    def compare(self, trial: Trial) -> float:
        """Return the difference of the two paths; see `difference`.

        0 where it is no more than rounding makes of the equation's own path.
        """
        return deviation(self.path(trial), self.equation, trial)

    def path(self, trial: Trial) -> Tensor:
        """Return the implementation's path, walked once."""
        if trial not in self._paths:
            self._paths[trial] = path_of(self.subject, trial)
        return self._paths[trial]

    @functools.cached_property
    def _paths(self) -> dict[Trial, Tensor]:
        return {}

    def build(self, trial: Trial) -> Instance:
        """Return the implementation at the start of a trial."""
        return self.subject.build(trial)

    def couples_blocks(self, trial: Trial) -> bool:
        """Return whether the equation itself moves a block by the gradients of another."""
        whole = expected_path(self.equation, trial)
        alone = expected_path(self.equation, replace(trial, missing=frozenset({VECTOR})))
        size = trial.layout.blocks[0].size
        return difference(alone[:, :size], whole[:, :size]) > RTOL


def deviation(got: Tensor, equation: Equation, trial: Trial) -> float:
    """Return the difference of a path from an equation's; see `difference`.

    0 where it is no more than rounding of the gradients makes of the equation's own path, as where
    a small eigenvalue is a difference of large numbers, or eigenvectors are chosen by rounding.
    """
    expected = expected_path(equation, trial)
    gap = difference(got, expected)
    if gap <= RTOL or gap == float("inf") or trial.dtype != torch.float64:
        return gap
    own = difference(expected_path(nudged(equation), trial), expected)
    return 0.0 if gap <= FORGIVEN * own else gap


def nudged(equation: Equation) -> Equation:
    """Return the equation on gradients that differ in the last digit."""
    return Equation(equation.name, nudged_gradient(equation.rule))


@functools.lru_cache(maxsize=256)
def along(equation: Equation, trial: Trial) -> Trial:
    """Return the trial with the gradients that the equation meets on its path, for all to see.

    Two implementations of one method part by rounding alone where the method is unstable; shown the
    same gradients they stay together, whatever the problem.
    """
    seen: list[Tensor] = []
    problem = trial.problem

    def recorded(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = problem.oracle(x)
        seen.append(g.double())
        return f, g

    path_of(equation, replace(trial, problem=replace(problem, oracle=recorded)))
    if len(seen) != trial.steps:
        return trial  # it asks for other numbers of gradients, or for none

    def shown(x: Tensor, t: int) -> Tensor:
        return seen[t].to(x).clone()

    return replace(trial, problem=replace(problem, stream=shown))


def alone(problem: Problem, block: Block) -> Problem:
    """Return a problem of shown gradients with one of its blocks only."""
    keep = problem.layout.mask(torch.zeros(1), block.name)
    shown, product, start = problem.stream, problem.hessian_vector, problem.start(0)
    assert shown is not None
    assert product is not None
    diagonal = product(start, torch.ones_like(start))[keep]
    part = tape(lambda t: shown(start[None], t)[0][keep], start=start[keep], blocks=(block,))
    return replace(part, hessian_vector=lambda x, v: v * diagonal.to(v))
