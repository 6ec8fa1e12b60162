"""How the end of a run depends on the learning rate, and how much of that is good."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from optbench.analysis.curves import (
    BAD_END,
    FLOOR,
    LOGARITHMIC,
    Array,
    final,
    measured,
    quartiles,
)
from optbench.analysis.summary import Row, learning_rate
from optbench.core.run import Run

TOP_OF_PLOT = 1e2
"""Runs that end above this multiple of their start count as lost, as the diverged do ..."""

TOP_OF_TASKS = 10.0
"""... and of a task's loss, which falls less."""

GOOD = 0.05
"""A learning rate is good if at most this share of the possible improvement is missing."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The final measure by learning rate; arrays of shape (rates,).

    Attributes:
        lr: Learning rates, ascending; one NaN for a method that has none.
        low: Lower quartile over seeds.
        median: Median over seeds, inf where half of them or more were lost.
        high: Upper quartile.
        lost: Share of the seeds that diverged or ended above the plot.
        diverged: Share of those that diverged.
        seeds: Number of seeds.
    """

    lr: Array
    low: Array
    median: Array
    high: Array
    lost: Array
    diverged: Array
    seeds: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GoodRegion:
    """The learning rates around the best one that do nearly as well.

    Attributes:
        low: Smallest of them.
        high: Largest.
        decades: log10(high / low).
        closed: False when the region reaches an end of the grid, and may be wider than it.
        boundary: Where divergence begins: the geometric mean of the last learning rate, from the
            best one up, at which fewer than half of the seeds diverge, and of the next one. None
            when the grid does not go so far; to end above the plot is not to diverge.
    """

    low: float
    high: float
    decades: float
    closed: bool
    boundary: float | None


def sensitivity(row: Row) -> Sensitivity:
    """Gather the final measures of a row's runs by learning rate.

    Args:
        row: Any row. Runs that ended in neither a value nor a divergence do not count.

    Returns:
        The curve.
    """
    by_rate: dict[float, list[float]] = {}
    diverged: Counter[float] = Counter()
    for run in row.runs:
        end = final(run)
        if run.status in BAD_END or np.isfinite(end):
            end = np.inf if end > _ceiling(row, run) else end
            rate = learning_rate(run) or np.nan
            by_rate.setdefault(rate, []).append(end)
            diverged[rate] += run.status in BAD_END
    rates = sorted(by_rate)
    stacks = [np.array(by_rate[lr]) for lr in rates]
    summary = np.array([np.ravel(quartiles(ends[:, None])) for ends in stacks]).reshape(-1, 3).T
    return Sensitivity(
        lr=np.array(rates),
        low=summary[0],
        median=summary[1],
        high=summary[2],
        lost=np.array([np.isinf(ends).mean() for ends in stacks]),
        diverged=np.array([diverged[lr] / len(by_rate[lr]) for lr in rates]),
        seeds=np.array([len(ends) for ends in stacks], dtype=np.int64),
    )


def _ceiling(row: Row, run: Run) -> float:
    """Return the end from which on a run counts as lost."""
    start = measured(run)[:1].tolist()
    top = top_of_plot(row.measure, task=row.is_task)
    return top * (start[0] or 1.0) if start and start[0] >= 0 else np.inf


def top_of_plot(measure: str, *, task: bool) -> float:
    """Return the multiple of the start from which on a run counts as lost.

    Args:
        measure: What the run is compared by.
        task: Whether it is of a learning problem.
    """
    if measure in LOGARITHMIC:
        return TOP_OF_PLOT
    return TOP_OF_TASKS if task and measure == "value" else np.inf


def good_region(row: Row) -> GoodRegion | None:
    """Measure how wide the good learning rates of a row are.

    Good is l <= l* + 0.05 (l0 - l*), where l is the median over seeds of the final measure, at most
    l0, on the scale on which it is compared (log10 down to the floor, or as it is), l* its smallest
    value over the grid and l0 its value at the start; lost seeds count as worst. Where runs stop at
    their last target, l is no less than that: how far below it the last step falls is luck. The
    region is the connected one around l*, with its ends by interpolation in log lr.

    Source: after Wortsman et al. 2023, "Small-scale proxies for large-scale Transformer training
    instabilities", whose sensitivity averages l - l* over a grid of learning rates.

    Args:
        row: Any row.

    Returns:
        The region; None without two learning rates, or when none improves on the start.
    """
    curve = sensitivity(row)
    starts = [float(y[0]) for y in map(measured, row.runs) if len(y) and np.isfinite(y[0])]
    if len(row.learning_rates) < 2 or not starts or not np.isfinite(curve.median).any():
        return None
    start = _scaled(np.array([median(starts)]), row)[0]
    level = np.minimum(_scaled(curve.median, row), start)
    best = int(level.argmin())
    if row.best_lr in curve.lr:  # of those that reach the last target, the fastest
        fastest = int(np.flatnonzero(curve.lr == row.best_lr)[0])
        best = fastest if level[fastest] == level[best] else best
    if not level[best] < start:
        return None
    enough = level[best] + GOOD * (start - level[best])
    x = np.log10(curve.lr)
    low, low_closed = _edge(x[best::-1], level[best::-1], enough)
    high, high_closed = _edge(x[best:], level[best:], enough)
    return GoodRegion(
        low=10**low,
        high=10**high,
        decades=high - low,
        closed=low_closed and high_closed,
        boundary=_boundary(curve, best),
    )


def _scaled(values: Array, row: Row) -> Array:
    """Return levels on the scale on which they are compared, none below what a run aims at."""
    values = np.maximum(values, row.stop)
    return np.log10(np.maximum(values, FLOOR)) if row.measure in LOGARITHMIC else values


def _edge(x: Array, level: Array, enough: float) -> tuple[float, bool]:
    """Walk from the best learning rate; return where the level is crossed, and whether it is."""
    above = np.flatnonzero(level > enough)
    if not len(above):
        return float(x[-1]), False
    i = above[0]
    weight = (enough - level[i - 1]) / (level[i] - level[i - 1])
    return float(x[i - 1] + weight * (x[i] - x[i - 1])), True


def _boundary(curve: Sensitivity, best: int) -> float | None:
    diverged = np.flatnonzero(curve.diverged[best:] >= 0.5)
    if not len(diverged):
        return None
    i = best + int(diverged[0])
    return math.sqrt(curve.lr[i - 1] * curve.lr[i])
