"""Random draws as pure functions of what they are for, for all runs of a batch at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.core.randomness import stream

BLOCK = 64
"""Steps whose noise or indices are drawn at once; part of the definition of a draw."""


class Sampler:
    """The random draws of some runs: noise, minibatches, labels, signs.

    A draw is a pure function of (problem seed, run seed, purpose, step), made on the CPU, whatever
    else travels in the batch. Runs of equal seed share it.
    """

    def __init__(
        self, problem: Problem, seeds: Sequence[int], batch_size: int, sampling: str, like: Tensor
    ) -> None:
        """Prepare the draws of the runs with these seeds, for points like `like` (B, d)."""
        self._problem, self._batch_size, self._sampling = problem, batch_size, sampling
        self._like = like
        self._unique = sorted(set(seeds))
        rows = [self._unique.index(seed) for seed in seeds]
        self._rows = torch.tensor(rows, device=like.device)
        self._blocks: dict[str, tuple[int, Tensor]] = {}

    def keep(self, rows: Tensor) -> None:
        """Forget the runs that are not among these rows."""
        self._rows = self._rows[rows]

    def noise(self, t: int, call: int) -> Tensor:
        """Return gradient noise, (B, d), of covariance (noise_variance/d/batch size) I."""
        dim = self._like.shape[1]
        variance = self._problem.facts.noise_variance or 0.0
        scale = math.sqrt(variance / dim / max(self._batch_size, 1))
        return scale * self._draw(f"noise-{call}", t)

    def indices(self, t: int, call: int) -> Tensor:
        """Return the examples of a minibatch, shape (B, batch size), int64."""
        return self._draw(f"batch-{call}", t)

    def labels(self, t: int, call: int, count: int) -> Tensor:
        """Return uniform numbers that pick labels, shape (B, count), on [0, 1)."""
        return self._once(lambda seed: self._at(seed, f"labels-{call}", t).random(count))

    def signs(self, t: int, call: int) -> Tensor:
        """Return -1 or 1 with equal probability, shape (B, d)."""
        dim = self._like.shape[1]
        return self._once(
            lambda seed: 2.0 * self._at(seed, f"signs-{call}", t).integers(0, 2, dim) - 1
        )

    def _at(self, seed: int, purpose: str, t: int) -> np.random.Generator:
        return stream(self._problem.seed, seed, purpose, t)

    def _once(self, draw: Callable[[int], np.ndarray]) -> Tensor:
        draws = torch.from_numpy(np.stack([draw(seed) for seed in self._unique]))
        return draws.to(self._like)[self._rows]

    def _draw(self, purpose: str, t: int) -> Tensor:
        block, step = divmod(t, BLOCK)
        if purpose not in self._blocks or self._blocks[purpose][0] != block:
            draws = np.stack([self._block(purpose, seed, block) for seed in self._unique])
            tensor = torch.from_numpy(draws).to(self._like.device)
            if tensor.is_floating_point():
                tensor = tensor.to(self._like.dtype)
            self._blocks[purpose] = (block, tensor)
        return self._blocks[purpose][1][self._rows, step]

    def _block(self, purpose: str, seed: int, block: int) -> np.ndarray:
        """Return one seed's draws of one block of steps, the first axis being the step."""
        problem_seed, n, size = self._problem.seed, self._problem.examples, self._batch_size
        if purpose.startswith("batch") and self._sampling == "epochs":
            length = BLOCK * size
            order = shuffled_epochs(problem_seed, seed, purpose, n, block * length, length)
            return order.reshape(BLOCK, size)
        generator = stream(problem_seed, seed, purpose, block)
        if purpose.startswith("noise"):
            return generator.standard_normal((BLOCK, self._like.shape[1]))
        if self._sampling == "replacement":
            return generator.integers(0, n, (BLOCK, size))
        return np.stack([generator.permutation(n)[:size] for _ in range(BLOCK)])


def shuffled_epochs(
    problem_seed: int, seed: int, purpose: str, n: int, first: int, length: int
) -> np.ndarray:
    """Return a stretch of the endless sequence of shuffled epochs of n examples, (length,).

    A minibatch may lie across two epochs, so that each has the same size, and each example is
    seen exactly once an epoch.
    """
    epochs = range(first // n, (first + length - 1) // n + 1)
    order = [stream(problem_seed, seed, f"{purpose}-epoch", e).permutation(n) for e in epochs]
    start = first - epochs[0] * n
    return np.concatenate(order)[start : start + length]
