"""Momentum on quadratics and on linear functions in closed form: whole trajectories, not bounds.

Notation as in `optbench.theory.formulas.rates`; eta is the learning rate, beta the momentum, lambda
the curvature of one mode, h = eta lambda.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def double_root(t: ArrayLike, gap: float) -> Array:
    """The slowest mode under momentum that is tuned for it, from rest: x_t/x_0.

    (1 + s t)(1 - s)^t, s the gap below 1 of the double root. Heavy ball with Polyak's pair has
    s = 2/(sqrt kappa + 1); Nesterov's method s = 1/sqrt kappa, and s = 2/sqrt(3 kappa + 1) with its
    best pair. The mode L under Polyak's pair is the same with s = 1 + rho, so that 1 - s is
    negative.

    Source: the recurrence x_(t+1) = 2 r x_t - r^2 x_(t-1), solved; the rates are those of Lessard,
    Recht and Packard 2016, table 1.

    Args:
        t: Steps, any shape.
        gap: s, between 0 and 2.

    Returns:
        x_t/x_0, the shape of t.
    """
    t = np.asarray(t, dtype=np.float64)
    return np.asarray((1 + gap * t) * (1 - gap) ** t)


def polyak_gap(kappa: float) -> float:
    """Return 1 - rho of heavy ball with Polyak's pair, 2/(sqrt kappa + 1)."""
    return 2 / (math.sqrt(kappa) + 1)


def nesterov_gap(kappa: float) -> float:
    """Return 1 - rho of Nesterov's method at eta = 1/L on quadratics, 1/sqrt kappa."""
    return 1 / math.sqrt(kappa)


def nesterov_best_gap(kappa: float) -> float:
    """Return 1 - rho of Nesterov's method with its best pair on quadratics, 2/sqrt(3 kappa + 1)."""
    return 2 / math.sqrt(3 * kappa + 1)


def nesterov_best_pair(kappa: float) -> tuple[float, float]:
    """Return L eta and beta of Nesterov's method that are best on quadratics.

    L eta = 4 kappa/(3 kappa + 1), beta = (sqrt(3 kappa + 1) - 2)/(sqrt(3 kappa + 1) + 2)

    Source: Lessard, Recht and Packard 2016, table 1.
    """
    root = math.sqrt(3 * kappa + 1)
    return 4 * kappa / (3 * kappa + 1), (root - 2) / (root + 2)


def passage(sequence: Callable[[float], ArrayLike], level: float, high: float) -> float:
    """Return the time at which a sequence, continued to real t, falls to a level.

    Args:
        sequence: Time to value; above the level at 0 and below it at `high`, crossing once.
        level: The level.
        high: A time at which it is below.

    Returns:
        The time, to 12 digits.
    """
    low = 0.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if float(np.asarray(sequence(middle))) > level else (low, middle)
    return high


def displacement(momenta: Sequence[float]) -> Array:
    """Return how far Nesterov's method gets on a linear function, in units of eta |g|.

    c_(n+1) = c_n + b_n (c_n - c_(n-1)) + 1, c_0 = 0

    Source: the two sequences of the method with a constant gradient.

    Args:
        momenta: b_0 to b_(n-1); b_0 plays no part.

    Returns:
        c_0 to c_n, shape (n + 1,).
    """
    c = [0.0]
    for b in momenta:
        c.append(c[-1] + b * (c[-1] - (c[-2] if len(c) > 1 else 0.0)) + 1)
    return np.array(c)


def simple_displacement(n: ArrayLike) -> Array:
    """Return c_n of the momenta (t - 1)/(t + 2): (n^2 + 5 n + 2)/8 for n >= 1."""
    n = np.asarray(n, dtype=np.float64)
    return np.asarray((n * n + 5 * n + 2) / 8)


def fista_momenta(n: int) -> list[float]:
    """Return the first n momenta of FISTA, b_t = (lambda_t - 1)/lambda_(t+1), t = 0 to n - 1.

    lambda_0 = 0, lambda_(t+1) = (1 + sqrt(1 + 4 lambda_t^2))/2, so that b_1 = 0.

    Source: Beck and Teboulle 2009, section 4.
    """
    momenta, before = [], 0.0
    for _ in range(n):
        after = (1 + math.sqrt(1 + 4 * before * before)) / 2
        momenta.append((before - 1) / after)
        before = after
    return momenta


def companion_radius(h: ArrayLike, beta: float, method: str) -> Array:
    """Return the factor per step at which momentum shrinks a mode, from its quadratic equation.

    z^2 - p z + q = 0 with (p, q) = (1 + beta - h, beta) for `sum`, (1 + beta - (1 - beta) h, beta)
    for `average`, ((1 + beta)(1 - h), beta (1 - h)) for `nesterov`.

    Source: Polyak 1964; Lessard, Recht and Packard 2016, section 2.

    Args:
        h: eta lambda, any shape.
        beta: Momentum.
        method: `sum`, `average` or `nesterov`.

    Returns:
        The larger modulus of the two roots, the shape of h.
    """
    h = np.asarray(h, dtype=np.float64)
    p, q = {
        "sum": (1 + beta - h, np.full_like(h, beta)),
        "average": (1 + beta - (1 - beta) * h, np.full_like(h, beta)),
        "nesterov": ((1 + beta) * (1 - h), beta * (1 - h)),
    }[method]
    root = np.sqrt(p * p / 4 - q + 0j)
    return np.asarray(np.maximum(np.abs(p / 2 + root), np.abs(p / 2 - root)))
