"""The worked examples on parabolas, to the last bit where they are dyadic."""

from __future__ import annotations

import pytest
import torch

from optbench.core.problem import Problem
from optbench.families.parabola import parabola


def descend(problem: Problem, eta: float, steps: int) -> list[float]:
    """Return the points of gradient descent after the start."""
    x = problem.start(0)[None]
    points = []
    for _ in range(steps):
        x = x - eta * problem.oracle(x)[1]
        points.append(float(x))
    return points


def test_half_reaches_the_minimum_in_one_step() -> None:
    """theta^2 from 1 with learning rate .5 is at 0 after one step, exactly."""
    assert descend(parabola(), 0.5, 1) == [0.0]


def test_a_tenth_contracts_by_four_fifths() -> None:
    """theta^2 from 1 with learning rate .1 goes .8, .64, .512, within 4 units in the last place."""
    expected = [0.8, 0.64, 0.512]

    assert descend(parabola(), 0.1, 3) == pytest.approx(expected, rel=4 * 2.0**-53, abs=0)


def test_one_and_a_half_diverges_by_doubling() -> None:
    """theta^2 from 1 with learning rate 1.5 goes -2, 4, -8, exactly."""
    assert descend(parabola(), 1.5, 3) == [-2.0, 4.0, -8.0]


def test_one_is_the_boundary_and_does_neither() -> None:
    """theta^2 with learning rate 1 = 2/L alternates between 1 and -1 for ever."""
    points = descend(parabola(), 1.0, 1000)

    assert {abs(x) for x in points} == {1.0}
    assert abs(descend(parabola(), 1 - 1e-3, 1000)[-1]) == pytest.approx(0.135064522, rel=1e-8)
    assert abs(descend(parabola(), 1 + 1e-3, 1000)[-1]) == pytest.approx(7.37431239, rel=1e-8)


def test_shifted_parabola_follows_its_closed_form() -> None:
    """(x - 3)^2 from 0 with learning rate .1 is at 3 (1 - .8^50) after 50 steps."""
    last = descend(parabola(center=3.0, start=0.0), 0.1, 50)[-1]

    assert last == pytest.approx(3 * (1 - 0.8**50), rel=1e-14)
    assert last == pytest.approx(2.99995718, abs=5e-9)


def test_facts_are_the_curvature() -> None:
    """L = mu = curvature: kappa is 1 and the gap half the curvature times the squared distance."""
    problem = parabola(curvature=8.0, center=-1.0)

    assert problem.facts.kappa == 1.0
    assert float(problem.oracle(torch.tensor([[2.0]], dtype=torch.float64))[0]) == 36.0
