"""What many schedules share: their length, their floor, their warm-up, the shapes of a fall."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.errors import SpecError
from optbench.core.parameters import Param

Length = Annotated[int, Param("steps T of the schedule; 0 takes the whole run", low=0)]
Floor = Annotated[float, Param("last factor", low=0, high=1)]
Warmup = Annotated[int, Param("steps w of the warm-up", low=0)]
CycleMomentum = Annotated[
    bool, Param("whether the momentum goes down as the learning rate goes up")
]
LowMomentum = Annotated[float, Param("momentum at the highest learning rate", low=0, below=1)]
HighMomentum = Annotated[float, Param("momentum at the lowest learning rate", low=0, below=1)]


def length_of(steps: int, horizon: int) -> int:
    """Return the length T of a schedule in a run.

    Raises:
        SpecError: When the schedule is longer than the run, which would never see its end.
    """
    if steps > horizon:
        raise SpecError(f"schedule of {steps} steps is longer than the run of {horizon}")
    return steps or horizon


def scaled(shape: np.ndarray, end: float) -> np.ndarray:
    """Return end + (1 - end) shape: a shape from 1 to 0 as factors from exactly 1 to `end`."""
    factors: np.ndarray = end + (1 - end) * shape
    return factors


def half_cosine(part: np.ndarray) -> np.ndarray:
    """Return (1 + cos(pi p))/2, which falls from 1 at p = 0 to exactly 0 at p = 1."""
    shape: np.ndarray = (1 + np.cos(np.pi * part)) / 2
    return shape
