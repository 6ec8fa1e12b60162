"""A task: a learning problem, made of a model, a loss and examples in three parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor
    from torch.nn import Module


class Split(Protocol):
    """Some of a task's examples, to be picked by number."""

    def __len__(self) -> int:
        """Return the number of examples n."""

    def to(self, device: torch.device, dtype: torch.dtype) -> Split:
        """Return the split on a device, numbers that are floats in that dtype."""

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs (b, ...) and targets (b, ...) of examples (b,), int64, on the device."""


@dataclass(frozen=True)
class Pairs:
    """Examples that are pairs of an input and a target.

    Attributes:
        inputs: Shape (n, ...), in any dtype.
        targets: Shape (n, ...): classes as int64, or numbers.
        transform: What inputs (b, ...) go through when a batch is made, on the device: from bytes
            to standardised floats, say.
    """

    inputs: Tensor
    targets: Tensor
    transform: Callable[[Tensor], Tensor] | None = None

    def __len__(self) -> int:
        """Return the number of pairs n."""
        return len(self.targets)

    def to(self, device: torch.device, dtype: torch.dtype) -> Pairs:
        """Return the pairs on a device, numbers that are floats in that dtype."""
        parts = [
            part.to(device, dtype) if part.is_floating_point() else part.to(device)
            for part in (self.inputs, self.targets)
        ]
        return replace(self, inputs=parts[0], targets=parts[1])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs (b, ...) and targets (b, ...) of the pairs of these indices (b,)."""
        inputs = self.inputs[indices]
        if self.transform is not None:
            inputs = self.transform(inputs)
        return inputs, self.targets[indices]


@dataclass(frozen=True)
class Windows:
    """Stretches of a sequence; the target is the stretch that begins one later.

    Attributes:
        tokens: The sequence, shape (length,), int64.
        size: Tokens in a stretch, T.
        stride: Distance of the stretches' beginnings: 1 for training, T for evaluation.
    """

    tokens: Tensor
    size: int
    stride: int = 1

    def __len__(self) -> int:
        """Return the number of stretches that have a target for each token."""
        return max(0, (len(self.tokens) - 1 - self.size) // self.stride + 1)

    def to(self, device: torch.device, dtype: torch.dtype) -> Windows:
        """Return the stretches on a device; tokens stay whole numbers."""
        del dtype
        return replace(self, tokens=self.tokens.to(device))

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs (b, T) and targets (b, T) of the stretches of these indices (b,)."""
        import torch

        within = torch.arange(self.size, device=indices.device)
        places = (indices * self.stride)[:, None] + within
        return self.tokens[places], self.tokens[places + 1]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training inputs, the same on every device.

    Attributes:
        draw: `draw(generator, indices, epochs) -> draws`: for examples (m,) in their epochs (m,)
            whole numbers (m, k), drawn on the CPU.
        apply: `apply(inputs, draws) -> inputs`: (b, ...) and (b, k) to (b, ...), on the device,
            without random numbers of its own.
    """

    draw: Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
    apply: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Minimise the mean loss of a model over training examples, and do well on others.

    Attributes:
        module: Makes the model, on the CPU in float32; its initialisation draws from torch's
            generator, which is seeded with the run's seed.
        loss: (output, target) to the mean loss of those examples, a scalar; minimised in training.
        train: The examples that gradients come from.
        validation: The examples by which runs are compared and learning rates chosen; None where
            all of them are trained on, and runs are compared by the training loss.
        test: The examples whose figures are reported at the end of a run. Nothing is chosen by
            them.
        accuracy: (output, target) to the mean score of those examples, in [0, 1], more is better:
            the share of right answers, often.
        judged_by: The loss of evaluations, (output, target) to a scalar, where it is another than
            the one that is minimised (which may be smoothed); None for the same.
        batch_size: Examples in one gradient.
        budget: Steps that a run takes unless told otherwise.
        targets: Targets of a run unless told otherwise, such as `error=0.0875`.
        augment: What training inputs go through.
        replacement: Whether training batches are drawn with replacement, not from shuffled epochs.
        evaluation_batch: Examples in one forward pass of an evaluation.
        stacks: On which devices several runs advance faster as one stacked model (`torch.func`);
            only for models without buffers and without random numbers.
        seed: The seed that made the task, part of the name of every random draw.
    """

    module: Callable[[], Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    train: Split
    validation: Split | None = None
    test: Split | None = None
    accuracy: Callable[[Tensor, Tensor], Tensor] | None = None
    judged_by: Callable[[Tensor, Tensor], Tensor] | None = None
    batch_size: int = 64
    budget: float = 1000
    targets: tuple[str, ...] = ()
    augment: Augmentation | None = None
    replacement: bool = False
    evaluation_batch: int = 1000
    stacks: tuple[str, ...] = ()
    seed: int = 0


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Return the share of examples whose largest score is the target's.

    Args:
        output: Scores of the classes, (..., classes).
        target: Classes, int64, of the shape before the last axis.
    """
    right: Tensor = output.argmax(-1) == target
    return right.float().mean()
