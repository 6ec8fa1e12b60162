"""Nesterov's worst functions: golden numbers, the chain of zeros, the lower bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optbench.core.problem import Problem
from optbench.families.nesterov import nesterov_convex, nesterov_strongly_convex


def matrix(problem: Problem) -> torch.Tensor:
    """Return the Hessian, shape (d, d)."""
    axes = torch.eye(problem.facts.dim, dtype=torch.float64)
    assert problem.hessian_vector is not None
    return problem.hessian_vector(axes, axes)


@pytest.mark.parametrize("T", [1, 3, 10, 40])
def test_minimum_and_radius_have_their_closed_forms(T: int) -> None:
    """f* = -(L/8)(1 - 1/(k+1)) and R^2 = k (2k+1)/(6 (k+1)), and x* solves H x = b."""
    L, k = 2.0, 2 * T + 1
    problem = nesterov_convex(T=T, smoothness=L)
    x_star = problem.facts.x_star
    assert x_star is not None
    b = torch.zeros(k, dtype=torch.float64)
    b[0] = L / 4

    np.testing.assert_allclose(torch.linalg.solve(matrix(problem), b), x_star, rtol=1e-11)
    assert problem.facts.f_star == pytest.approx(-L / 8 * (1 - 1 / (k + 1)), rel=1e-14)
    assert float(-b @ x_star / 2) == pytest.approx(problem.facts.f_star, rel=1e-13)
    assert float(x_star @ x_star) == pytest.approx(k * (2 * k + 1) / (6 * (k + 1)), rel=1e-13)
    assert float(torch.linalg.eigvalsh(matrix(problem))[0]) == pytest.approx(
        problem.facts.strong_convexity, rel=1e-10
    )


@pytest.mark.parametrize("T", [1, 3, 10, 40])
def test_conjugate_gradients_gap_is_exact_and_above_the_lower_bound(T: int) -> None:
    """After t steps CG, the best span method, has the gap L/(16 (t+1)) and keeps the bound."""
    problem = nesterov_convex(T=T)
    H, x = matrix(problem), problem.start(0)
    r = p = -problem.oracle(x[None])[1][0]
    for _ in range(T):
        step = (r @ r) / (p @ H @ p)
        x, previous = x + step * p, r
        r = r - step * (H @ p)
        p = r + (r @ r) / (previous @ previous) * p

    gap = float(problem.oracle(x[None])[0])

    assert problem.facts.x_star is not None
    radius = float(problem.facts.x_star.norm())
    assert gap == pytest.approx(1 / (16 * (T + 1)), rel=1e-10)
    assert gap >= 3 * radius**2 / (32 * (T + 1) ** 2)


@pytest.mark.parametrize("family", [nesterov_convex, nesterov_strongly_convex])
def test_each_gradient_reveals_one_coordinate(family: type) -> None:
    """From the origin coordinate i is exactly zero until step i: no rounding leaks ahead."""
    problem: Problem = family()
    x = problem.start(0)[None]
    for t in range(1, 11):
        x = x - 0.9 * problem.oracle(x)[1]

        assert bool((x[0, :t] != 0).all())
        assert bool((x[0, t:] == 0).all())


def test_strongly_convex_minimiser_is_the_infinite_ones() -> None:
    """x*_i = q^i up to the truncation; it solves the finite system exactly."""
    problem = nesterov_strongly_convex(dim=60, kappa=30.0, smoothness=3.0)
    x_star = problem.facts.x_star
    assert x_star is not None
    b = torch.zeros(60, dtype=torch.float64)
    b[0] = (3.0 - 0.1) / 4

    np.testing.assert_allclose(
        x_star, torch.linalg.solve(matrix(problem), b), rtol=1e-9, atol=1e-15
    )
    q = (30**0.5 - 1) / (30**0.5 + 1)
    np.testing.assert_allclose(x_star[:20], q ** np.arange(1, 21), rtol=1e-6)
    assert float(-b @ x_star / 2) == pytest.approx(problem.facts.f_star, rel=1e-13)


def test_no_gradient_descent_beats_the_strongly_convex_bound() -> None:
    """|x_t - x*|^2 >= q^(2t) R^2 along the first 100 steps, for several learning rates."""
    problem = nesterov_strongly_convex()
    x_star = problem.facts.x_star
    assert x_star is not None
    q = (10 - 1) / (10 + 1)
    x = problem.start(0).expand(3, -1)
    eta = torch.tensor([[0.5], [1.0], [2 / 1.01]], dtype=torch.float64)
    for t in range(101):
        squared = (x - x_star).square().sum(-1)

        assert bool((squared >= q ** (2 * t) * float(x_star @ x_star) * (1 - 1e-9)).all())
        x = x - eta * problem.oracle(x)[1]
