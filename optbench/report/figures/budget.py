"""The axis of what runs spend: linear or logarithmic, and the way from the start to a curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.curves import FLOOR, LOGARITHMIC, Band, levels
from optbench.analysis.summary import Row
from optbench.report.canvas import Array, log_axis, positive
from optbench.report.legend import Entry
from optbench.report.looks import Look

LOG_SPAN = 30
"""The axis is logarithmic when the longest curve is this many times the shortest ..."""

EARLY = 0.1
"""... or when, on the mean over curves, half of the descent happens in this share of the axis."""

LEAD = 1.3
"""Factor between the left end of a logarithmic axis and what is first spent, unless that is one."""

DOTS: dict[str, Any] = {"linestyle": (0, (1, 1.5)), "alpha": 0.8, "zorder": 1.8}


def shown(values: Array, measure: str) -> Array:
    """Return values as they are drawn: a logarithmic scale ends at the floor."""
    return np.maximum(values, FLOOR) if measure in LOGARITHMIC else values


def is_early(drawn: Sequence[Band], measure: str) -> bool:
    """Return whether what happens early would be lost on a linear axis.

    Args:
        drawn: The curves of a plot, each with a finite value.
        measure: What they are of.
    """
    calls, last = positive(*(b.x for b in drawn)), max((float(b.x[-1]) for b in drawn), default=0.0)
    if not len(calls) or last <= 10 * calls.min():
        return False
    if last >= LOG_SPAN * min(float(b.x[-1]) for b in drawn if b.x[-1] > 0):
        return True
    shares = []
    for b in drawn:
        finite = np.isfinite(b.median)
        x, y = b.x[finite], b.median[finite]
        y = np.log(shown(y, measure)) if measure in LOGARITHMIC else y
        if y[0] > y[-1]:
            shares.append((y[0] - y[x <= EARLY * last].min(initial=y[0])) / (y[0] - y[-1]))
    return bool(shares) and float(np.mean(shares)) > 0.5


def set_budget_axis(axes: Axes, drawn: Sequence[Band], *, log: bool) -> None:
    """Fit the horizontal axis to curves.

    Args:
        axes: The plot.
        drawn: Its curves.
        log: Whether it is logarithmic, if anything is spent.
    """
    calls, last = positive(*(b.x for b in drawn)), max(float(b.x[-1]) for b in drawn)
    if log and len(calls):
        room = 1.0 if calls.min() == 1 else LEAD
        log_axis(axes, "x", float(calls.min()) / room, last * 1.15)
    else:
        axes.set_xlim(0, (last or 1) * 1.03)


def on_axis(axes: Axes, x: Array, y: Array) -> Array:
    """Return a curve's values, NaN at 0 where the axis has none: a line would come from far left.

    Args:
        axes: The plot.
        x: What is spent, shape (n,).
        y: The values there, shape (n,).
    """
    return np.where((x > 0) | (axes.get_xscale() == "linear"), y, np.nan)


def some_points(x: Array, every: tuple[float, float]) -> tuple[float, float] | None:
    """Return which points of a curve have markers: those at some distances, or its only one."""
    return every if len(x) > 1 else None


def lead_in(axes: Axes, row: Row, curve: Band, measure: str) -> tuple[Array, Array]:
    """Return the line from a row's start, at 0 or the left end of the axis, to its first point.

    A clock is read after some steps, and a logarithmic axis has no 0.

    Returns:
        Abscissae and ordinates, empty where the first point is the start or at the left end.
    """
    empty = np.empty(0)
    left = float(axes.get_xlim()[0])
    starts = [float(y[0]) for run in row.best if len(y := levels(run, measure))]
    seen = np.flatnonzero(((curve.x > 0) | (left == 0)) & np.isfinite(curve.median))
    if not starts or not np.isfinite(starts).all() or not len(seen):
        return empty, empty
    first = int(seen[0])
    if curve.x[first] <= left:
        return empty, empty
    ends = np.array([np.median(starts), curve.median[first]])
    return np.array([left, curve.x[first]]), shown(ends, measure)


def lead_key(look: Look) -> Entry:
    """Return what the legend says of these lines."""
    return Line2D([], [], color=look.ink, lw=0.7 * look.line, **DOTS), "dots: from the start, at 0"
