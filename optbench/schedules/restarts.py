"""Cosine decays one after another."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.parameters import Param
from optbench.schedules.pieces import Floor, half_cosine, scaled


def cosine_restarts(
    t: np.ndarray,
    horizon: int,
    *,
    T_0: Annotated[int, Param("steps of the first decay; 0 takes T/7, rounded up", low=0)] = 0,
    T_mult: Annotated[int, Param("how much longer each decay is than the one before", low=1)] = 2,
    end: Floor = 0.0,
) -> np.ndarray:
    """Cosine with warm restarts: end + (1 - end)(1 + cos(pi T_cur/T_i))/2.

    T_cur steps have passed since the decay i began, which is T_i = T_0 T_mult^i steps long. The
    factor is 1 at every restart, and is never quite `end` before one. The run is the end of it.
    Defaults: three decays, each twice as long as the one before.
    As torch.CosineAnnealingWarmRestarts, whose T_mult is 1 unless told otherwise.
    Source: Loshchilov and Hutter 2017, equation 5.
    """
    t = np.minimum(t, horizon)
    first = T_0 or -(-horizon // 7)
    if T_mult == 1:
        return scaled(half_cosine(t % first / first), end)
    begins, length = [0], first
    while begins[-1] + length <= horizon:
        begins.append(begins[-1] + length)
        length *= T_mult
    i = np.searchsorted(begins, t, side="right") - 1
    part = (t - np.array(begins)[i]) / (first * T_mult ** i.astype(np.float64))
    return scaled(half_cosine(part), end)
