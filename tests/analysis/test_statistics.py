"""Intervals against scipy.stats and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from optbench.analysis.statistics import geometric_mean, mean, wilson


def test_the_t_interval_is_scipys() -> None:
    """Mean and ends agree with scipy's t distribution."""
    values = [1.0, 4.0, 2.5, 7.0]

    estimate = mean(values)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (estimate.center, estimate.low, estimate.high) == pytest.approx(
        (np.mean(values), low, high)
    )


def test_the_geometric_mean_and_its_ends_scale_with_the_values() -> None:
    """Ends lie at equal factors from the centre, and a common factor goes straight through."""
    small, large = geometric_mean([1e-9, 1e-8, 1e-7]), geometric_mean([1e-2, 1e-1, 1.0])

    assert small.center == pytest.approx(1e-8)
    assert small.low is not None
    assert small.high is not None
    assert small.high / small.center == pytest.approx(small.center / small.low)
    assert large.high == pytest.approx(1e7 * small.high)


def test_the_log_interval_covers_at_five_seeds() -> None:
    """On lognormal gaps 95 % of the intervals hold the geometric mean (2000 draws: 93 to 97 %)."""
    rng = np.random.default_rng(0)
    estimates = [geometric_mean(list(draw)) for draw in rng.lognormal(0, 2, size=(2000, 5))]

    covered = np.mean([e.low is not None and e.low < 1 < (e.high or 0) for e in estimates])
    assert 0.93 < covered < 0.97


@pytest.mark.parametrize("values", [[2.0], [2.0, 3.0]])
def test_no_interval_below_three_seeds(values: list[float]) -> None:
    """One or two values have a mean and no interval."""
    estimate = geometric_mean(values)

    assert (estimate.low, estimate.high, estimate.count) == (None, None, len(values))


def test_an_endless_interval_is_infinite_and_no_error() -> None:
    """Three values over 30 decades give a factor that no float holds."""
    assert geometric_mean([1e-200, 1.0, 1e200]).high == float("inf")


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (3, 5), (5, 5), (1, 1), (0, 1)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    """Both ends agree with scipy's interval, which lies in [0, 1]."""
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")

    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)
