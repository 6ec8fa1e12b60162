"""The heavy ball in both forms and the look-ahead, against what algebra says of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from optbench.families.piecewise import lessard_recht_packard
from tests.optimizers.gradient_oracle import (
    column,
    gradient_of,
    in_turn,
    normal,
    path,
    spectral_radius,
    walk,
)

RTOL_ROUNDING = 1e-12
RTOL_RECURRENCE = 1e-9
RTOL_DOUBLE_ROOT = 3e-7


def _polyak(mu: float, L: float) -> tuple[float, float]:
    """Return Polyak's eta and beta."""
    q = (math.sqrt(L / mu) - 1) / (math.sqrt(L / mu) + 1)
    return 4 / (math.sqrt(L) + math.sqrt(mu)) ** 2, q * q


@pytest.mark.parametrize("kappa", [4.0, 100.0, 1e4])
def test_hb01_polyaks_tuning_contracts_both_ends_alike(kappa: float) -> None:
    """HB-01: the spectral radius is (sqrt k - 1)/(sqrt k + 1) at mu, at L and between them."""
    eta, beta = _polyak(1.0, kappa)
    rate = math.sqrt(beta)

    for curvature in (1.0, math.sqrt(kappa), kappa):
        found = spectral_radius("heavy_ball", curvature, 1, lr=eta, beta=beta)
        assert found == pytest.approx(rate, rel=RTOL_DOUBLE_ROOT)


def test_hb02_the_two_slowest_modes_are_known_exactly() -> None:
    """HB-02: mode mu is (1 + (1 - rho) t) rho^t, mode L is (1 + (1 + rho) t)(-rho)^t."""
    eta, beta = _polyak(1.0, 100.0)
    rho = math.sqrt(beta)
    curvatures = torch.tensor([1.0, 100.0], dtype=torch.float64)
    x = path(
        "heavy_ball", torch.ones(1, 2).double(), lambda x: curvatures * x, 300, lr=eta, beta=beta
    )
    t = torch.arange(301, dtype=torch.float64)

    slow, fast = (1 + (1 - rho) * t) * rho**t, (1 + (1 + rho) * t) * (-rho) ** t
    torch.testing.assert_close(x[:, 0], torch.stack([slow, fast], 1), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("heavy_ball", 2 * 1.9),
        ("heavy_ball_ema", 2 * 1.9 / 0.1),
        ("nesterov", 3.8 / 2.8),
    ],
)
def test_hb03_the_largest_stable_step_depends_on_the_form(name: str, limit: float) -> None:
    """HB-03: at beta = .9 quadratics are stable to eta L = 3.8 (sum), 38 (EMA), 1.357 (NAG)."""
    below = spectral_radius(name, 1.0, 1, lr=limit - 1e-4, beta=0.9)
    above = spectral_radius(name, 1.0, 1, lr=limit + 1e-4, beta=0.9)

    assert below < 1 < above


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_hb04_between_two_curvatures_the_rate_is_the_root_of_beta(beta: float) -> None:
    """HB-04: the rate is sqrt b for every eta lam inside ((1 - sqrt b)^2, (1 + sqrt b)^2)."""
    low, high = (1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2

    for share in (0.1, 0.5, 0.9):
        found = spectral_radius("heavy_ball", low + share * (high - low), 1, lr=1.0, beta=beta)
        # With beta = 0 the interval is the point 1, where one step solves the problem.
        assert found == pytest.approx(math.sqrt(beta), rel=RTOL_ROUNDING, abs=1e-15)


def test_hb05_sum_and_moving_average_are_one_method() -> None:
    """HB-05: the sum with eta and the average with eta/(1 - beta) walk the same path."""
    problem = lessard_recht_packard()
    gradient, start = gradient_of(problem), normal(4, 1)
    total = path("heavy_ball", start, gradient, 60, lr=0.01, beta=0.8)
    average = path("heavy_ball_ema", start, gradient, 60, lr=0.01 / (1 - 0.8), beta=0.8)

    torch.testing.assert_close(total, average, rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)


def test_hb06_the_gain_is_ten_for_a_constant_and_a_half_for_an_alternating_gradient() -> None:
    """HB-06: m tends to g/(1 - b) = 10 g, or in size to g/(1 + b) = .526 g."""

    def velocity(gradients: list[Tensor]) -> float:
        return float(walk("heavy_ball", column(0.0), in_turn(gradients), 600, lr=1.0)[1][0])

    one = torch.ones(1, 1, dtype=torch.float64)
    constant, alternating = velocity([one] * 600), velocity([one * (-1) ** t for t in range(600)])

    assert constant == pytest.approx(10, rel=RTOL_ROUNDING)
    assert abs(alternating) == pytest.approx(1 / 1.9, rel=RTOL_ROUNDING)


def test_hb07_the_transient_grows_like_the_root_of_kappa() -> None:
    """HB-07: at kappa = 1e4 the mode L rises to 36.79 times its start before it decays."""
    eta, beta = _polyak(1.0, 1e4)
    x = path("heavy_ball", column(1.0), lambda x: 1e4 * x, 500, lr=eta, beta=beta)

    assert float(x.abs().max()) == pytest.approx(36.7904, abs=1e-4)


def test_hb08_off_quadratics_polyaks_tuning_may_cycle() -> None:
    """HB-08: from 3.3 it ends in the cycle 792, -2208, 2592 over 1225; GD and Nesterov converge."""
    gradient, start = gradient_of(lessard_recht_packard()), column(3.3)
    x = path("heavy_ball", start, gradient, 600, lr=1 / 9, beta=4 / 9)[-3:, 0, 0]
    cycle = {v / 1225 for v in (792, -2208, 2592)}

    assert sorted(x.tolist()) == pytest.approx(sorted(cycle), rel=RTOL_RECURRENCE)
    assert float(path("gd", start, gradient, 600, lr=2 / 26)[-1].abs()) < 1e-9
    assert float(path("nesterov", start, gradient, 600, lr=1 / 25, beta=2 / 3)[-1].abs()) < 1e-9


def test_hb09_with_a_careful_beta_the_heavy_ball_keeps_gradient_descents_rate() -> None:
    """HB-09: with b = sqrt((1 - a mu)(1 - a L)), f_t - f* <= (1 - a mu)^t (f_0 - f*)."""
    problem, steps = lessard_recht_packard(), 300
    for share in (0.3, 0.9, 1.0):
        a = share / 25
        beta = math.sqrt((1 - a) * max(1 - 25 * a, 0))
        x = path("heavy_ball", column(3.3), gradient_of(problem), steps, lr=a, beta=beta)[:, 0]
        gap = problem.oracle(x)[0]
        bound = (1 - a) ** torch.arange(steps + 1, dtype=torch.float64) * gap[0]

        assert bool((gap <= bound * (1 + 1e-9) + 1e-13).all())


def test_nag01_torchs_parameter_is_the_look_ahead_sequence() -> None:
    """NAG-01: `nesterov` is y_t = x_t + b (x_t - x_(t-1)) of `nesterov_strongly_convex`."""
    gradient, start = gradient_of(lessard_recht_packard()), normal(3, 1)
    y = path("nesterov", start, gradient, 60, lr=0.03, beta=0.7)
    x = path("nesterov_strongly_convex", start, gradient, 60, lr=0.03, beta=0.7)
    previous = torch.cat([x[:1], x[:-1]])

    torch.testing.assert_close(y, x + 0.7 * (x - previous), rtol=1e-13, atol=1e-13)
