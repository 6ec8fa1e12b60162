"""The expected running time to a target when a run that misses it is started again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optbench.analysis.contest import Contest, costs_to
from optbench.analysis.curves import Array
from optbench.analysis.statistics import MIN_SEEDS, wilson
from optbench.analysis.summary import Row
from optbench.core.run import Run


@dataclass(frozen=True, kw_only=True)
class RunningTime:
    """What a target costs an entrant on a problem.

    Attributes:
        problem: Title of the problem.
        target: Level of the target.
        name: The entrant.
        expected: Gradient evaluations of all runs, divided by the number of those that reach the
            target; inf when none does.
        low: Lower end of a 95 % bootstrap interval over seeds; None below `MIN_SEEDS` seeds, and
            when none reaches the target.
        high: Upper end, likewise; inf where the seeds do not exclude that the target is missed.
        successes: Number of runs that reach the target.
        runs: Number of runs.
        success_low: Lower end of Wilson's 95 % interval of the success rate.
        success_high: Upper end.
    """

    problem: str
    target: float
    name: str
    expected: float
    low: float | None
    high: float | None
    successes: int
    runs: int
    success_low: float
    success_high: float


def running_times(contest: Contest, *, seed: int = 0, resamples: int = 1000) -> list[RunningTime]:
    """Return the expected running time of every entrant to every target, at its best learning rate.

    ERT = (sum over runs of the evaluations until the target, or until the run ended) / successes.

    Source: Hansen et al. 2009, "Real-parameter black-box optimization benchmarking 2009".

    Args:
        contest: Any contest.
        seed: Seed of the bootstrap. Rows with as many seeds are resampled alike, and no interval
            depends on who else takes part.
        resamples: Number of bootstrap samples.

    Returns:
        One item per problem, entrant and target, in the order of the names, easiest target first;
        none where what targets measure is unknown.
    """
    drawn: dict[int, Array] = {}
    times: list[RunningTime] = []
    for title in contest.problems:
        for name in contest.names:
            row = contest.row(title, name)
            if row is not None and contest.is_measured(title):
                n = len(row.best)
                if n not in drawn:
                    drawn[n] = _multiplicities(n, seed, resamples)
                times += _of_row(title, name, row, drawn[n])
    return times


def _multiplicities(n: int, seed: int, resamples: int) -> Array:
    """Return how often each of n runs is drawn, shape (resamples, n)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _of_row(title: str, name: str, row: Row, drawn: Array) -> Iterator[RunningTime]:
    ends = np.array([_spent(run) for run in row.best])
    for reach in row.reach:
        costs = np.array(costs_to(row, reach.target))
        hit = np.isfinite(costs)
        spent = np.where(hit, costs, ends)
        successes, low, high = int(hit.sum()), None, None
        if successes and len(costs) >= MIN_SEEDS:
            low, high = _interval(drawn @ spent, drawn @ hit)
        success_low, success_high = wilson(successes, len(costs))
        yield RunningTime(
            problem=title,
            target=reach.target,
            name=name,
            expected=float(spent.sum()) / successes if successes else np.inf,
            low=low,
            high=high,
            successes=successes,
            runs=len(costs),
            success_low=success_low,
            success_high=success_high,
        )


def _spent(run: Run) -> float:
    """Return what a run cost; one that left no trace is charged its budget, not nothing."""
    spent = run.last("gradient_calls")
    return spent if np.isfinite(spent) else run.spec.budget


def _interval(spent: Array, successes: Array) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % order statistics; between finite and inf nothing is averaged."""
    times = np.divide(spent, successes, out=np.full_like(spent, np.inf), where=successes > 0)
    low, _ = np.quantile(times, [0.025, 0.975], method="lower")
    _, high = np.quantile(times, [0.025, 0.975], method="higher")
    return float(low), float(high)
