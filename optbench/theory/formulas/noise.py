"""Closed forms of stochastic gradient methods on a parabola lambda x^2/2 with additive noise.

s^2 is the variance of a gradient's noise, eta the learning rate, h = eta lambda.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def sgd_floor(*, curvature: ArrayLike, lr: ArrayLike, variance: ArrayLike) -> Array:
    """Return the limit of E x_t^2 of stochastic gradient descent, eta s^2/(lambda (2 - h)).

    Source: the variance of a first-order autoregression.

    Args:
        curvature: lambda.
        lr: eta, between 0 and 2/lambda.
        variance: s^2.
    """
    lam, eta, s2 = (np.asarray(v, dtype=np.float64) for v in (curvature, lr, variance))
    floor: Array = eta * s2 / (lam * (2 - eta * lam))
    return floor


def sgd_moments(
    t: ArrayLike, *, curvature: float, lr: float, variance: float, start: float
) -> Array:
    """Return E x_t^2 = a^(2 t) x_0^2 + V (1 - a^(2 t)), a = 1 - h, V the floor.

    Args:
        t: Steps.
        curvature: lambda.
        lr: eta.
        variance: s^2.
        start: x_0.
    """
    left = (1 - lr * curvature) ** (2 * np.asarray(t, dtype=np.float64))
    floor = sgd_floor(curvature=curvature, lr=lr, variance=variance)
    moments: Array = left * start**2 + floor * (1 - left)
    return moments


def heavy_ball_floor(*, curvature: float, lr: float, beta: float, variance: float) -> float:
    """Return the limit of E x_t^2 of heavy ball, sum form.

    eta s^2 (1 + beta)/(lambda (1 - beta) (2 (1 + beta) - h)), a second-order autoregression's.
    """
    h = lr * curvature
    return lr * variance * (1 + beta) / (curvature * (1 - beta) * (2 * (1 + beta) - h))


def nesterov_floor(*, curvature: float, lr: float, beta: float, variance: float) -> float:
    """Return the limit of E x_t^2 of Nesterov's method with a constant beta, x after the gradient.

    eta^2 s^2 (1 + beta q)/((1 - beta q)((1 + beta q)^2 - (1 + beta)^2 q^2)), q = 1 - h.
    """
    q = 1 - lr * curvature
    bottom = (1 - beta * q) * ((1 + beta * q) ** 2 - (1 + beta) ** 2 * q * q)
    return lr**2 * variance * (1 + beta * q) / bottom
