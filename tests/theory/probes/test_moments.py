"""Exact moments against dense covariances, and probes against the equations they probe."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.core.spec import parse_one
from optbench.families.find import build_problem, complete_problem
from optbench.theory.probes.moments import (
    Coefficients,
    coefficients,
    learning_rates,
    linear_step,
    shown_variance,
)
from optbench.theory.setting import Setting

SETTING = Setting(claim="")
RTOL = 1e-12


def dense(a: np.ndarray, b: np.ndarray, variance: float, start: float) -> np.ndarray:
    """Return E x_s x_t, shape (T + 1, T + 1), from each point as a sum over the noise."""
    T = len(a)
    rows = np.zeros((T + 1, T + 1))  # of x_0 and the noises
    rows[0, 0] = 1.0
    for t in range(T):
        rows[t + 1] = a[t] * rows[t]
        rows[t + 1, t + 1] = b[t]
    weights = np.append(start**2, np.full(T, variance))
    found: np.ndarray = (rows * weights) @ rows.T
    return found


@pytest.fixture
def steps() -> Coefficients:
    """Return twelve unlike steps."""
    rng = np.random.default_rng(0)
    return Coefficients(rng.normal(size=12), rng.normal(size=12))


def test_moments_are_the_diagonal_of_the_covariance(steps: Coefficients) -> None:
    """The recursion of E x_t^2 agrees with sums over the noise."""
    expected = np.diag(dense(steps.a, steps.b, 2.0, 3.0))

    assert steps.moments(2.0, 3.0) == pytest.approx(expected, rel=RTOL)


@pytest.mark.parametrize("linear", [False, True])
def test_averages_weigh_the_whole_covariance(steps: Coefficients, linear: bool) -> None:
    """E xbar_t^2 is w' C w for the weights of x_0 to x_(t-1)."""
    covariance = dense(steps.a, steps.b, 2.0, 3.0)
    weights = [np.arange(1.0, t + 1) if linear else np.ones(t) for t in range(1, 13)]
    expected = [w @ covariance[: len(w), : len(w)] @ w / w.sum() ** 2 for w in weights]

    assert steps.averaged(2.0, 3.0, linear=linear) == pytest.approx(np.array(expected), rel=RTOL)


def test_means_do_not_see_the_noise(steps: Coefficients) -> None:
    """E x_T is x_0 times the product of the factors."""
    assert steps.means(2.0)[-1] == pytest.approx(2.0 * np.prod(steps.a), rel=RTOL)


def test_a_step_of_sgd_is_one_minus_eta_lambda() -> None:
    """The probes find a = 1 - eta lambda and b = -eta, one learning rate or many."""
    optimizer = SETTING.optimizer("sgd:lr=.25")
    one = linear_step(optimizer, 0.5)
    many = coefficients(optimizer, 0.5, [0.25, 1.0])

    assert (one.matrix.item(), one.noise.item()) == (0.875, -0.25)
    assert (many.a.tolist(), many.b.tolist()) == ([0.875, 0.5], [-0.25, -1.0])


def test_moments_end_at_the_floor() -> None:
    """Iterated moments and the Lyapunov equation agree for heavy ball."""
    step = linear_step(SETTING.optimizer("heavy_ball:lr=.5,beta=.5"), 1.0)

    assert step.moments(2.0, [1.0, 0.0], 200)[-1] == pytest.approx(step.floor(2.0), rel=1e-10)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_the_oracle_shows_the_variance_over_the_batch_size(size: int) -> None:
    """Each variable's noise has its share of the trace, divided by B."""
    problem = build_problem(complete_problem(parse_one("quadratic:dim=4,kappa=2,noise=6")))
    optimizer = SETTING.optimizer(f"sgd:lr=1,batch_size={size}")

    assert shown_variance(problem, optimizer) == pytest.approx(1.5 / size, rel=RTOL)


def test_learning_rates_are_the_schedules() -> None:
    """c/t starts at c."""
    rates = learning_rates("robbins_monro:exponent=1,offset=1", 3.0, 4)

    assert rates == pytest.approx(np.array([3.0, 1.5, 1.0, 0.75]), rel=1e-15)
