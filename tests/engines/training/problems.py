"""Tiny learning problems, `tests.engines.training.problems:net` in specs, and ways to run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from optbench.core.run import TRAINED, Run
from optbench.core.task import Augmentation, Pairs, Task, accuracy
from optbench.engines.execute import PLAIN, Setting, run_batch
from optbench.engines.planner import Batch, plan
from optbench.engines.training.interruption import InterruptedRunError, Interruption
from tests.engines.test_batches import same_bits
from tests.helpers import specs

NET = "tests.engines.training.problems:net"


def net(*, norm: bool = False, drop: float = 0.0, n: int = 60, noisy: bool = False) -> Task:
    """Return a perceptron 6-5-3 on random classes: 40 examples to train on, batches of 8.

    Args:
        norm: Whether it has a batch norm.
        drop: Probability of dropout.
        n: Examples of all three parts.
        noisy: Whether training inputs are shifted at random.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator)
    y = torch.randint(0, 3, (n,), generator=generator)

    def module() -> nn.Module:
        layers: list[nn.Module] = [nn.Linear(6, 5)]
        layers += [nn.BatchNorm1d(5)] if norm else []
        return nn.Sequential(*layers, nn.Tanh(), nn.Dropout(drop), nn.Linear(5, 3))

    train, rest = 2 * n // 3, n // 6
    return Task(
        module=module,
        loss=nn.functional.cross_entropy,
        train=Pairs(x[:train], y[:train]),
        validation=Pairs(x[train : train + rest], y[train : train + rest]),
        test=Pairs(x[train + rest :], y[train + rest :]),
        accuracy=accuracy,
        batch_size=8,
        budget=12,
        stacks=() if norm or drop else ("cpu", "cuda"),
        augment=Augmentation(draw=_draw, apply=_shift) if noisy else None,
    )


def _draw(generator: np.random.Generator, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    del epochs
    return generator.integers(-1, 2, (len(indices), 1))


def _shift(inputs: Tensor, draws: Tensor) -> Tensor:
    return inputs + 0.1 * draws


class Stop(Interruption):
    """An interruption that comes after some steps."""

    def __init__(self, after: int) -> None:
        """Come after this many steps."""
        super().__init__()
        self._left = after

    def __bool__(self) -> bool:
        self._left -= 1
        return self._left < 0


def batches_of(optimizer: str, problem: str = NET, **settings: Any) -> list[Batch]:
    """Return the batches of a text; see `optbench.request.Request`."""
    return plan(specs(problem, optimizer, **settings))


def train(optimizer: str, problem: str = NET, *, under: Setting = PLAIN, **settings: Any) -> Run:
    """Run one run of a text here."""
    (batch,) = batches_of(optimizer, problem, **settings)
    (run,) = run_batch(batch, under).runs
    return run


def stopped(batch: Batch, folder: Path, after: int) -> Callable[[], list[Run]]:
    """Run a batch with checkpoints, interrupt it after some steps; return how to go on."""
    try:
        run_batch(batch, Setting(checkpoints=folder, interruption=Stop(after)))
    except InterruptedRunError:
        return lambda: run_batch(batch, Setting(checkpoints=folder)).runs
    raise AssertionError("the runs ended before they were interrupted")


def same(a: Run, b: Run) -> bool:
    """Tell whether two runs of a task agree in every bit that the spec decides."""
    return same_bits(a, b) and all(
        np.array_equal(a.trained[c], b.trained[c], equal_nan=True) for c in TRAINED
    )
