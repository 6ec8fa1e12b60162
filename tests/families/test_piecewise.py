"""The Lessard-Recht-Packard function: heavy ball cycles, gradient descent does not."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from optbench.families.piecewise import lessard_recht_packard

CYCLE = [Fraction(792, 1225), Fraction(-2208, 1225), Fraction(2592, 1225)]


def slope(x: Fraction) -> Fraction:
    """Return f'(x) in exact arithmetic."""
    return 25 * x if x < 1 else x + 24 if x < 2 else 25 * x - 24


def test_heavy_ball_ends_in_the_published_cycle() -> None:
    """With Polyak's tuning 1/9, 4/9 from 3.3 the points settle on the three fractions."""
    problem = lessard_recht_packard()
    x = previous = problem.start(0)[None]
    points = []
    for _ in range(3000):
        x, previous = x - problem.oracle(x)[1] / 9 + 4 / 9 * (x - previous), x
        points.append(float(x))

    assert sorted(points[-3:]) == pytest.approx(sorted(float(c) for c in CYCLE), abs=1e-9)


def test_the_cycle_is_exact() -> None:
    """In fractions, each point of the cycle leads to the next, and the oracle's slopes agree."""
    problem = lessard_recht_packard()
    for i, x in enumerate(CYCLE):
        following = x - slope(x) / 9 + Fraction(4, 9) * (x - CYCLE[i - 1])
        g = problem.oracle(torch.tensor([[float(x)]], dtype=torch.float64))[1]

        assert following == CYCLE[(i + 1) % 3]
        assert float(g) == pytest.approx(float(slope(x)), rel=1e-15)


def test_gradient_descent_converges() -> None:
    """With eta = 2/(L + mu) the same start comes to the minimum."""
    problem = lessard_recht_packard()
    x = problem.start(0)[None]
    for _ in range(400):
        x = x - 2 / 26 * problem.oracle(x)[1]

    assert abs(float(x)) < 1e-12


def test_slope_is_the_published_one_everywhere() -> None:
    """On a fine grid that holds both joints the gradient is f' and the value its integral."""
    problem = lessard_recht_packard()
    x = torch.linspace(-1, 3, 4097, dtype=torch.float64)[:, None]

    f, g = problem.oracle(x)

    expected = [float(slope(Fraction(float(point)))) for point in x]
    assert g[:, 0].tolist() == pytest.approx(expected, rel=1e-15)
    # The slope is linear between grid points, so that the trapezoidal rule is exact.
    steps = (g[1:, 0] + g[:-1, 0]) / 2 * (4 / 4096)
    torch.testing.assert_close(f.diff(), steps, rtol=0, atol=1e-13)


def test_slope_is_continuous_at_the_joints() -> None:
    """The pieces meet at 1 and 2 in value and slope."""
    problem = lessard_recht_packard()
    for joint in (1.0, 2.0):
        x = torch.tensor([[joint - 1e-12], [joint], [joint + 1e-12]], dtype=torch.float64)
        f, g = problem.oracle(x)

        assert float(f.max() - f.min()) < 1e-10
        assert float(g.max() - g.min()) < 1e-10
