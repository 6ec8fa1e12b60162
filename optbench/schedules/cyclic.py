"""Factors that go up and down again and again, and a momentum that goes against them."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.parameters import Param, Value
from optbench.schedules.pieces import CycleMomentum, HighMomentum, LowMomentum

HalfCycle = Annotated[int, Param("steps s from the lowest to the highest; 0 takes T/8", low=0)]
Lowest = Annotated[float, Param("lowest factor", low=0, high=1)]
Range = Annotated[float, Param("factor gamma of the height at every step", above=0, high=1)]


def triangular(
    t: np.ndarray,
    horizon: int,
    *,
    half_cycle: HalfCycle = 0,
    low: Lowest = 0.25,
    cycle_momentum: CycleMomentum = False,
    base_momentum: LowMomentum = 0.8,
    max_momentum: HighMomentum = 0.9,
) -> np.ndarray:
    """Triangular cycles: low + (1 - low) max(0, 1 - |t/s - 2c + 1|), c = floor(1 + t/(2s)).

    The learning rate is the highest one. Where the momentum is cycled, it goes from max_momentum
    at the lowest learning rate to base_momentum at the highest. The run is the end of it.
    Defaults: four cycles; from 1/4 of the highest learning rate, the paper's rule of thumb; the
    paper does not cycle the momentum, torch.CyclicLR does unless told otherwise.
    Source: Smith 2017, sections 3.1 to 3.3; Smith 2018 for the momentum.
    """
    del cycle_momentum, base_momentum, max_momentum
    return low + (1 - low) * _height(t, horizon, half_cycle)


def triangular2(
    t: np.ndarray,
    horizon: int,
    *,
    half_cycle: HalfCycle = 0,
    low: Lowest = 0.25,
    cycle_momentum: CycleMomentum = False,
    base_momentum: LowMomentum = 0.8,
    max_momentum: HighMomentum = 0.9,
) -> np.ndarray:
    """Triangular cycles, each half as high as the one before: `triangular` with 2^-(c-1) (1 - low).

    Source: Smith 2017, section 3.1; else as `triangular`.
    """
    del cycle_momentum, base_momentum, max_momentum
    return low + (1 - low) * _halved(t, horizon, half_cycle)


def exp_range(
    t: np.ndarray,
    horizon: int,
    *,
    half_cycle: HalfCycle = 0,
    low: Lowest = 0.25,
    gamma: Range = 0.999,
    cycle_momentum: CycleMomentum = False,
    base_momentum: LowMomentum = 0.8,
    max_momentum: HighMomentum = 0.9,
) -> np.ndarray:
    """Triangular cycles that grow flatter with every step: `triangular` with gamma^t (1 - low).

    Default: a factor of 1/e in 1000 steps. Source: Smith 2017, section 3.1; else as `triangular`.
    """
    del cycle_momentum, base_momentum, max_momentum
    return low + (1 - low) * _faded(t, horizon, half_cycle, gamma)


def triangular_momentum(
    t: np.ndarray, horizon: int, *, half_cycle: int, **momentum: Value
) -> np.ndarray | None:
    """Return the momentum of `triangular`: max - (max - base) height; None unless it is cycled."""
    return _momentum(_height(t, horizon, half_cycle), **momentum)


def triangular2_momentum(
    t: np.ndarray, horizon: int, *, half_cycle: int, **momentum: Value
) -> np.ndarray | None:
    """Return the momentum of `triangular2`: max - (max - base) height; None unless it is cycled."""
    return _momentum(_halved(t, horizon, half_cycle), **momentum)


def exp_range_momentum(
    t: np.ndarray, horizon: int, *, half_cycle: int, gamma: float, **momentum: Value
) -> np.ndarray | None:
    """Return the momentum of `exp_range`: max - (max - base) height; None unless it is cycled."""
    return _momentum(_faded(t, horizon, half_cycle, gamma), **momentum)


def _momentum(
    height: np.ndarray,
    *,
    cycle_momentum: Value,
    base_momentum: Value,
    max_momentum: Value,
    **_: Value,
) -> np.ndarray | None:
    high, drop = float(max_momentum), float(max_momentum) - float(base_momentum)
    return high - drop * height if cycle_momentum else None


def _cycle(t: np.ndarray, horizon: int, half_cycle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number c of the cycle, from 1 on, and the triangle's height, from 0 to 1."""
    s = half_cycle or horizon / 8
    t = np.minimum(t, horizon)
    c = np.floor(1 + t / (2 * s))
    return c, np.maximum(0, 1 - np.abs(t / s - 2 * c + 1))


def _height(t: np.ndarray, horizon: int, half_cycle: int) -> np.ndarray:
    return _cycle(t, horizon, half_cycle)[1]


def _halved(t: np.ndarray, horizon: int, half_cycle: int) -> np.ndarray:
    c, height = _cycle(t, horizon, half_cycle)
    halved: np.ndarray = height * 0.5 ** (c - 1)
    return halved


def _faded(t: np.ndarray, horizon: int, half_cycle: int, gamma: float) -> np.ndarray:
    height = _height(t, horizon, half_cycle)
    faded: np.ndarray = height * gamma ** np.minimum(t, horizon).astype(np.float64)
    return faded
