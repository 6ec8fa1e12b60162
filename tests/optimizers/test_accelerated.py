"""Accelerated methods attain their worst cases exactly, and never more than their bounds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.families.huber import huber
from optbench.families.piecewise import lessard_recht_packard
from tests.helpers import problem_of
from tests.optimizers.gradient_oracle import column, gradient_of, path, spectral_radius

RTOL_ROUNDING = 1e-12
RTOL_RECURRENCE = 1e-9
RTOL_DOUBLE_ROOT = 3e-7
ATOL_GAP = 1e-13


def _displacement(name: str, n: int) -> Tensor:
    """Return how far the points x_0 to x_n go on a linear function, in units of eta g."""
    return -path(name, column(0.0), torch.ones_like, n, lr=1.0)[:, 0, 0]


def _gaps(problem: Problem, points: Tensor) -> Tensor:
    """Return f - f* of points (T, d)."""
    return problem.value_and_gradient(points)[0] - (problem.facts.f_star or 0.0)


def test_nag03_on_a_linear_function_the_simple_rule_goes_a_known_distance() -> None:
    """NAG-03: after n steps x has moved by c_n = (n^2 + 5 n + 2)/8, bit for bit while dyadic."""
    n = torch.arange(1, 201, dtype=torch.float64)
    moved = _displacement("nesterov_convex", 200)

    assert moved[:4].tolist() == [0.0, 1.0, 2.0, 3.25]
    torch.testing.assert_close(moved[1:], (n * n + 5 * n + 2) / 8, rtol=1e-11, atol=0)


def test_nag03_fistas_golden_values() -> None:
    """NAG-03: 1/(4 c_n + 2) is .1666667 .1 .0661069 .0348938 .0175576 at n = 1, 2, 3, 5, 8."""
    moved = _displacement("fista", 8)

    found = [1 / (4 * float(moved[n]) + 2) for n in (1, 2, 3, 5, 8)]
    assert found == pytest.approx([1 / 6, 0.1, 0.0661069, 0.0348938, 0.0175576], abs=5e-8)


@pytest.mark.parametrize("name", ["nesterov_convex", "fista"])
@pytest.mark.parametrize("n", [1, 2, 5, 20, 200])
def test_nag03_hubers_function_is_the_worst_case(name: str, n: int) -> None:
    """NAG-03: with tau = R/(2 c_n + 1) the n-th gap is L R^2/(4 c_n + 2)."""
    L, R = 4.0, 3.0
    c = float(_displacement(name, n)[-1])
    problem = huber(tau=R / (2 * c + 1), smoothness=L, radius=R)
    x = path(name, column(R), gradient_of(problem), n, lr=1 / L)[:, 0]

    found = float(problem.oracle(x)[0][-1])
    assert found == pytest.approx(L * R * R / (4 * c + 2), rel=RTOL_RECURRENCE)


@pytest.mark.parametrize("name", ["nesterov_convex", "fista"])
@pytest.mark.parametrize("text", ["quadratic:kappa=1e4,dim=30", "log_sum_exp", "huber:T=30"])
def test_nag02_no_gap_is_above_the_bound(name: str, text: str) -> None:
    """NAG-02: f(x_t) - f* <= 2 L R^2/(t + 1)^2 at every step."""
    problem = problem_of(text)
    start, L = problem.start(0)[None], problem.facts.smoothness
    distance = problem.distance(start)
    assert L is not None
    assert distance is not None
    gap = _gaps(problem, path(name, start, gradient_of(problem), 300, lr=1 / L)[:, 0])
    t = torch.arange(301, dtype=torch.float64)

    assert bool((gap <= 2 * L * distance**2 / (t + 1) ** 2 * (1 + 1e-9) + ATOL_GAP).all())


@pytest.mark.parametrize("text", ["quadratic:kappa=100,dim=30", "lessard_recht_packard"])
def test_nag04_no_gap_is_above_the_strongly_convex_bound(text: str) -> None:
    """NAG-04: f(x_t) - f* <= (1 - 1/sqrt k)^t (f_0 - f* + mu R^2/2)."""
    problem = problem_of(text)
    start, L, mu = problem.start(0)[None], problem.facts.smoothness, problem.facts.strong_convexity
    distance = problem.distance(start)
    assert L is not None
    assert mu
    assert distance is not None
    root = math.sqrt(L / mu)
    x = path(
        "nesterov_strongly_convex",
        start,
        gradient_of(problem),
        300,
        lr=1 / L,
        beta=(root - 1) / (root + 1),
    )
    gap = _gaps(problem, x[:, 0])
    scale = gap[0] + mu * distance[0] ** 2 / 2
    bound = (1 - 1 / root) ** torch.arange(301, dtype=torch.float64) * scale

    assert bool((gap <= bound * (1 + 1e-9) + ATOL_GAP).all())


def test_nag05_the_slowest_mode_is_a_double_root() -> None:
    """NAG-05: on mu x^2/2 with eta = 1/L the points are (1 + t/sqrt k)(1 - 1/sqrt k)^t."""
    root = 10.0
    x = path(
        "nesterov_strongly_convex",
        column(1.0),
        lambda x: x,
        300,
        lr=1 / root**2,
        beta=(root - 1) / (root + 1),
    )
    t = torch.arange(301, dtype=torch.float64)
    expected = (1 + t / root) * (1 - 1 / root) ** t

    torch.testing.assert_close(x[:, 0, 0], expected, rtol=RTOL_RECURRENCE, atol=0)


@pytest.mark.parametrize("kappa", [10.0, 100.0, 1000.0])
def test_nag06_the_best_constants_for_quadratics(kappa: float) -> None:
    """NAG-06: eta = 4/(3L + mu) and its beta give the rate 1 - 2/sqrt(3k + 1)."""
    root = math.sqrt(3 * kappa + 1)
    rates = [
        spectral_radius(
            "nesterov_strongly_convex",
            curvature,
            1,
            lr=4 / (3 * kappa + 1),
            beta=(root - 2) / (root + 2),
        )
        for curvature in torch.linspace(1, kappa, 50).tolist()
    ]

    assert max(rates) == pytest.approx(1 - 2 / root, rel=RTOL_DOUBLE_ROOT)


def test_nag08_the_convex_rules_do_not_use_strong_convexity() -> None:
    """NAG-08: on a strongly convex quadratic the simple rule ends slower than gradient descent."""
    steps = 4000
    fast = path("nesterov_convex", column(1.0), lambda x: x, steps, lr=0.01)[-100:].abs().max()
    plain = path("gd", column(1.0), lambda x: x, steps, lr=0.01)[-100:].abs().max()

    assert float(fast) > 1e3 * float(plain)


def test_the_tuning_nesterov_is_found_from_the_facts() -> None:
    """Without parameters the strongly convex method has eta = 1/L and beta from kappa."""
    from tests.helpers import trajectory

    run = trajectory("quadratic:kappa=25,dim=5", "nesterov_strongly_convex", budget=3)

    assert run.hyper["beta"] == pytest.approx(2 / 3, rel=RTOL_ROUNDING)


def _theta(n: int) -> float:
    theta = 1.0
    for i in range(n):
        theta = (1 + math.sqrt(1 + (8 if i == n - 1 else 4) * theta**2)) / 2
    return theta


@pytest.mark.parametrize(("n", "golden"), [(1, 0.125), (2, 0.061894), (5, 0.018588), (100, None)])
def test_ogm_is_exactly_minimax(n: int, golden: float | None) -> None:
    """OGM's n-th gap is L R^2/(2 theta_n^2) on the parabola and on Huber's, and no more elsewhere.

    The golden values are for L = R = 1 at n = 1, 2, 5; tau = R/theta_n^2 makes Huber's the worst.
    """
    worst = 1 / (2 * _theta(n) ** 2)
    for tau in (1.0, 1 / _theta(n) ** 2, 3 / _theta(n) ** 2, 0.3 / _theta(n) ** 2):
        problem = huber(tau=tau)
        x = path("ogm", column(1.0), gradient_of(problem), n, lr=1.0)[:, 0]
        gap = float(problem.oracle(x)[0][-1])

        assert gap <= worst * (1 + RTOL_RECURRENCE)
        if tau in (1.0, 1 / _theta(n) ** 2):
            assert gap == pytest.approx(worst, rel=RTOL_RECURRENCE)
    if golden is not None:
        assert worst == pytest.approx(golden, abs=5e-7)


def test_ogm_needs_its_horizon() -> None:
    """The last step is another: the tenth point of a run of ten is not that of a run of twenty."""
    problem = lessard_recht_packard()
    ten = path("ogm", column(3.3), gradient_of(problem), 10, lr=1 / 25)
    twenty = path("ogm", column(3.3), gradient_of(problem), 20, lr=1 / 25)

    assert torch.equal(ten[:10], twenty[:10])
    assert not torch.allclose(ten[10], twenty[10], rtol=1e-3)


def test_projection_is_on_the_points_that_momentum_is_taken_of() -> None:
    """On a box the accelerated methods converge to the constrained minimiser, from inside."""
    for name in ("nesterov_convex", "fista", "nesterov_strongly_convex"):
        hyper = {"beta": 0.5} if name == "nesterov_strongly_convex" else {}
        x = path(
            name,
            column(0.0),
            lambda x: x - 3,
            60,
            lr=0.5,
            project=lambda x: x.clamp(-1, 1),
            **hyper,
        )

        assert float(x[-1]) == 1.0
        assert float(x.max()) <= 1.0
