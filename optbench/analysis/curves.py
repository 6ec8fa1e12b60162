"""Curves of one run and of several seeds, on the scale that figures and tables share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbench.core.run import Run, Status
from optbench.core.target import MEASURES, SUBOPTIMALITY

Array = NDArray[np.float64]

FLOOR = float(64 * np.finfo(np.float64).eps)
"""What is told from zero: a relative suboptimality of 64 roundings of the starting gap, and as
small a distance or gradient norm."""

LOGARITHMIC = frozenset(MEASURES) - {"value", "error"}
"""Measures that are compared and averaged on a logarithmic scale, down to the floor."""

MORE_IS_BETTER = frozenset({"validation_accuracy", "test_accuracy"})
"""Columns of which a lost run has the least there is, not the most."""

AGAINST = ("gradient_calls", "step", "epoch", "seconds")
"""Columns against which a curve can be drawn."""

BAD_END = (Status.DIVERGED, Status.NAN)
"""Statuses of a run whose last value says nothing but that it was lost."""


def start_gap(run: Run) -> float:
    """Return f(x_0) - f*; NaN when f* is unknown or nothing was recorded."""
    gap = run.curve.get("suboptimality")
    return float("nan") if gap is None or len(gap) == 0 else float(gap[0])


def relative_suboptimality(run: Run) -> Array:
    """Return (f(x_t) - f*)/(f(x_0) - f*) at the recorded steps.

    Args:
        run: Any run.

    Returns:
        Shape (points,); NaN where f* is unknown. A run that starts at the solution has 0 where it
        still is there and inf where it is not.
    """
    gap = np.asarray(run.curve.get("suboptimality", ()), dtype=np.float64)
    first = start_gap(run)
    if first <= 0:
        return np.where(gap <= 0, 0.0, np.inf)
    with np.errstate(over="ignore"):  # 1e300 against a start of 1e-300 is as good as infinite
        return gap / first


def sees_all(run: Run) -> bool:
    """Return whether a run's gradients are whole, as bounds suppose, and not of minibatches."""
    return not dict(run.spec.optimizer.params).get("batch_size")


def is_task(run: Run) -> bool:
    """Return whether a run is one of a learning problem."""
    return run.engine == "training"


def measure_of(run: Run) -> str:
    """Return what a run is compared by: what its targets measure, or `value` if that is unknown.

    Of a task that is the error on validation data, or the validation loss (without validation data
    the training loss), never anything of its test data.
    """
    name = run.spec.target_measure
    return name if np.isfinite(_column(run, name)[:1]).any() else "value"


def levels(run: Run, measure: str) -> Array:
    """Return a measure at the recorded steps.

    Args:
        run: Any run.
        measure: One of `optbench.core.target.MEASURES`, or a column of the run.

    Returns:
        Shape (points,); empty when there is nothing of that name.
    """
    return relative_suboptimality(run) if measure == SUBOPTIMALITY else _column(run, measure)


def _column(run: Run, measure: str) -> Array:
    if measure == "error":
        return 1 - _column(run, "validation_accuracy")
    return np.asarray(run.curve.get(measure, run.trained.get(measure, ())), dtype=np.float64)


def measured(run: Run) -> Array:
    """Return what the run is compared by at the recorded steps, (points,)."""
    return levels(run, measure_of(run))


def final(run: Run, measure: str = "") -> float:
    """Return a measure at the end of the run; inf when it diverged or has no finite end.

    Args:
        run: Any run.
        measure: The measure; by default what the run is compared by.
    """
    values = levels(run, measure or measure_of(run))
    if (
        run.status in BAD_END
        or run.status.is_failure
        or len(values) == 0
        or not np.isfinite(values[-1])
    ):
        return float("inf")
    return float(values[-1])


@dataclass(frozen=True, kw_only=True)
class Band:
    """Median and quartiles over seeds; every array has shape (points,)."""

    x: Array
    low: Array
    median: Array
    high: Array


def band(runs: Sequence[Run], measure: str = "", against: str = "gradient_calls") -> Band:
    """Return median and quartiles of a measure over seeds, at every recorded budget.

    Between its recorded points a run has the value of the last one, before them its first. A run
    that reached its last target, or spent its budget, keeps its last value; one that diverged
    counts as inf from there.

    Args:
        runs: Runs that differ in the seed alone.
        measure: As for `levels`; by default what each run is compared by.
        against: The budget, one of `AGAINST`. Runs that did not record it are left out, as those
            of other problems than tasks are where it is the epoch.

    Returns:
        The band; quartiles by linear interpolation, but never between
        a finite and an infinite value, where the infinite one is taken. Where more is better, the
        worst is -inf.
    """
    pairs = [
        (spent, levels(r, measure or measure_of(r)), r.status)
        for r, spent in ((r, _column(r, against)) for r in runs)
        if np.isfinite(spent).any()
    ]
    if not pairs:
        empty = np.empty(0)
        return Band(x=empty, low=empty, median=empty, high=empty)
    x = np.unique(np.concatenate([calls for calls, _, _ in pairs]))
    # Turned round, what is lost is worst in either case.
    sign = -1.0 if measure in MORE_IS_BETTER else 1.0
    rows = np.array([_held(x, calls, sign * y, status) for calls, y, status in pairs])
    known = ~np.isnan(rows).all(axis=0)  # the training loss begins after the start
    x, rows = x[known], rows[:, known]
    low, median, high = (sign * quantile for quantile in quartiles(rows)[:: int(sign)])
    return Band(x=x, low=low, median=median, high=high)


def quartiles(rows: NDArray[np.float64]) -> tuple[Array, Array, Array]:
    """Return quartile, median and quartile of each column; NaN counts as the worst, inf.

    Args:
        rows: Values of shape (seeds, points).

    Returns:
        Three arrays of shape (points,).
    """
    ordered = np.sort(np.where(np.isnan(rows), np.inf, rows), axis=0)
    low, median, high = (_quantile(ordered, q) for q in (0.25, 0.5, 0.75))
    return low, median, high


def _quantile(ordered: Array, q: float) -> Array:
    place = q * (len(ordered) - 1)
    below, weight = int(place), place - int(place)
    if weight == 0:
        return np.asarray(ordered[below])
    # inf * weight is inf and never meets -inf, so no NaN arises.
    return np.asarray(ordered[below] * (1 - weight) + ordered[below + 1] * weight)


def _held(x: Array, calls: Array, y: Array, status: Status) -> Array:
    index = np.searchsorted(calls, x, side="right") - 1
    values = y[np.maximum(index, 0)]  # clocks of different runs do not begin at the same time
    return np.where((x > calls[-1]) & (status in BAD_END), np.inf, values)
