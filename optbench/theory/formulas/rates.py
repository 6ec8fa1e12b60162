"""Worst-case bounds and rates of first-order methods in closed form.

Notation: L smoothness, mu strong convexity, kappa = L/mu, R the distance from the start to the set
of minimisers, D_0 = f(x_0) - f*, eta the learning rate, t the number of steps. Every function takes
t as a number or an array and returns the same shape, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def gd_convex(t: ArrayLike, *, smoothness: float, radius: float, lr: float) -> Array:
    """Exact worst case of gradient descent on convex functions.

    f(x_t) - f* <= (L R^2 / 2) max(1 / (2 h t + 1), (1 - h)^(2 t)) with h = L eta in (0, 2); with
    h = 1 it is L R^2 / (4 t + 2). Attained, for each t, by a Huber function or by L x^2 / 2.

    Source: Drori, Teboulle, "Performance of first-order methods for smooth convex minimization",
    2014, Theorem 3.1 (h <= 1); Kim, "A proof of the exact convergence rate of gradient descent",
    2024, arXiv:2412.04427 (h < 2).

    Args:
        t: Steps taken.
        smoothness: L.
        radius: R.
        lr: Learning rate eta, below 2/L.

    Returns:
        Bound on f(x_t) - f*.
    """
    t = np.asarray(t, dtype=np.float64)
    h = smoothness * lr
    worst = np.maximum(1 / (2 * h * t + 1), (1 - h) ** (2 * t))
    return np.asarray(smoothness * radius**2 / 2 * worst)


def gd_contraction(*, smoothness: float, strong_convexity: float, lr: float) -> float:
    """Contraction factor of the distance under gradient descent, tight for 0 < eta < 2/L.

    rho = max(|1 - eta mu|, |1 - eta L|); eta = 2/(L + mu) gives (kappa - 1)/(kappa + 1).

    Source: Polyak, "Introduction to Optimization", 1987, section 1.4.

    Args:
        smoothness: L.
        strong_convexity: mu.
        lr: Learning rate eta.

    Returns:
        rho, with |x_t - x*| <= rho^t R.
    """
    return max(abs(1 - lr * strong_convexity), abs(1 - lr * smoothness))


def gd_strongly_convex(
    t: ArrayLike, *, smoothness: float, strong_convexity: float, start_gap: float, lr: float
) -> Array:
    """Exact worst case of gradient descent on strongly convex functions, by the starting gap.

    f(x_t) - f* <= rho^(2 t) D_0 with rho of `gd_contraction`.

    Source: Taylor, Hendrickx, Glineur, "Exact worst-case convergence rates of the proximal gradient
    method", 2018, Theorem 3.3 (without the proximal term).

    Args:
        t: Steps taken.
        smoothness: L.
        strong_convexity: mu.
        start_gap: D_0.
        lr: Learning rate eta, below 2/L.

    Returns:
        Bound on f(x_t) - f*.
    """
    rho = gd_contraction(smoothness=smoothness, strong_convexity=strong_convexity, lr=lr)
    return np.asarray(start_gap * rho ** (2 * np.asarray(t, dtype=np.float64)))


def nesterov_convex(t: ArrayLike, *, smoothness: float, radius: float) -> Array:
    """Bound for Nesterov's method on convex functions, at eta = 1/L with growing momentum.

    f(x_t) - f* <= 2 L R^2 / (t + 1)^2

    Source: Nesterov, "A method for solving the convex programming problem with convergence rate
    O(1/k^2)", 1983; Beck, Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009,
    Theorem 4.4.

    Args:
        t: Steps taken.
        smoothness: L.
        radius: R.

    Returns:
        Bound on f(x_t) - f*.
    """
    t = np.asarray(t, dtype=np.float64)
    return np.asarray(2 * smoothness * radius**2 / (t + 1) ** 2)


def nesterov_strongly_convex(
    t: ArrayLike, *, smoothness: float, strong_convexity: float, start_gap: float, radius: float
) -> Array:
    """Bound for Nesterov's method on strongly convex functions, at eta = 1/L.

    f(x_t) - f* <= (1 - 1/sqrt(kappa))^t (D_0 + mu R^2 / 2), momentum
    (sqrt(kappa) - 1)/(sqrt(kappa) + 1). Not tight.

    Source: d'Aspremont, Scieur, Taylor, "Acceleration methods", 2021, Corollary 4.15.

    Args:
        t: Steps taken.
        smoothness: L.
        strong_convexity: mu.
        start_gap: D_0.
        radius: R.

    Returns:
        Bound on f(x_t) - f*.
    """
    t = np.asarray(t, dtype=np.float64)
    rate = 1 - math.sqrt(strong_convexity / smoothness)
    return np.asarray(rate**t * (start_gap + strong_convexity * radius**2 / 2))


def heavy_ball_rate(*, kappa: float) -> float:
    """Asymptotic rate of heavy ball on quadratics with Polyak's pair: the momentum's square root.

    (sqrt(kappa) - 1)/(sqrt(kappa) + 1), for eta = 4/(sqrt(L) + sqrt(mu))^2 and momentum beta equal
    to the square of this rate. It holds for quadratics only, up to a factor t: no bound for f.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
    Lessard, Recht, Packard, 2016, Table 1.

    Args:
        kappa: L/mu.

    Returns:
        Spectral radius of the iteration.
    """
    return (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)


@dataclass(frozen=True, kw_only=True)
class TheoryLine:
    """An upper bound on f(x_t) - f*, to be drawn.

    Attributes:
        label: Method, learning rate and setting, for the legend.
        bound: Steps t, shape (n,), to the bound, shape (n,).
    """

    label: str
    bound: Callable[[ArrayLike], Array]


def theory_lines(facts: Mapping[str, float | bool | None], start_gap: float) -> list[TheoryLine]:
    """Choose the upper bounds that hold on a problem.

    Gradient descent at eta = 1/L gets the smaller of the convex and the strongly convex bound, both
    of which hold at that learning rate; Nesterov's method gets the bound of the variant that its
    setting calls for.

    Args:
        facts: `Run.facts`: smoothness, strong_convexity, convex, radius and noise_variance
            are used.
        start_gap: D_0.

    Returns:
        The lines; none when the problem is not known to be convex, L or R is unknown, or gradients
        are noisy.
    """
    L, mu, R = (_number(facts, name) for name in ("smoothness", "strong_convexity", "radius"))
    noisy = bool(facts.get("noise_variance"))
    if not facts.get("convex") or noisy or not L or R is None or not math.isfinite(start_gap):
        return []
    if not mu:
        return [
            TheoryLine(
                label="bound: gradient descent at lr 1/L (convex)",
                bound=partial(gd_convex, smoothness=L, radius=R, lr=1 / L),
            ),
            TheoryLine(
                label="bound: Nesterov at lr 1/L, growing beta (convex)",
                bound=partial(nesterov_convex, smoothness=L, radius=R),
            ),
        ]
    known = {"smoothness": L, "strong_convexity": mu, "start_gap": start_gap}
    return [
        TheoryLine(
            label="bound: gradient descent at lr 1/L (strongly convex)",
            bound=lambda t: np.minimum(
                gd_convex(t, smoothness=L, radius=R, lr=1 / L),
                gd_strongly_convex(t, **known, lr=1 / L),
            ),
        ),
        TheoryLine(
            label="bound: Nesterov at lr 1/L, beta from kappa",
            bound=partial(nesterov_strongly_convex, **known, radius=R),
        ),
    ]


def _number(facts: Mapping[str, float | bool | None], name: str) -> float | None:
    value = facts.get(name)
    return None if value is None else float(value)
