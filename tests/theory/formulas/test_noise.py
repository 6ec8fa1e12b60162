"""The closed forms of noise floors against sums of squared impulse responses."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.theory.formulas.noise import heavy_ball_floor, nesterov_floor, sgd_floor, sgd_moments

RTOL = 1e-10  # a thousand terms, the rest below 1e-20


def impulses(first: float, second: float) -> float:
    """Return sum psi_k^2 of x_t = first x_(t-1) + second x_(t-2) + n_t."""
    psi = [1.0, first]
    for _ in range(2000):
        psi.append(first * psi[-1] + second * psi[-2])
    return float(np.square(psi).sum())


@pytest.mark.parametrize(("lam", "lr"), [(1.0, 0.1), (0.3, 4.0), (2.0, 0.9)])
def test_the_floor_is_the_power_of_the_impulse_response(lam: float, lr: float) -> None:
    """A first-order autoregression has the variance eta^2 s^2 sum psi^2."""
    expected = lr**2 * 3.0 * impulses(1 - lr * lam, 0.0)

    assert sgd_floor(curvature=lam, lr=lr, variance=3.0) == pytest.approx(expected, rel=RTOL)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_momentum_has_the_power_of_its_own_impulse_response(beta: float) -> None:
    """Heavy ball and Nesterov's method are second-order autoregressions."""
    lam, lr = 0.5, 0.4
    q = 1 - lr * lam
    arguments = {"curvature": lam, "lr": lr, "beta": beta, "variance": 2.0}
    heavy = lr**2 * 2.0 * impulses(1 + beta - lr * lam, -beta)
    ahead = lr**2 * 2.0 * impulses((1 + beta) * q, -beta * q)

    assert heavy_ball_floor(**arguments) == pytest.approx(heavy, rel=RTOL)
    assert nesterov_floor(**arguments) == pytest.approx(ahead, rel=RTOL)


def test_the_mean_square_goes_from_the_start_to_the_floor() -> None:
    """E x_0^2 is x_0^2, E x_1^2 is a^2 x_0^2 + eta^2 s^2, and the limit is the floor."""
    found = sgd_moments([0, 1, 10_000], curvature=1.0, lr=0.5, variance=4.0, start=3.0)

    assert found[0] == 9.0
    assert found[1] == pytest.approx(0.25 * 9 + 0.25 * 4, rel=1e-14)
    assert found[2] == sgd_floor(curvature=1.0, lr=0.5, variance=4.0)
