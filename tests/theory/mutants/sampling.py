"""Bugs that the claims about minibatches catch."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.engines.oracle import BatchOracle
from optbench.engines.sampler import BLOCK, Sampler
from optbench.families.finite_sums import mean_estimation, wu_ma_e
from optbench.families.least_mean_squares import least_mean_squares
from tests.theory.planting import Moved, Mutant, Plant, attribute, family, step

TRUE_BLOCK = Sampler._block
TRUE_GRADIENT = BatchOracle._gradient


def method(owner: type, name: str, value: Any) -> Plant:
    """Replace a method."""

    def plant(patch: Any) -> None:
        patch.setattr(owner, name, value)

    return plant


def always_replacing(self: Sampler, purpose: str, seed: int, block: int) -> np.ndarray:
    """Every way of sampling draws with replacement."""
    self._sampling = "replacement"
    return TRUE_BLOCK(self, purpose, seed, block)


def never_replacing(self: Sampler, purpose: str, seed: int, block: int) -> np.ndarray:
    """Sampling with replacement draws without."""
    if self._sampling == "replacement":
        self._sampling = "without_replacement"
    return TRUE_BLOCK(self, purpose, seed, block)


def without_the_last(self: Sampler, purpose: str, seed: int, block: int) -> np.ndarray:
    """The last example is never drawn, the one before it twice as often."""
    found = TRUE_BLOCK(self, purpose, seed, block)
    if purpose.startswith("noise"):
        return found
    clipped: np.ndarray = np.minimum(found, self._problem.examples - 2)
    return clipped


def seldom_the_last(self: Sampler, purpose: str, seed: int, block: int) -> np.ndarray:
    """At every third step a minibatch with the last example is drawn again, once."""
    found = TRUE_BLOCK(self, purpose, seed, block)
    if purpose.startswith("noise"):
        return found
    again = TRUE_BLOCK(self, purpose, seed, block + 10**6)
    redrawn = (found == self._problem.examples - 1).any(axis=1) & (np.arange(BLOCK) % 3 == 0)
    kept: np.ndarray = np.where(redrawn[:, None], again, found)
    return kept


def swapped(
    problem_seed: int, seed: int, purpose: str, n: int, first: int, length: int
) -> np.ndarray:
    """The naive shuffle: every example changes places with any other, in turn."""
    orders = []
    for epoch in range(first // n, (first + length - 1) // n + 1):
        generator, order = np.random.default_rng([seed, epoch]), np.arange(n)
        for i in range(n):
            j = int(generator.integers(n))
            order[[i, j]] = order[[j, i]]
        orders.append(order)
    return np.concatenate(orders)[first % n :][:length]


def one_order(
    problem_seed: int, seed: int, purpose: str, n: int, first: int, length: int
) -> np.ndarray:
    """The data are never shuffled."""
    return np.arange(first, first + length) % n


def all_at_once(self: BatchOracle, x: Tensor) -> Tensor:
    """The batch size is ignored: every gradient is the full one."""
    self._call += 1
    return self._problem.oracle(x)[1]


def summed(**parameters: Any) -> Problem:
    """A minibatch's gradients are summed with the weight 1/3, whatever its size."""
    problem = mean_estimation(**parameters)
    true = problem.minibatch
    assert true is not None
    return _with_minibatch(problem, lambda x, i: true(x, i) * i.shape[1] / 3)


def off_by_one(**parameters: Any) -> Problem:
    """The terms' indices are shifted, so that the last is the one before it."""
    problem = mean_estimation(**parameters)
    true = problem.minibatch
    assert true is not None
    return _with_minibatch(problem, lambda x, i: true(x, (i - 1).clamp(min=0)))


def _with_minibatch(problem: Problem, minibatch: Any) -> Problem:
    from dataclasses import replace

    return replace(problem, minibatch=minibatch)


def alike(**parameters: Any) -> Problem:
    """Both terms have the mean's curvature: the examples agree."""
    problem = wu_ma_e(**parameters)
    return _with_minibatch(problem, lambda x, i: problem.oracle(x)[1])


def stale(**parameters: Any) -> Problem:
    """One example more in each batch than is said."""
    return least_mean_squares(**(parameters | {"batch": parameters["batch"] + 1}))


def longer(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The step is 20 % too long."""
    return x - 1.2 * lr * oracle.gradient(x), state


def seen_twice(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient is that of another draw, averaged with the first."""
    return x - lr * (oracle.gradient(x) + oracle.gradient(x)) / 2, state


SHUFFLE = "optbench.engines.sampler:shuffled_epochs"
WITH = Mutant("drawn with replacement", method(Sampler, "_block", always_replacing))
WITHOUT = Mutant("drawn without replacement", method(Sampler, "_block", never_replacing))
NEVER = Mutant("the last example is never drawn", method(Sampler, "_block", without_the_last))
SELDOM = Mutant("the last example is drawn too seldom", method(Sampler, "_block", seldom_the_last))
NAIVE = Mutant("the naive shuffle", attribute(SHUFFLE, swapped))
FULL = Mutant("every gradient is the full one", method(BatchOracle, "_gradient", all_at_once))
SORTED = Mutant("the data are never shuffled", attribute(SHUFFLE, one_order))
SUM = Mutant("sums with one weight for every B", family("mean_estimation", summed))
SHIFT = Mutant("indices are shifted", family("mean_estimation", off_by_one))
MORE = Mutant("a batch has one example more", family("least_mean_squares", stale))
FAR = Mutant("the step is 20 % too long", step("gd", longer))
FAR_SGD = Mutant("the step is 20 % too long", step("sgd", longer))

MUTANTS = {
    "SG-04a": (NEVER, SELDOM, SHIFT, SUM),
    "SG-04b": (WITHOUT, SELDOM, FULL),
    "SG-04c": (WITH, SELDOM, FULL),
    "SG-15a": (WITH, SORTED, NAIVE, FAR_SGD),
    "SG-15b": (WITH, FAR_SGD),
    "SG-16": (WITH, NEVER),
    "SG-08a": (MORE, FAR),
    "SG-08b": (MORE, FAR),
    "SG-17a": (Mutant("the examples agree", family("wu_ma_e", alike)), FULL),
    "SG-17b": (Mutant("the examples agree", family("wu_ma_e", alike)), FAR_SGD),
    "SG-18a": (
        FAR_SGD,
        Mutant("two draws are averaged", step("sgd", seen_twice, gradients_per_step=2)),
    ),
    "SG-18b": (Mutant("two draws are averaged", step("sgd", seen_twice, gradients_per_step=2)),),
}
