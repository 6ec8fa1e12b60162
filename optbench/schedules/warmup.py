"""Factors that first rise to exactly 1, and what comes then."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.errors import SpecError
from optbench.core.parameters import Param
from optbench.schedules.pieces import Floor, Length, Warmup, half_cosine, length_of, scaled


def warmup_cosine(
    t: np.ndarray, horizon: int, *, warmup: Warmup = 0, steps: Length = 0, end: Floor = 0.0
) -> np.ndarray:
    """Warm-up and cosine: t/w before w, then cosine over the remaining T - w steps.

    Exactly 1 at t = w; w = 0 is `cosine`; w = T is the warm-up alone. The factor at t = 0 is 0: the
    first step does nothing. Source: Loshchilov and Hutter 2017; Goyal et al. 2017 for the warm-up.

    Raises:
        SpecError: When warmup is longer than the schedule, or the schedule than the run.
    """
    return _risen(t, warmup, scaled(half_cosine(_part(t, horizon, warmup, steps)), end))


def warmup_linear(
    t: np.ndarray, horizon: int, *, warmup: Warmup = 0, steps: Length = 0, end: Floor = 0.0
) -> np.ndarray:
    """Warm-up and linear decay: t/w before w, then linear over the remaining T - w steps.

    Exactly 1 at t = w; w = 0 is `linear`; w = T is the warm-up alone. The factor at t = 0 is 0: the
    first step does nothing. torch.LinearLR's warm-up starts at 1/3 instead, and cannot start at 0.
    Source: Devlin et al. 2019 (BERT), appendix A.2.

    Raises:
        SpecError: When warmup is longer than the schedule, or the schedule than the run.
    """
    return _risen(t, warmup, scaled(1 - _part(t, horizon, warmup, steps), end))


def warmup_inverse_sqrt(
    t: np.ndarray,
    horizon: int,
    *,
    warmup: Annotated[int, Param("steps w of the warm-up; 0 is as 1: none", low=0)] = 4000,
) -> np.ndarray:
    """Warm-up and inverse square root: min(s/w, sqrt(w/s)) with s = t + 1.

    Exactly 1 at s = w, half of it at w/2 and at 4w. It has no end. The published learning rate
    d^-1/2 min(s^-1/2, s w^-3/2) of a model of width d is this with lr = (d w)^-1/2.
    Source: Vaswani et al. 2017, equation 3.
    """
    del horizon
    w, s = max(warmup, 1), t + 1
    factors: np.ndarray = np.where(s < w, s / w, np.sqrt(w / s))
    return factors


def wsd(
    t: np.ndarray,
    horizon: int,
    *,
    warmup: Warmup = 0,
    decay: Annotated[float, Param("part of the T steps that decays", low=0, high=1)] = 0.2,
    shape: Annotated[
        str, Param("of the decay: 1 - p or 1 - sqrt(p)", choices=("linear", "sqrt"))
    ] = "linear",
    steps: Length = 0,
    end: Floor = 0.0,
) -> np.ndarray:
    """Warm-up, stable, decay: t/w before w, then 1, then down over the last D = decay * T steps.

    In the decay end + (1 - end)(1 - p) or end + (1 - end)(1 - sqrt(p)), where p goes from 0 to 1.
    D is a whole number, and at most T - w: a long warm-up leaves the decay what there is. The
    factor at t = 0 is 0 with a warm-up, which ends at exactly 1, and `end` from t = T on.
    Default: the 20 % that do as well as a cosine.
    Source: Hu et al. 2024 (MiniCPM), section 4; Haegele et al. 2024 for the shapes.

    Raises:
        SpecError: When warmup is longer than the schedule, or the schedule than the run.
    """
    T = _length(steps, horizon, warmup)
    D = min(round(decay * T), T - warmup)
    part = np.clip((t - (T - D)) / max(D, 1), 0, 1) if D else np.zeros(len(t))
    return _risen(t, warmup, scaled(1 - (np.sqrt(part) if shape == "sqrt" else part), end))


def _length(steps: int, horizon: int, warmup: int) -> int:
    T = length_of(steps, horizon)
    if warmup > T:
        raise SpecError(f"warm-up of {warmup} steps is longer than the schedule of {T}")
    return T


def _part(t: np.ndarray, horizon: int, warmup: int, steps: int) -> np.ndarray:
    """Return how much of what follows the warm-up is over, from 0 to 1."""
    T = _length(steps, horizon, warmup)
    part: np.ndarray = np.maximum(np.minimum(t, T) - warmup, 0) / max(T - warmup, 1)
    return part


def _risen(t: np.ndarray, warmup: int, then: np.ndarray) -> np.ndarray:
    return np.where(t < warmup, t / max(warmup, 1), then)
