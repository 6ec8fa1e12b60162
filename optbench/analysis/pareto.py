"""Final measure against cost: who is beaten in both, and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optbench.analysis.contest import contest, median_final
from optbench.analysis.significance import six_digits
from optbench.analysis.statistics import Estimate, geometric_mean
from optbench.analysis.summary import Row
from optbench.core.errors import unknown
from optbench.core.run import Run

COSTS = ("gradient_calls", "seconds", "state_bytes")
"""What can be paid: gradient evaluations or time until the run ended, bytes a variable."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One entrant at its best learning rate.

    Attributes:
        name: The entrant.
        cost: Geometric mean over seeds; NaN if unknown.
        cost_low: Lower end of its 95 % t-interval on the logarithm; None below `MIN_SEEDS` seeds,
            where all pay the same, and for times of a batch, which its runs share.
        cost_high: Upper end, likewise.
        value: The final measure, as in `Row.final`; inf when half of the seeds or more are lost.
        low: Lower end of its interval, likewise.
        high: Upper end.
        lost: Number of seeds that have no end; they are not in `value`.
        runs: Number of seeds.
        on_front: Whether no other point is as good in both and better in one; ends below the last
            target (`Contest.floor`) are equally good.
    """

    name: str
    cost: float
    cost_low: float | None
    cost_high: float | None
    value: float
    low: float | None
    high: float | None
    lost: int
    runs: int
    on_front: bool


def pareto(rows: Sequence[Row], cost: str) -> list[Point]:
    """Return what each entrant reaches on a problem, and what it pays.

    Args:
        rows: The rows of one title.
        cost: One of `COSTS`.

    Returns:
        One point a row, by cost, then by value; lost and unknown ones last, off the front.

    Raises:
        OptbenchError: For an unknown cost.
    """
    if cost not in COSTS:
        raise unknown("cost", cost, COSTS)
    points = [_point(row, cost) for row in rows]
    floor = contest(rows).floor(rows[0].title) if rows else -np.inf
    counted = [point for point in points if np.isfinite([point.cost, point.value]).all()]
    marked = [
        replace(point, on_front=not any(_beats(other, point, floor) for other in counted))
        if point in counted
        else point
        for point in points
    ]
    return sorted(marked, key=lambda p: (p not in counted and not p.on_front, p.cost, p.value))


def _point(row: Row, cost: str) -> Point:
    paid = [value for run in row.best if (value := _paid(run, cost)) is not None]
    spent = _spent(paid)
    if cost == "seconds" and row.is_amortised:
        spent = spent.without_interval()
    final = row.final if np.isfinite(median_final(row)) else None
    return Point(
        name=row.name,
        cost=spent.center,
        cost_low=spent.low,
        cost_high=spent.high,
        value=final.center if final else np.inf,
        low=final.low if final else None,
        high=final.high if final else None,
        lost=len(row.best) - (row.final.count if row.final else 0),
        runs=len(row.best),
        on_front=False,
    )


def _spent(paid: Sequence[float]) -> Estimate:
    if len(set(paid)) > 1 and min(paid) > 0:
        return geometric_mean(paid)
    # What all pay is known, not estimated; where some pay nothing there is no logarithm.
    center = float(np.median(paid)) if paid else np.nan
    return Estimate(center=center, low=None, high=None, count=len(paid))


def _paid(run: Run, cost: str) -> float | None:
    if cost == "state_bytes":
        return run.facts.get("state_bytes")
    paid = run.seconds if cost == "seconds" else run.last(cost)
    return paid if np.isfinite(paid) else None


def _beats(one: Point, other: Point, floor: float) -> bool:
    mine, others = _told(one, floor), _told(other, floor)
    return mine != others and mine[0] <= others[0] and mine[1] <= others[1]


def _told(point: Point, floor: float) -> tuple[float, float]:
    return six_digits(point.cost), six_digits(max(point.value, floor))
