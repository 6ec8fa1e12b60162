"""Factors that fall smoothly from the first step on."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.parameters import Param
from optbench.schedules.pieces import Floor, Length, half_cosine, length_of, scaled


def linear(t: np.ndarray, horizon: int, *, steps: Length = 0, end: Floor = 0.0) -> np.ndarray:
    """Linear decay: end + (1 - end)(1 - t/T), and `end` from t = T on.

    The last step of a run, t = T - 1, still moves by 1/T. torch.LinearLR is a line between two
    factors of which the first is not 0: it does this fall with start_factor=1, end_factor=0, but
    as a warm-up it starts at 1/3 unless told otherwise.

    Raises:
        SpecError: When the schedule is longer than the run.
    """
    T = length_of(steps, horizon)
    return scaled(1 - np.minimum(t, T) / T, end)


def cosine(t: np.ndarray, horizon: int, *, steps: Length = 0, end: Floor = 0.0) -> np.ndarray:
    """Cosine: end + (1 - end)(1 + cos(pi t/T))/2, and `end` from t = T on.

    The last step of a run, t = T - 1, does not have the factor `end` yet. torch.CosineAnnealingLR
    is the same up to T_max, by a recurrence that agrees to 1e-9; behind it torch climbs again,
    back to 1 at 2 T_max. Stepped once an epoch, as its example does, torch holds each epoch at the
    factor of its first step: the last of E epochs runs at (1 + cos(pi (E - 1)/E))/2, for E = 10
    at 2.4 %.
    Source: Loshchilov and Hutter 2017, equation 5, one cycle.

    Raises:
        SpecError: When the schedule is longer than the run.
    """
    T = length_of(steps, horizon)
    return scaled(half_cosine(np.minimum(t, T) / T), end)


def polynomial(
    t: np.ndarray,
    horizon: int,
    *,
    power: Annotated[float, Param("power p", above=0)] = 1.0,
    steps: Length = 0,
    end: Floor = 0.0,
) -> np.ndarray:
    """Polynomial decay: end + (1 - end)(1 - t/T)^p, and `end` from t = T on.

    As torch.PolynomialLR, which has no floor and works by a recurrence.
    Source: Liu et al. 2015 (ParseNet), section 3.3, p = 0.9.

    Raises:
        SpecError: When the schedule is longer than the run.
    """
    T = length_of(steps, horizon)
    return scaled((1 - np.minimum(t, T) / T) ** power, end)


def exponential(
    t: np.ndarray,
    horizon: int,
    *,
    gamma: Annotated[float, Param("factor gamma of every step", above=0, high=1)] = 0.999,
) -> np.ndarray:
    """Exponential decay: gamma^t. It has no end.

    Default: a factor of 1/e in 1000 steps. As torch.ExponentialLR.
    """
    del horizon
    factors: np.ndarray = gamma ** t.astype(np.float64)
    return factors


def inverse_sqrt(t: np.ndarray, horizon: int) -> np.ndarray:
    """Inverse square root: 1/sqrt(t + 1), the any-time rate of the subgradient method.

    It has no end. Source: Nesterov 2004, section 3.2.3.
    """
    del horizon
    return 1 / np.sqrt(t + 1.0)


def robbins_monro(
    t: np.ndarray,
    horizon: int,
    *,
    exponent: Annotated[float, Param("a", low=0)] = 1.0,
    offset: Annotated[float, Param("t0", above=0)] = 1.0,
) -> np.ndarray:
    """Robbins and Monro's c/(t + t0)^a as the factor (t0/(t + t0))^a: the first is 1, c = lr t0^a.

    The rates sum to infinity and their squares do not for 1/2 < a <= 1, which is what convergence
    under noise asks for. It has no end. Source: Robbins and Monro 1951; Polyak and Juditsky 1992.
    """
    del horizon
    factors: np.ndarray = (offset / (t + offset)) ** exponent
    return factors


def last_iterate(t: np.ndarray, horizon: int, *, steps: Length = 0) -> np.ndarray:
    """Linear decay with the index of the theorem: (T - t)/(T + 1), and 0 from t = T on.

    With the learning rate R/(G sqrt(T + 1)), which is also the best constant one, the step k = t+1
    of N = T has h_k = R (N + 1 - k)/(G (N + 1)^(3/2)). Then the last iterate of the subgradient
    method has f - f* <= R G/sqrt(N + 1) on every convex function with subgradients up to G, started
    at distance R from a minimiser, and no method does better. The first factor is T/(T + 1), not 1.
    Source: Zamani and Glineur 2023; Defazio et al. 2023 have 1 - k/N with R/(G sqrt N).

    Raises:
        SpecError: When the schedule is longer than the run.
    """
    T = length_of(steps, horizon)
    factors: np.ndarray = (T - np.minimum(t, T)) / (T + 1)
    return factors
