"""Exponents over condition numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from optbench.analysis.scaling import exponent, scaling, sweeps, telling_target
from optbench.analysis.summary import summarize
from tests.helpers import runs


def test_the_exponent_is_least_squares_with_its_t_interval() -> None:
    """It is scipy's regression of the logarithms, and what is not finite does not count."""
    kappa = np.array([10.0, 100.0, 1000.0, 10000.0, 1e5])
    steps = np.array([12.0, 41.0, 160.0, 390.0, np.inf])
    found = exponent(kappa, steps)
    line = stats.linregress(np.log(kappa[:4]), np.log(steps[:4]))

    assert found.value == pytest.approx(line.slope)
    half = stats.t.ppf(0.975, 2) * line.stderr
    assert (found.low, found.high) == pytest.approx((line.slope - half, line.slope + half))
    assert found.factor == pytest.approx(math.exp(line.intercept))


def test_two_points_have_no_interval_and_one_no_exponent() -> None:
    """A line through two points fits whatever they are."""
    two = exponent(np.array([1.0, 100.0]), np.array([5.0, 50.0]))

    assert two.value == pytest.approx(0.5)
    assert two.low is two.high is None
    assert math.isnan(exponent(np.array([1.0, 2.0]), np.array([5.0, np.inf])).value)


def test_a_sweep_is_a_family_at_three_kappas() -> None:
    """Other dimensions are other sweeps, named by what differs; two kappas are none."""
    problems = [f"quadratic:dim={dim},kappa={kappa}" for dim in (5, 7) for kappa in (3, 9, 27)]
    problems += [f"quadratic:dim=9,kappa={kappa}" for kappa in (3, 9)]
    rows = summarize(
        run
        for problem in problems
        for run in runs(problem, "gd:lr=1/L", budget=500, targets=(1e-2, 1e-4))
    )
    found = sweeps(rows)

    assert sorted(found) == ["quadratic:dim=5", "quadratic:dim=7"]
    own = found["quadratic:dim=5"]
    assert telling_target(own) == 1e-4
    (curve,) = scaling(own, 1e-4)
    assert curve.kappa.tolist() == [3, 9, 27]
    by_kappa = {row.best[0].facts["kappa"]: row.best[0].hits[-1].step for row in own}
    assert curve.steps.tolist() == [by_kappa[kappa] for kappa in (3, 9, 27)]
    assert np.isnan(curve.low).all()


def test_the_target_is_the_smallest_that_one_reaches_at_three_kappas() -> None:
    """What all reach is reached before kappa matters; two condition numbers are not enough."""
    rows = summarize(
        run
        for kappa in (3, 9, 3000)
        for optimizer in ("gd:lr=1/L", "heavy_ball:lr=1/L,beta=0.9")
        for run in runs(
            f"quadratic:kappa={kappa}", optimizer, budget=400, targets=(1e-1, 1e-3, 1e-9)
        )
    )
    gd = [row for row in rows if row.name == "gd"]
    ball = [row for row in rows if row.name != "gd"]

    assert telling_target(gd) == 1e-1
    assert telling_target(ball) == telling_target(rows) == 1e-3
    assert telling_target([]) is None
    assert [curve.is_sweep for curve in scaling(rows, 1e-3)] == [False, True]
