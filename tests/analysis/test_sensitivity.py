"""The width of the good region and the divergence boundary, in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optbench.analysis.sensitivity import good_region, sensitivity
from optbench.analysis.summary import summarize
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def valley(made: Made, exponents: list[float]) -> list[Run]:
    """Runs whose final gap is 10^(-4 + |log10 lr|), so that l* = -4 at lr = 1 and l0 = 0."""
    ends = [(10.0**e, 10.0 ** (-4 + abs(e))) for e in exponents]
    return [made(lr=lr, gaps=(1.0, end), targets=()) for lr, end in ends]


def test_a_valley_of_known_slope_has_its_width(made: Made) -> None:
    """With l = -4 + |log10 lr|, good is |log10 lr| <= 0.05 * 4: 0.4 decades around 1."""
    region = good_region(summarize(valley(made, [-2, -1, 0, 1, 2]))[0])

    assert region is not None
    assert region.decades == pytest.approx(0.4)
    assert (region.low, region.high) == pytest.approx((10**-0.2, 10**0.2))
    assert region.closed
    assert region.boundary is None


def test_a_region_that_reaches_the_end_of_the_grid_is_open(made: Made) -> None:
    """Where the best learning rate is the last one, the region ends with the grid, not closed."""
    region = good_region(summarize(valley(made, [-2, -1, 0]))[0])

    assert region is not None
    assert (region.low, region.high) == pytest.approx((10**-0.2, 1.0))
    assert not region.closed


def test_divergence_begins_between_two_learning_rates(made: Made) -> None:
    """The boundary is their geometric mean, and a minority of lost seeds does not make it."""
    rates = {1.0: 0, 2.0: 1, 4.0: 2, 8.0: 3}
    runs = [
        made(
            lr=lr,
            seed=seed,
            gaps=(1.0, 0.1 * lr),
            status=Status.DIVERGED if seed < lost else Status.BUDGET,
        )
        for lr, lost in rates.items()
        for seed in range(3)
    ]
    region = good_region(summarize(runs)[0])

    assert region is not None
    assert region.boundary == pytest.approx(np.sqrt(2 * 4))


def test_a_diverged_neighbour_counts_as_the_start(made: Made) -> None:
    """Between l* = -2 at lr 1 and a divergence at 10, l crosses -1.9 at 0.05 of the decade."""
    runs = [made(lr=1.0, gaps=(1, 1e-2)), made(lr=0.1, gaps=(1, 1))]
    runs.append(made(lr=10.0, gaps=(1, 1e9), status=Status.DIVERGED))
    region = good_region(summarize(runs)[0])

    assert region is not None
    assert region.high == pytest.approx(10**0.05)
    assert region.boundary == pytest.approx(10**0.5)


def test_to_end_high_is_not_to_diverge(made: Made) -> None:
    """What ends above the plot is lost there, yet divergence begins where runs diverge."""
    ends = {1.0: (1e-2, Status.BUDGET), 10.0: (1e5, Status.BUDGET), 100.0: (1e9, Status.DIVERGED)}
    runs = [made(lr=lr, gaps=(1, end), status=status) for lr, (end, status) in ends.items()]
    row = summarize(runs)[0]
    curve, region = sensitivity(row), good_region(row)

    assert curve.lost.tolist() == [0, 1, 1]
    assert curve.diverged.tolist() == [0, 0, 1]
    assert region is not None
    assert region.boundary == pytest.approx(10**1.5)


def test_exact_zeros_are_as_good_as_the_floor(made: Made) -> None:
    """A gap of exactly zero has no logarithm of its own, and no infinite region."""
    ends = {0.1: 1.0, 1.0: 0.0, 10.0: 1.0}
    runs = [made(lr=lr, gaps=(1, end), targets=()) for lr, end in ends.items()]
    region = good_region(summarize(runs)[0])

    assert region is not None
    assert region.decades == pytest.approx(0.1)


def test_how_far_below_the_last_target_a_run_lands_is_luck(made: Made) -> None:
    """All three that reach 1e-3 are good, though one of them ends a thousand times lower."""
    ends = {0.1: 1.0, 1.0: 9e-4, 10.0: 1e-6, 100.0: 9e-4, 1000.0: 1.0}
    runs = [
        made(lr=lr, gaps=(1, end), hits={1e-3: 2 * lr} if end < 1e-3 else {})
        for lr, end in ends.items()
    ]
    region = good_region(summarize(runs)[0])

    assert region is not None
    assert region.decades == pytest.approx(2.1)
    assert region.low == pytest.approx(10**-0.05)


def test_where_nothing_is_good_there_is_no_region(made: Made) -> None:
    """With one learning rate, every run lost, or never below the start: None, and not 0 wide."""
    lost, worse, broken = (
        [made(lr=lr, gaps=gaps, status=status) for lr in (0.1, 1)]
        for gaps, status in (
            ((1, 1e9), Status.DIVERGED),
            ((1, 2), Status.BUDGET),
            ((), Status.ERROR),
        )
    )
    cases = [[made(lr=None)], [made()], lost, worse, broken]

    assert [good_region(summarize(runs)[0]) for runs in cases] == [None] * 5


def test_the_curve_counts_the_lost_by_learning_rate(made: Made) -> None:
    """A run that ends above 100 times its start is lost, as one that diverged is."""
    runs = [made(lr=lr, seed=s, gaps=(1, lr)) for lr in (0.5, 200.0) for s in range(2)]
    curve = sensitivity(summarize(runs)[0])

    assert curve.lr.tolist() == [0.5, 200]
    assert curve.median.tolist() == [0.5, np.inf]
    assert (curve.lost.tolist(), curve.seeds.tolist()) == ([0, 1], [2, 2])
