"""Functions of one variable: the maps that Newton's and the secant method become on them."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from optbench.core.problem import Problem
from optbench.families.scalar import absolute, cubic, log_barrier, pseudo_huber


def newton(problem: Problem, x: float) -> float:
    """Return the point after one step of Newton's method."""
    assert problem.hessian_vector is not None
    point = torch.tensor([[x]], dtype=torch.float64)
    curvature = problem.hessian_vector(point, torch.ones_like(point))
    return x - float(problem.oracle(point)[1] / curvature)


@pytest.mark.parametrize("x", [0.1, 0.8, 1.5, 1.9])
def test_newton_squares_the_error_of_the_log_barrier(x: float) -> None:
    """1 - x' = (1 - x)^2."""
    assert 1 - newton(log_barrier(), x) == pytest.approx((1 - x) ** 2, rel=1e-13)


def test_the_log_barrier_is_infinite_outside_its_domain() -> None:
    """F is x - ln x where x > 0 and infinite elsewhere."""
    x = torch.tensor([[2.0], [0.0], [-1.0]], dtype=torch.float64)

    f, _ = log_barrier().value_and_gradient(x)

    assert f.tolist() == [pytest.approx(2 - math.log(2), rel=1e-15), torch.inf, torch.inf]


@pytest.mark.parametrize("x", [0.3, -0.9, 1.0, 1.4])
def test_newton_cubes_the_points_of_the_pseudo_huber_function(x: float) -> None:
    """X' = -x^3, so that 1 goes to -1."""
    assert newton(pseudo_huber(), x) == pytest.approx(-(x**3), rel=1e-13)


def test_the_secant_method_on_the_cubic_is_the_rational_map() -> None:
    """The root of the chord through two slopes is x y/(1 + x + y), in exact fractions."""
    x, y = Fraction(1, 3), Fraction(1, 5)
    f = [z * (1 + z) for z in (x, y)]
    point = torch.tensor([[float(x)], [float(y)]], dtype=torch.float64)

    assert cubic().oracle(point)[1].flatten().tolist() == pytest.approx([float(v) for v in f])
    assert y - f[1] * (y - x) / (f[1] - f[0]) == x * y / (1 + x + y)


def test_the_absolute_value_has_a_kink_of_two_and_a_bound_in_its_box() -> None:
    """Subgradients jump from -1 to 1 at 0, where 0 is shown; at the edge they are 1 + mu r."""
    problem = absolute(mu=0.5, radius=3.0)
    x = torch.tensor([[-1e-9], [0.0], [1e-9], [3.0]], dtype=torch.float64)

    f, g = problem.oracle(x)

    assert g.flatten().tolist() == pytest.approx([-1, 0, 1, 2.5])
    assert float(f[3]) == 3 + 0.25 * 9
    assert problem.facts.lipschitz == 2.5
    assert absolute(radius=0.0).facts.lipschitz is None
