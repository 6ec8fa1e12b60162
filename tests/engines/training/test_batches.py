"""Training batches: each example once an epoch, and the same draws whatever was asked before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.task import Augmentation, Pairs, Task, Windows
from optbench.engines.sampler import BLOCK
from optbench.engines.training.batches import Batches
from tests.engines.training.problems import net


def _numbered(n: int, *, augmented: bool = False) -> Task:
    """Return a task whose inputs are the examples' numbers and what was drawn for them."""

    def draw(generator: np.random.Generator, i: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        return np.stack([i, epochs, generator.integers(0, 2**40, len(i))], axis=1)

    def apply(inputs: Tensor, draws: Tensor) -> Tensor:
        return torch.cat([inputs[:, None], draws], dim=1)

    examples = Pairs(torch.arange(n), torch.arange(n))
    augment = Augmentation(draw=draw, apply=apply) if augmented else None
    return replace(net(), train=examples, augment=augment)


def _batches(task: Task, size: int, sampling: str = "epochs", seed: int = 0) -> Batches:
    cpu = torch.device("cpu")
    return Batches(task, seed, size=size, sampling=sampling, device=cpu, dtype=torch.float32)


@pytest.mark.parametrize(("n", "size"), [(20, 5), (20, 7), (5, 5), (300, 2), (3, 2)])
def test_every_example_comes_once_an_epoch(n: int, size: int) -> None:
    """Also where batches lie across epochs and epochs across blocks; the orders differ."""
    batches, steps = _batches(_numbered(n), size), 4 * n
    seen = torch.cat([batches.at(t)[0] for t in range(steps)])
    epochs = seen[: len(seen) // n * n].reshape(-1, n)

    assert all(sorted(epoch.tolist()) == list(range(n)) for epoch in epochs)
    assert n <= 5 or len({tuple(epoch.tolist()) for epoch in epochs}) == len(epochs)


def test_sampling_without_replacement_is_within_a_batch() -> None:
    """Each batch has different examples; over many steps all come about equally often."""
    batches = _batches(_numbered(10), 4, "without_replacement")
    draws = torch.stack([batches.at(t)[0] for t in range(1000)])
    counts = torch.bincount(draws.reshape(-1), minlength=10)

    assert all(len(set(batch.tolist())) == 4 for batch in draws)
    assert abs(counts - 400).max() < 5 * (1000 * 0.4 * 0.6) ** 0.5


@pytest.mark.parametrize("by_task", [False, True])
def test_sampling_with_replacement_is_uniform(by_task: bool) -> None:
    """Asked for by the optimizer or by the task; some batches have an example twice."""
    task = replace(_numbered(10), replacement=by_task)
    batches = _batches(task, 4, "epochs" if by_task else "replacement")
    draws = torch.stack([batches.at(t)[0] for t in range(1000)])
    counts = torch.bincount(draws.reshape(-1), minlength=10)

    assert any(len(set(batch.tolist())) < 4 for batch in draws)
    assert abs(counts - 400).max() < 5 * (4000 * 0.1 * 0.9) ** 0.5


def test_draws_are_the_same_whatever_was_asked_before() -> None:
    """Forwards, backwards, or only one: augmentation and examples of a step are its own."""
    task, steps = _numbered(50, augmented=True), [0, 5, BLOCK - 1, BLOCK, 3 * BLOCK + 1]
    forwards, backwards = _batches(task, 7), _batches(task, 7)
    expected = {t: forwards.at(t)[0] for t in steps}

    for t in reversed(steps):
        assert torch.equal(backwards.at(t)[0], expected[t])
        assert torch.equal(_batches(task, 7).at(t)[0], expected[t])


def test_augmentation_is_told_whom_it_is_for() -> None:
    """The draws of a batch name its examples and their epochs, and differ between epochs."""
    batches = _batches(_numbered(20, augmented=True), 8)
    for t in (0, 3, 70):
        inputs, targets = batches.at(t)
        assert inputs[:, 0].tolist() == inputs[:, 1].tolist() == targets.tolist()
        assert inputs[:, 2].tolist() == [(t * 8 + i) // 20 for i in range(8)]
    draws = torch.cat([batches.at(t)[0][:, 3] for t in range(20)])

    assert len(set(draws.tolist())) == len(draws)


def test_seeds_draw_differently() -> None:
    """The run's and the task's; the draws of one say nothing about the other."""
    task = _numbered(1000, augmented=True)
    a, b = _batches(task, 50), _batches(task, 50, seed=1)
    c = _batches(replace(task, seed=1), 50)

    for column in (0, 3):
        first = [batches.at(0)[0][:, column].tolist() for batches in (a, b, c)]
        assert first[0] != first[1] != first[2] != first[0]


def test_windows_of_a_text_come_with_what_follows() -> None:
    """Targets are the inputs one token later; every window can be drawn, none beyond the end."""
    windows = Windows(torch.arange(12), size=4)
    batches = _batches(replace(net(), train=windows, replacement=True), 5)
    starts = set()
    for t in range(60):
        inputs, targets = batches.at(t)
        assert torch.equal(targets, inputs + 1)
        assert torch.equal(inputs, inputs[:, :1] + torch.arange(4))
        starts |= set(inputs[:, 0].tolist())

    assert starts == set(range(8))
