"""Saddles and wells: who stays, who escapes and when, which minimum is found."""

from __future__ import annotations

import math

import pytest
import torch

from optbench.families.saddles import double_well, product, saddle, saddle_quartic


def test_the_stable_line_ends_at_the_saddle() -> None:
    """Without an offset gradient descent comes to rest at the saddle, where the gap is 1/4."""
    problem = saddle_quartic(offset=0.0)
    x = problem.start(0)[None]
    for _ in range(1000):
        x = x - 0.1 * problem.oracle(x)[1]

    assert float(x.norm()) < 1e-40
    assert float(problem.oracle(x)[0]) == pytest.approx(0.25, rel=1e-15)


def test_an_offset_escapes_at_the_predicted_step() -> None:
    """From y = 1e-10 the point passes y = .1 at step ln(1e9)/ln(1 + eta), to three steps."""
    problem = saddle_quartic()
    x = problem.start(0)[None]
    escaped = 0
    while float(x[0, 1]) < 0.1:
        x = x - 0.1 * problem.oracle(x)[1]
        escaped += 1

    assert escaped == pytest.approx(math.log(1e9) / math.log(1.1), abs=3)


def test_the_plain_saddle_has_no_lower_bound_and_no_facts_about_one() -> None:
    """The value falls below any number along y; f* and x* are unknown, not zero."""
    problem = saddle()

    assert float(problem.oracle(torch.tensor([[0.0, 1e6]]).double())[0]) == -1e12
    assert problem.facts.f_star is None
    assert problem.facts.x_star is None


def test_the_start_decides_which_well() -> None:
    """From -1 gradient descent ends at (3 - sqrt 41)/8, from 1 at the global minimum."""
    problem = double_well()
    x = torch.stack([problem.start(0), torch.ones(1, dtype=torch.float64)])
    for _ in range(2000):
        x = x - 0.05 * problem.oracle(x)[1]

    assert x[:, 0].tolist() == pytest.approx(
        [(3 - math.sqrt(41)) / 8, (3 + math.sqrt(41)) / 8], rel=1e-12
    )
    gaps = problem.oracle(x)[0]
    assert float(gaps[0]) > 0.9
    assert float(gaps[1]) < 1e-28


def test_sharpness_on_the_hyperbola_is_the_squared_norm() -> None:
    """On x y = 1 the Hessian's eigenvalues are 0 and x^2 + y^2."""
    problem = product()
    assert problem.hessian_vector is not None
    for a in (1.0, 2.0, -5.0):
        z = torch.tensor([[a, 1 / a]], dtype=torch.float64).expand(2, 2)

        values = torch.linalg.eigvalsh(problem.hessian_vector(z, torch.eye(2).double()))

        assert values.tolist() == pytest.approx([0.0, a * a + 1 / a**2], abs=1e-12)


def test_no_distance_is_offered_to_a_curve_of_minima() -> None:
    """The minimisers of the product are unknown as a point, so no wrong distance is given."""
    assert product().distance(torch.ones(1, 2).double()) is None


def test_distance_is_to_the_minimum_on_the_same_side() -> None:
    """Above and below the saddle the nearest minimum is (0, 1) and (0, -1)."""
    distance = saddle_quartic().distance(torch.tensor([[0.0, -0.75], [3.0, 5.0]]).double())

    assert distance is not None
    assert distance.tolist() == [0.25, 5.0]
