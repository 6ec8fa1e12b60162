"""Training batches as pure functions of task, seed and step, the same on every device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from optbench.core.randomness import stream
from optbench.core.task import Task
from optbench.engines.sampler import BLOCK, shuffled_epochs


class Batches:
    """The training batches of one seed.

    Examples, flips and crops are drawn on the CPU, for `BLOCK` steps at once, and gathered and
    applied on the device.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        *,
        size: int,
        sampling: str,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Prepare the batches.

        Args:
            task: Its training examples are moved to the device.
            seed: The run's seed.
            size: Examples in a batch, b.
            sampling: `epochs`, `replacement` or `without_replacement`; a task that trains with
                replacement does so for `epochs` too.
            device: Where batches are needed.
            dtype: Of inputs that are floats.
        """
        self.size = size
        self._task, self._seed, self._device = task, seed, device
        replaced = task.replacement and sampling == "epochs"
        self._sampling = "replacement" if replaced else sampling
        self._split = task.train.to(device, dtype)
        self._block = -1
        self._indices = self._draws = torch.empty(0)

    @property
    def examples(self) -> int:
        """Training examples n."""
        return len(self._task.train)

    def at(self, t: int) -> tuple[Tensor, Tensor]:
        """Return inputs (b, ...) and targets (b, ...) of step t."""
        block, step = divmod(t, BLOCK)
        if block != self._block:
            self._load(block)
        inputs, targets = self._split.batch(self._indices[step])
        if self._task.augment is not None:
            inputs = self._task.augment.apply(inputs, self._draws[step])
        return inputs, targets

    def _load(self, block: int) -> None:
        indices = self._choose(block)
        self._block, self._indices = block, moved(indices, self._device)
        if self._task.augment is None:
            return
        generator = stream(self._task.seed, self._seed, "augmentation", block)
        epochs = (block * indices.size + np.arange(indices.size)) // len(self._task.train)
        draws = self._task.augment.draw(generator, indices.reshape(-1), epochs)
        self._draws = moved(draws.reshape(BLOCK, self.size, -1), self._device)

    def _choose(self, block: int) -> np.ndarray:
        """Return the examples of a block of steps, (BLOCK, b)."""
        n, size, purpose = len(self._task.train), self.size, "batch"
        if self._sampling == "epochs":
            first, length = block * BLOCK * size, BLOCK * size
            order = shuffled_epochs(self._task.seed, self._seed, purpose, n, first, length)
            return order.reshape(BLOCK, size)
        generator = stream(self._task.seed, self._seed, purpose, block)
        if self._sampling == "replacement":
            return generator.integers(0, n, (BLOCK, size))
        return np.stack([generator.choice(n, size, replace=False) for _ in range(BLOCK)])


def moved(draws: np.ndarray, device: torch.device) -> Tensor:
    """Return draws made on the CPU on a device, which is not waited for."""
    tensor = torch.from_numpy(draws)
    if device.type == "cuda":  # only out of pinned memory copies do not wait
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor
