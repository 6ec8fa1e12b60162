"""Exact worst cases of accelerated and other methods in closed form, beside those of `rates`.

Notation as there. A method goes the distance c_n eta |g| on a linear function with slope g, in n
steps from rest: c_n is its displacement, t for gradient descent at eta = 1/L.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from optbench.theory.formulas.rates import Array


def gd_convex_gradient(t: ArrayLike, *, smoothness: float, radius: float, lr: float) -> Array:
    """Exact worst gradient of gradient descent on convex functions, by the distance.

    |grad f(x_t)| <= L R max(1/(h t + 1), |1 - h|^t) with h = L eta in (0, 2). Attained, for each t,
    by a Huber function with tau = R/(h t + 1), or by L x^2/2.

    Source: Taylor, Hendrickx, Glineur, "Smooth strongly convex interpolation and exact worst-case
    performance of first-order methods", 2017; Kim, Fessler, "Optimizing the efficiency of
    first-order methods for decreasing the gradient of smooth convex functions", 2021.

    Args:
        t: Steps taken.
        smoothness: L.
        radius: R.
        lr: Learning rate eta, below 2/L.

    Returns:
        Bound on |grad f(x_t)|.
    """
    t = np.asarray(t, dtype=np.float64)
    h = smoothness * lr
    return np.asarray(smoothness * radius * np.maximum(1 / (h * t + 1), abs(1 - h) ** t))


def gd_convex_gradient_by_gap(
    t: ArrayLike, *, smoothness: float, start_gap: float, lr: float
) -> Array:
    """Exact worst gradient of gradient descent on convex functions, by the starting gap.

    |grad f(x_t)|^2 <= 2 L D_0 max(1/(2 h t + 1), (1 - h)^(2 t)) with h = L eta in (0, 2). Attained,
    for each t, by a Huber function started at (h t + 1) tau, or by L x^2/2.

    Source: as `gd_convex_gradient`.

    Args:
        t: Steps taken.
        smoothness: L.
        start_gap: D_0.
        lr: Learning rate eta, below 2/L.

    Returns:
        Bound on |grad f(x_t)|^2.
    """
    t = np.asarray(t, dtype=np.float64)
    h = smoothness * lr
    worst = np.maximum(1 / (2 * h * t + 1), (1 - h) ** (2 * t))
    return np.asarray(2 * smoothness * start_gap * worst)


def gd_strongly_convex_by_radius(
    t: ArrayLike, *, smoothness: float, strong_convexity: float, radius: float, lr: float
) -> Array:
    """Exact worst case of gradient descent on strongly convex functions, by the distance.

    f(x_t) - f* <= (L R^2/2) max(q/((q - 1) + (1 - eta mu)^(-2 t)), (1 - h)^(2 t)) with q = mu/L
    and h = L eta in (0, 2).

    Source: Kim, "A proof of the exact convergence rate of gradient descent", 2024,
    arXiv:2412.04427.

    Args:
        t: Steps taken.
        smoothness: L.
        strong_convexity: mu, above 0.
        radius: R.
        lr: Learning rate eta, below 2/L.

    Returns:
        Bound on f(x_t) - f*.
    """
    t = np.asarray(t, dtype=np.float64)
    q, h = strong_convexity / smoothness, smoothness * lr
    with np.errstate(divide="ignore"):  # eta = 1/mu, which is 1/L at kappa = 1: one step is enough
        # expm1(...) is (1 - eta mu)^(-2 t) - 1, in which small mu would cancel.
        square = np.log1p(lr * strong_convexity * (lr * strong_convexity - 2))
        slow = q / (q + np.where(t > 0, np.expm1(-np.maximum(t, 1) * square), 0.0))
    return np.asarray(smoothness * radius**2 / 2 * np.maximum(slow, (1 - h) ** (2 * t)))


def nesterov_displacement(t: ArrayLike) -> Array:
    """Displacement of Nesterov's method with momentum (t - 1)/(t + 2): c_t = (t^2 + 5 t + 2)/8.

    Source: Taylor, Hendrickx, Glineur, 2017, Table 1, through the worst case 2 L R^2/((t + 2)
    (t + 3)).

    Args:
        t: Steps taken, from 1 on.

    Returns:
        c_t.
    """
    t = np.asarray(t, dtype=np.float64)
    return np.asarray((t * t + 5 * t + 2) / 8)


def fista_displacement(t: int) -> float:
    """Displacement of Nesterov's method with FISTA's momentum, by its recursion.

    c+ = c + (lambda - 1)/lambda+ (c - c_prev) + 1,  lambda+ = (1 + sqrt(1 + 4 lambda^2))/2,
    lambda_1 = 1

    Source: the momentum is that of Beck, Teboulle, "A fast iterative shrinkage-thresholding
    algorithm", 2009, equation 4.2.

    Args:
        t: Steps taken.

    Returns:
        c_t.
    """
    c, c_prev, lam = 0.0, 0.0, 0.0
    for _ in range(t):
        lam_next = (1 + math.sqrt(1 + 4 * lam * lam)) / 2
        c, c_prev, lam = c + (lam - 1) / lam_next * (c - c_prev) + 1, c, lam_next
    return c


def nesterov_exact(displacement: ArrayLike, *, smoothness: float, radius: float) -> Array:
    """Exact worst case of Nesterov's method on convex functions at eta = 1/L.

    f(x_n) - f* <= L R^2/(4 c_n + 2), attained by a Huber function with tau = R/(2 c_n + 1); with
    c_n = n it is gradient descent's.

    Source: Taylor, Hendrickx, Glineur, 2017, Table 1 (a conjecture that semidefinite programs
    confirm to the solver's accuracy).

    Args:
        displacement: c_n.
        smoothness: L.
        radius: R.

    Returns:
        Worst f(x_n) - f*.
    """
    c = np.asarray(displacement, dtype=np.float64)
    return np.asarray(smoothness * radius**2 / (4 * c + 2))


def minimax_convex(t: int, *, smoothness: float, radius: float) -> float:
    """Smallest worst case that any first-order method has on convex functions: that of OGM.

    f(x_T) - f* <= L R^2/(2 theta_T^2),  theta+ = (1 + sqrt(1 + 4 theta^2))/2, theta_0 = 1, with 8
    in the place of 4 in the last step.

    Source: Kim, Fessler, "Optimized first-order methods for smooth convex minimization", 2016,
    Theorem 2; no method does better: Drori, "The exact information-based complexity of smooth
    convex minimization", 2017.

    Args:
        t: Steps taken, T.
        smoothness: L.
        radius: R.

    Returns:
        Bound on f(x_T) - f*.
    """
    theta = 1.0
    for i in range(t):
        theta = (1 + math.sqrt(1 + (8 if i == t - 1 else 4) * theta * theta)) / 2
    return smoothness * radius**2 / (2 * theta * theta)
