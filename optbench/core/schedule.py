"""Schedules as the engines see them: numbers for every step of a run, worked out at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Factors:
    """What a schedule says of the steps 0 to T of a run.

    Attributes:
        lr: Factor on the learning rate, shape (T + 1,), float64.
        momentum: The momentum itself, shape (T + 1,), float64, for a schedule that cycles it; None
            leaves the optimizer its own.
    """

    lr: np.ndarray
    momentum: np.ndarray | None = None
