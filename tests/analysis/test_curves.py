"""The measure of a run, and the median over seeds that stop at different times."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from optbench.analysis.curves import band, final, measured, quartiles, relative_suboptimality
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def test_the_measure_is_relative_where_f_star_is_known(made: Made) -> None:
    """Gaps are divided by the starting gap; without f* the value itself counts."""
    assert measured(made(gaps=(4, 2, 1))).tolist() == [1, 0.5, 0.25]
    assert measured(made(gaps=(4, 2, 1), known=False)).tolist() == [9, 7, 6]


def test_a_start_at_the_solution_has_no_division_by_zero(made: Made) -> None:
    """Where it stays it is at zero, where it leaves it is at infinity."""
    assert relative_suboptimality(made(gaps=(0, 0, 1))).tolist() == [0, 0, np.inf]


def test_a_run_without_a_curve_has_no_end(made: Made) -> None:
    """Its end is infinite, as a diverged run's is."""
    assert final(made(gaps=(), status=Status.ERROR)) == np.inf
    assert final(made(gaps=(1, 0.1), status=Status.DIVERGED)) == np.inf


def test_seeds_that_stop_early_are_held(made: Made) -> None:
    """A run at its target keeps its value, one that diverged counts as infinite from there."""
    runs = [
        made(seed=0, gaps=(1, 0.5, 0.25), calls=(0, 1, 4)),
        made(seed=1, gaps=(1, 0.1), calls=(0, 2), status=Status.CONVERGED),
        made(seed=2, gaps=(1, 8.0), calls=(0, 2), status=Status.DIVERGED),
    ]

    result = band(runs)
    assert result.x.tolist() == [0, 1, 2, 4]
    assert result.median.tolist() == [1, 1, 0.5, 0.25]
    assert result.high.tolist() == [1, 1, 4.25, np.inf]


def test_quartiles_agree_with_numpy() -> None:
    """On finite values they are numpy's quantiles by linear interpolation."""
    rows = np.random.default_rng(0).normal(size=(6, 40))

    assert np.allclose(quartiles(rows), np.quantile(rows, [0.25, 0.5, 0.75], axis=0))


def test_nothing_recorded_is_an_empty_band(made: Made) -> None:
    """Runs without a curve leave no points, and no error."""
    assert band([made(gaps=())]).x.size == 0


def test_a_band_can_be_drawn_against_steps_and_time(made: Made) -> None:
    """Clocks that begin at different times leave no infinite quartile at the start."""
    runs = [made(seed=s, gaps=(1, 0.5, 0.25), calls=(0, 2, 4)) for s in range(2)]
    clocks = ([0.1, 1.0, 2.0], [0.2, 1.0, 2.5])
    timed = [
        dataclasses.replace(run, curve={**run.curve, "seconds": np.array(clock)})
        for run, clock in zip(runs, clocks, strict=True)
    ]

    assert band(runs, against="step").x.tolist() == [0, 1, 2]
    by_time = band(timed, against="seconds")
    assert by_time.x.tolist() == [0.1, 0.2, 1, 2, 2.5]
    assert by_time.high.tolist() == [1, 1, 0.5, 0.4375, 0.25]


def test_what_a_run_did_not_record_draws_no_band(made: Made) -> None:
    """Only tasks have epochs; of other runs the band is empty."""
    assert band([made()], against="epoch").x.size == 0
