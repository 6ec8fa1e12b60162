"""Golden values, the functions that attain the bounds, and which lines a problem gets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optbench.theory.formulas.rates import (
    gd_contraction,
    gd_convex,
    gd_strongly_convex,
    heavy_ball_rate,
    nesterov_convex,
    nesterov_strongly_convex,
    theory_lines,
)

RTOL_EXACT = 1e-11  # at most a thousand steps of rounding

CONVEX = {"smoothness": 2.0, "strong_convexity": 0.0, "convex": True, "radius": 3.0}
STRONG = {**CONVEX, "strong_convexity": 0.02}


def test_gradient_descent_has_the_golden_worst_cases() -> None:
    """At h = 1 the bound is L R^2/(4 t + 2), the semidefinite program's value."""
    bound = gd_convex([1, 3, 7], smoothness=1, radius=1, lr=1)

    assert bound == pytest.approx([0.16667, 0.07143, 0.03333], abs=5e-6)


@pytest.mark.parametrize("steps", [1, 2, 5, 10, 100, 1000])
@pytest.mark.parametrize("h", [0.3, 1.0])
def test_a_huber_function_attains_the_convex_bound(steps: int, h: float) -> None:
    """Descent on the Huber function with threshold R/(2 h T + 1) ends exactly at the bound."""
    smoothness, radius = 2.0, 3.0
    tau = radius / (2 * h * steps + 1)
    x = radius
    for _ in range(steps):
        x -= h / smoothness * smoothness * min(max(x, -tau), tau)
    gap = smoothness * (x**2 / 2 if abs(x) <= tau else tau * abs(x) - tau**2 / 2)

    bound = gd_convex(steps, smoothness=smoothness, radius=radius, lr=h / smoothness)
    assert gap == pytest.approx(float(bound), rel=RTOL_EXACT)


def test_long_steps_are_bound_by_the_quadratic() -> None:
    """At h = 1.9 the overshooting quadratic L x^2/2 is the worst case for small t."""
    bound = gd_convex(4, smoothness=1, radius=1, lr=1.9)

    assert float(bound) == pytest.approx(0.9**8 / 2, rel=RTOL_EXACT)
    assert float(bound) > 1 / (2 * 1.9 * 4)


def test_two_modes_attain_the_strongly_convex_bound_at_every_step() -> None:
    """At eta = 2/(L + mu) a quadratic with eigenvalues mu and L contracts by rho^2 a step."""
    mu, L, eta = 0.1, 1.0, 2 / 1.1
    h, x = np.array([mu, L]), np.array([1.0, 1.0])
    gaps = []
    for _ in range(50):
        gaps.append(float(h @ x**2 / 2))
        x = x - eta * h * x

    bound = gd_strongly_convex(
        np.arange(50), smoothness=L, strong_convexity=mu, start_gap=gaps[0], lr=eta
    )
    assert gaps == pytest.approx(bound, rel=RTOL_EXACT)
    assert gd_contraction(smoothness=L, strong_convexity=mu, lr=eta) == pytest.approx(9 / 11)


def test_nesterov_has_the_golden_values() -> None:
    """Both bounds of Nesterov's method agree with the table of worst cases."""
    strong = nesterov_strongly_convex(
        [1, 4, 8], smoothness=1, strong_convexity=0.1, start_gap=0.95, radius=1
    )

    assert strong == pytest.approx([0.68377, 0.21860, 0.04779], abs=5e-6)
    assert nesterov_convex([0, 1, 9], smoothness=1, radius=1) == pytest.approx([2, 0.5, 0.02])


@pytest.mark.parametrize(("kappa", "rate"), [(4, 1 / 3), (100, 9 / 11), (1e4, 99 / 101)])
def test_heavy_ball_rate_is_the_spectral_radius(kappa: float, rate: float) -> None:
    """The iteration matrix of every mode between mu and L has this spectral radius."""
    L, mu = kappa, 1.0
    eta, beta = 4 / (math.sqrt(L) + math.sqrt(mu)) ** 2, rate**2
    inner = 0.37 * L + 0.63 * mu
    matrix = np.array([[1 + beta - eta * inner, -beta], [1, 0]])

    assert heavy_ball_rate(kappa=kappa) == pytest.approx(rate, rel=1e-12)
    assert abs(np.linalg.eigvals(matrix)).max() == pytest.approx(rate, rel=1e-9)


def test_lines_of_a_convex_problem_are_the_closed_forms() -> None:
    """Without strong convexity: the exact worst case and Nesterov's bound, in f - f*."""
    gd, nesterov = theory_lines(CONVEX, start_gap=4.0)

    t = np.array([0.0, 1.0, 10.0])
    assert gd.bound(t) == pytest.approx(2 * 9 / (4 * t + 2))
    assert nesterov.bound(t) == pytest.approx(2 * 2 * 9 / (t + 1) ** 2)
    assert "lr 1/L (convex)" in gd.label


def test_lines_of_a_strongly_convex_problem_take_the_smaller_bound() -> None:
    """Gradient descent follows the sublinear bound first and the linear rate in the end."""
    gd, nesterov = theory_lines(STRONG, start_gap=4.0)

    assert float(gd.bound(5)) == pytest.approx(2 * 9 / 22)
    assert float(gd.bound(1000)) == pytest.approx(4 * 0.99**2000)
    assert float(nesterov.bound(10)) == pytest.approx(0.9**10 * (4 + 0.02 * 9 / 2))


@pytest.mark.parametrize(
    "change",
    [
        {"smoothness": None},
        {"radius": None},
        {"convex": False},
        {"convex": None},
        {"noise_variance": 0.1},
    ],
)
def test_no_line_without_the_facts_it_needs(change: dict[str, float | bool | None]) -> None:
    """A bound whose assumptions are not known to hold is not drawn."""
    assert theory_lines({**CONVEX, **change}, start_gap=4.0) == []
    assert theory_lines(CONVEX, start_gap=math.nan) == []
