"""The silver steps: longer than 2/L now and then, and faster for it."""

from __future__ import annotations

import numpy as np

SILVER = 1 + np.sqrt(2.0)
"""The silver ratio r."""


def silver(t: np.ndarray, horizon: int) -> np.ndarray:
    """Silver steps, in units of 1/L: 1 + r^(nu - 1), r = 1 + sqrt 2, where 2^nu divides t + 1.

    With the learning rate 1/L and T = 2^j - 1 steps gradient descent on convex functions has
    f(x_T) - f* <= L R^2/(1 + sqrt(4 r^(2 j) - 3)), of the order T^-1.27 where constant steps have
    1/T. The factors have no largest: used as a path, `optbench.schedules.silver:silver`.
    Source: Altschuler and Parrilo 2023, Acceleration by stepsize hedging II.
    """
    del horizon
    k = t + 1
    factors: np.ndarray = 1 + SILVER ** (np.log2(k & -k) - 1)
    return factors
