"""Expected running times against hand sums, brute-force bootstraps and simulated restarts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optbench.analysis.contest import contest
from optbench.analysis.running_time import RunningTime, running_times
from optbench.analysis.summary import summarize
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def times(runs: list[Run], resamples: int = 1000) -> dict[tuple[str, float], RunningTime]:
    """Return the running times by name and target."""
    found = running_times(contest(summarize(runs)), resamples=resamples)
    return {(time.name, time.target): time for time in found}


def seeds(made: Made, costs: list[float], spent: float = 50, **more: str) -> list[Run]:
    """Make a run for each cost to 1e-1; inf is a miss after `spent` evaluations."""
    return [
        made(
            seed=i,
            calls=(0, spent if np.isinf(cost) else cost),
            hits={} if np.isinf(cost) else {1e-1: cost},
            **more,
        )
        for i, cost in enumerate(costs)
    ]


def test_the_sum_of_all_runs_is_divided_by_the_successes(made: Made) -> None:
    """Hits at 10 and 20 and a miss after 50 cost 40 a success; no success costs infinitely much."""
    found = times(seeds(made, [10, 20, np.inf]))

    easy, hard = found["gd", 1e-1], found["gd", 1e-3]
    assert (easy.expected, easy.successes, easy.runs) == (40, 2, 3)
    assert easy.success_low < 2 / 3 < easy.success_high
    assert (hard.expected, hard.low, hard.high, hard.successes) == (np.inf, None, None, 0)


def test_a_run_without_a_trace_is_charged_its_budget(made: Made) -> None:
    """A crash costs the 1000 evaluations that it was given, and does not flatter."""
    crash = made(seed=2, gaps=(), status=Status.ERROR)

    assert times([*seeds(made, [10, 20]), crash])["gd", 1e-1].expected == 1030 / 2


def test_it_is_what_restarts_cost_on_average(made: Made) -> None:
    """Drawing runs until one succeeds costs the expected running time (20,000 draws: to 5 %)."""
    costs, spent = [10.0, 30.0, np.inf, np.inf], 50.0
    rng = np.random.default_rng(0)
    totals = []
    for _ in range(20_000):
        total = 0.0
        while np.isinf(cost := rng.choice(costs)):
            total += spent
        totals.append(total + cost)

    expected = times(seeds(made, costs, spent))["gd", 1e-1].expected
    assert expected == pytest.approx(np.mean(totals), rel=0.05)


def test_the_interval_is_that_of_a_bootstrap_run_by_run(made: Made) -> None:
    """Quantiles of 20,000 resamples by a loop agree to 5 % (their sampling error is below 2 %)."""
    costs = [10.0, 14, 20, 25, 33, 41, 50, np.inf, 60, 70]
    found = times(seeds(made, costs, 200.0), resamples=20_000)["gd", 1e-1]
    rng = np.random.default_rng(1)
    samples = []
    for _ in range(20_000):
        draw = [costs[i] for i in rng.integers(len(costs), size=len(costs))]
        spent = sum(200 if np.isinf(cost) else cost for cost in draw)
        samples.append(spent / max(sum(map(np.isfinite, draw)), 1e-300))

    assert (found.low, found.high) == pytest.approx(np.quantile(samples, [0.025, 0.975]), rel=0.05)


def test_an_interval_that_does_not_exclude_failure_is_endless(made: Made) -> None:
    """One success in three: a third of the resamples, (2/3)^3, has none."""
    found = times(seeds(made, [10, np.inf, np.inf]))["gd", 1e-1]

    assert found.high == np.inf
    assert found.low is not None
    assert np.isfinite(found.low)


def test_two_seeds_have_no_interval(made: Made) -> None:
    """Below three seeds there is a number and nothing around it."""
    found = times(seeds(made, [10, 20]))["gd", 1e-1]

    assert (found.expected, found.low, found.high) == (15, None, None)


def test_an_interval_does_not_depend_on_who_else_takes_part(made: Made) -> None:
    """Adding an entrant with more seeds leaves the others' intervals bit for bit."""
    alone = times(seeds(made, [10, 20, 40]))["gd", 1e-1]
    more = times([*seeds(made, [10, 20, 40]), *seeds(made, [1, 2, 3, 4], name="adam")])

    assert more["gd", 1e-1] == alone
