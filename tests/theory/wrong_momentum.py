"""Momentum as it should not be: steps for the mutants of several families of claims."""

from __future__ import annotations

from torch import Tensor, lerp

from optbench.core.optimizer import Oracle, State
from tests.theory.planting import Moved


def look_ahead(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float) -> Moved:
    """Heavy ball with the gradient at the look-ahead point."""
    (m,) = state
    m = beta * m + oracle.gradient(x - lr * beta * m)
    return x - lr * m, (m,)


def averaged(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float) -> Moved:
    """The moving average with the learning rate of the sum."""
    (m,) = state
    m = beta * m + (1 - beta) * oracle.gradient(x)
    return x - lr * m, (m,)


def summed(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float) -> Moved:
    """The sum where another form is meant."""
    (m,) = state
    m = beta * m + oracle.gradient(x)
    return x - lr * m, (m,)


def damped_start(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float
) -> Moved:
    """Heavy ball whose first gradient is damped."""
    (m,) = state
    m = beta * m + oracle.gradient(x) * (1 - beta if t == 0 else 1)
    return x - lr * m, (m,)


def undamped_start(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float
) -> Moved:
    """A moving average that starts at the first gradient."""
    (m,) = state
    g = oracle.gradient(x)
    m = g if t == 0 else lerp(m, g, 1 - beta)
    return x - lr * m, (m,)


def behind(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float) -> Moved:
    """Nesterov's method with the gradient at x instead of y."""
    (x_prev,) = state
    return x + beta * (x - x_prev) - lr * oracle.gradient(x), (x,)


def late(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Nesterov's method for convex functions, the momentum's index late by one."""
    (x_prev,) = state
    y = x + t / (t + 3) * (x - x_prev)
    return y - lr * oracle.gradient(y), (x,)


def late_fista(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """FISTA, its momentum divided by the wrong lambda."""
    x_prev, lam = state
    lam_next = (1 + (1 + 4 * lam * lam).sqrt()) / 2
    y = x + (lam - 1).clamp(min=0) / lam.clamp(min=1) * (x - x_prev)
    return y - lr * oracle.gradient(y), (x, lam_next)


def forgetful(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Nesterov's method or FISTA without the momentum."""
    return x - lr * oracle.gradient(x), (x, *state[1:])


def forgetful_constant(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float
) -> Moved:
    """Nesterov's method with constant beta, without the momentum."""
    return x - lr * oracle.gradient(x), (x,)
