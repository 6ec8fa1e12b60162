"""Schedules as the engines see them: numbers for every step of a run, worked out at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.core.parameters import Parameter

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


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule as it is found by its name.

    Attributes:
        factors: `factors(t, horizon, **params)`: from steps t, zero-based, int64, shape (n,), and
            the number of steps of the run to factors on the learning rate, shape (n,).
        parameters: What it takes.
        documentation: Formula and source.
        momentum: The same for the momentum itself, where the schedule can cycle it; what it returns
            is None when it is not to.
    """

    factors: Callable[..., np.ndarray]
    parameters: Mapping[str, Parameter]
    documentation: str
    momentum: Callable[..., np.ndarray | None] | None = None
