"""The 1cycle policy: up, down, and far down; the momentum the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from optbench.core.parameters import Param, Value
from optbench.schedules.pieces import (
    CycleMomentum,
    HighMomentum,
    Length,
    LowMomentum,
    half_cosine,
    length_of,
)


def one_cycle(
    t: np.ndarray,
    horizon: int,
    *,
    pct_start: Annotated[float, Param("part of the T steps that rises", low=0, high=1)] = 0.3,
    anneal: Annotated[str, Param("shape of each phase", choices=("cos", "linear"))] = "cos",
    three_phase: Annotated[bool, Param("down as long as up, then far down")] = False,
    div_factor: Annotated[float, Param("highest over first factor", low=1)] = 25.0,
    final_div_factor: Annotated[float, Param("first over last factor", low=1)] = 1e4,
    steps: Length = 0,
    cycle_momentum: CycleMomentum = True,
    base_momentum: LowMomentum = 0.85,
    max_momentum: HighMomentum = 0.95,
) -> np.ndarray:
    """1cycle: from 1/div_factor up to 1, then down to 1/(div_factor final_div_factor).

    With r = pct_start the phases end at t = rT - 1 and T - 1; in three phases at rT - 1, 2rT - 2
    (down to the first factor again) and T - 1. They need not be whole numbers, so that 1 may lie
    between two steps. The last factor is that of the last step, T - 1, one step earlier than the
    end of the other schedules. The momentum goes from max_momentum to base_momentum and back while
    the learning rate goes up and down; in a third phase it stays. The learning rate is the highest.
    As torch.OneCycleLR with max_lr=1; torch divides by zero where rT = 1, here the first step is
    the peak; and at t = T torch goes on a step too far, here the end is the end.
    Source: Smith and Topin 2018; two phases and the cosine are fastai's, and so are the defaults.

    Raises:
        SpecError: When the schedule is longer than the run.
    """
    del cycle_momentum, base_momentum, max_momentum
    first = 1 / div_factor
    low = first / final_div_factor
    levels = (first, 1.0, first, low) if three_phase else (first, 1.0, low)
    T = length_of(steps, horizon)
    return _anneal(np.minimum(t, T - 1), _ends(T, pct_start, three_phase), levels, anneal)


def one_cycle_momentum(
    t: np.ndarray,
    horizon: int,
    *,
    pct_start: float,
    anneal: str,
    three_phase: bool,
    steps: int,
    cycle_momentum: bool,
    base_momentum: float,
    max_momentum: float,
    **_: Value,
) -> np.ndarray | None:
    """Return the momentum of `one_cycle`; None unless it is cycled."""
    if not cycle_momentum:
        return None
    levels = (max_momentum, base_momentum, max_momentum, *[max_momentum] * three_phase)
    T = length_of(steps, horizon)
    return _anneal(np.minimum(t, T - 1), _ends(T, pct_start, three_phase), levels, anneal)


def _ends(T: int, pct_start: float, three_phase: bool) -> tuple[float, ...]:
    """Return the steps at which the phases end."""
    rise = pct_start * T
    return (rise - 1, 2 * rise - 2, T - 1) if three_phase else (rise - 1, T - 1)


def _anneal(
    t: np.ndarray, ends: Sequence[float], levels: Sequence[float], shape: str
) -> np.ndarray:
    """Go from level to level, one phase each; the first phase begins at step 0."""
    values = np.empty(len(t))
    left = np.ones(len(t), dtype=bool)
    begin = 0.0
    for end, high, low in zip(ends, levels, levels[1:], strict=False):
        now = left & ((t <= end) | (end == ends[-1]))
        # A phase without length is only ever met at its end.
        part = (t[now] - begin) / (end - begin) if end != begin else np.ones(now.sum())
        fall = half_cosine(part) if shape == "cos" else 1 - part
        values[now] = low + (high - low) * fall
        left &= ~now
        begin = end
    return values
