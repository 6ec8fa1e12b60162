"""What the training loop asks of an optimizer, whatever its form."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from optbench.engines.training.objective import Objective


class Stepper(Protocol):
    """B runs of a task under one optimizer, standing at some step.

    Attributes:
        rows: Number of runs B.
        gradient_norm: Norms of the gradients of the last step that was looked at, (B,).
        update_ratio: |x_(t+1) - x_t|/|x_t| of that step, (B,).
    """

    rows: int
    gradient_norm: Tensor
    update_ratio: Tensor

    @property
    def gradients(self) -> int:
        """Minibatch gradients that each run was shown."""

    @property
    def products(self) -> int:
        """Hessian-vector products of each run."""

    def step(self, t: int, *, look: bool) -> Tensor:
        """Take step t and return the minibatch losses before it, (B,), without waiting for them.

        With `look` the gradients' norms and the update ratios are measured too.
        """

    def keep(self, rows: Sequence[int]) -> None:
        """Hear that only these runs go on; the figures of the others may be NaN from here on."""

    def standing(self, row: int) -> contextlib.AbstractContextManager[Objective]:
        """Inside the block the model stands where this run is judged."""

    def state(self) -> dict[str, Any]:
        """Return all that the coming steps depend on, as tensors and plain data."""

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was called."""

    def state_bytes(self) -> float:
        """Return the size of the optimizer's state, in bytes per parameter."""


def update_ratio(before: Tensor, after: Tensor) -> Tensor:
    """Return |after - before|/|before|, row by row, (B, d) each to (B,)."""
    norm = torch.linalg.vector_norm
    ratio: Tensor = norm(after - before, dim=-1) / norm(before, dim=-1)
    return ratio
