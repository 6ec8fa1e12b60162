"""What stands between an optimizer and a problem: it counts, adds noise, draws minibatches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.core.randomness import stream

BLOCK = 64
"""Steps whose noise or indices are drawn at once; part of the definition of a draw."""


class Sampler:
    """The random draws of some runs: noise vectors, or indices of minibatches.

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
            return self._epochs(purpose, seed, block * BLOCK * size).reshape(BLOCK, size)
        generator = stream(problem_seed, seed, purpose, block)
        if purpose.startswith("noise"):
            return generator.standard_normal((BLOCK, self._like.shape[1]))
        if self._sampling == "replacement":
            return generator.integers(0, n, (BLOCK, size))
        return np.stack([generator.permutation(n)[:size] for _ in range(BLOCK)])

    def _epochs(self, purpose: str, seed: int, first: int) -> np.ndarray:
        """Return a stretch of the endless sequence of shuffled epochs.

        A minibatch may lie across two epochs, so that each has the same size, and each example is
        seen exactly once an epoch.
        """
        n, length = self._problem.examples, BLOCK * self._batch_size
        epochs = range(first // n, (first + length - 1) // n + 1)
        order = [
            stream(self._problem.seed, seed, f"{purpose}-epoch", e).permutation(n) for e in epochs
        ]
        start = first - epochs[0] * n
        return np.concatenate(order)[start : start + length]


class BatchOracle:
    """The oracle of a batch of runs that advance together; implements `core.optimizer.Oracle`.

    Attributes:
        gradient_cost: What one gradient costs, in full gradients: b/n for a minibatch of b of n
            examples, b for b noisy gradients that are averaged, else 1.
        deterministic: Whether the gradient shown is the true one.
    """

    def __init__(
        self, problem: Problem, seeds: Sequence[int], batch_size: int, sampling: str, like: Tensor
    ) -> None:
        """Prepare the oracle for points like `like`, shape (B, d).

        Args:
            problem: What is minimised.
            seeds: The seed of each run, length B.
            batch_size: Examples in a gradient; 0 takes them all.
            sampling: `epochs`, `replacement` or `without_replacement`.
            like: A tensor of the points' shape, dtype and device.
        """
        self._problem = problem
        self._minibatch = batch_size > 0 and problem.examples > 0
        self._noisy = not self._minibatch and bool(problem.facts.noise_variance)
        self._sampler = Sampler(problem, seeds, batch_size, sampling, like)
        self._t, self._call = 0, 0
        self._point: Tensor | None = None
        self._seen: tuple[Tensor, Tensor] | None = None
        self.gradient_cost = cost_of_gradient(problem, batch_size)
        self.deterministic = not (self._minibatch or self._noisy or problem.stream)

    def begin(self, t: int) -> None:
        """Start step t: the draws that follow belong to it."""
        self._t, self._call = t, 0

    def keep(self, rows: Tensor) -> None:
        """Forget the runs that are not among these rows."""
        self._sampler.keep(rows)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient that the optimizer is shown at x, (B, d) to (B, d)."""
        if self.deterministic:
            self._point, self._seen = x, self._problem.oracle(x)
            return self._seen[1]
        call, self._call = self._call, self._call + 1
        if self._problem.stream is not None:
            return self._problem.stream(x, self._t)
        if self._minibatch:
            assert self._problem.minibatch is not None
            return self._problem.minibatch(x, self._sampler.indices(self._t, call))
        self._point, self._seen = x, self._problem.oracle(x)
        return self._seen[1] + self._sampler.noise(self._t, call)

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, (B, d) each."""
        assert self._problem.hessian_vector is not None
        return self._problem.hessian_vector(x, v)

    def measure(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return f - shift and, where it comes for free, the true gradient; not counted.

        What an optimizer has evaluated last is not evaluated again.
        """
        if self._seen is not None and x is self._point:
            return self._seen
        return measure(self._problem, x)


def cost_of_gradient(problem: Problem, batch_size: int) -> float:
    """Return what one gradient costs, in full gradients."""
    if batch_size and problem.examples:
        return batch_size / problem.examples
    return float(max(batch_size, 1)) if problem.facts.noise_variance else 1.0


def measure(problem: Problem, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return f - shift, shape (B,), and the gradient unless the value alone is cheaper."""
    return (problem.value(x), None) if problem.value is not None else problem.oracle(x)
