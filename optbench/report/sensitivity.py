"""The final measure against the learning rate, one line an optimizer; diverged runs on a rail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from optbench.analysis.curves import FLOOR, LOGARITHMIC
from optbench.analysis.sensitivity import Sensitivity, sensitivity, top_of_plot
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, measure_shown
from optbench.core.target import SUBOPTIMALITY
from optbench.report.canvas import (
    Canvas,
    Drawing,
    log_axis,
    nothing_to_draw,
    sample,
    spans_decades,
    value_axis,
)
from optbench.report.measures import axis_name, in_words
from optbench.report.style import INK, LineStyle

RAIL_ROW = 0.028
"""Height of one optimizer's row of the rail, as a share of the plot ..."""

MAX_RAIL = 0.4
"""... and of all of them together, at most."""


RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgewidth": 1.5,
    "linestyle": "none",
}
"""Marks the best learning rate."""


def draw_sensitivity(rows: Sequence[Row], styles: Mapping[str, LineStyle]) -> Drawing:
    """Draw the final measure (median over seeds, quartiles from three on) against learning rate.

    Args:
        rows: The rows of one problem, best first.
        styles: Style by `Row.name`.

    Returns:
        The figure. A method without a learning rate is a horizontal line.
    """
    measure = measure_shown(rows)
    shown = [row for row in rows if row.measure == measure]
    curves = {row.name: sensitivity(row) for row in shown}
    canvas = Canvas(rows[0].problem)
    axes = canvas.axes
    axes.set(xlabel="learning rate", ylabel=f"final {axis_name(rows)}")
    rates = [lr for row in shown for lr in row.learning_rates]
    alt = f"Final {in_words(rows, measure).lower()} against learning rate on {rows[0].problem}. "
    if not rates or not any(len(curve.lr) for curve in curves.values()):
        nothing_to_draw(axes, "no run here has both a learning rate and an end")
        return canvas.drawing(alt)
    log_axis(axes, "x", min(rates) / 1.25, max(rates) * 1.25)
    lost = [row.name for row in shown if curves[row.name].lost.any()]
    ceiling = _vertical_axis(axes, list(curves.values()), len(lost), measure)
    for row in shown:
        _draw_curve(axes, row, curves[row.name], styles[row.name], ceiling)
        canvas.lines.append((sample(styles[row.name]), row.name))
    for place, who in enumerate(lost):
        _draw_rail(axes, curves[who], styles[who].colour, 1 - _rail_row(len(lost)) * (place + 0.6))
    _explain(canvas, bool(lost), measure, top_of_plot(measure, task=is_learning(rows)))
    alt += "; ".join(_in_words(row) for row in shown) + "."
    return canvas.drawing(alt)


def _vertical_axis(
    axes: Axes, curves: Sequence[Sensitivity], rail_rows: int, measure: str
) -> float:
    """Scale the plot to the finite values; return where the rail begins, above them."""
    y = np.concatenate([end for curve in curves for end in (curve.median, curve.high)])
    y = y[np.isfinite(y)]
    rail = _rail_row(rail_rows) * (rail_rows + 0.6) if rail_rows else 0.0
    stretch = 1 / (1 - rail)
    if measure in LOGARITHMIC or spans_decades(y):
        y = np.maximum(y, FLOOR)
        least = [1.0] if measure == SUBOPTIMALITY or not len(y) else []
        low, high = min(y, default=0.1) / 3, max([*y, *least]) * 3
        log_axis(axes, "y", low, low * (high / low) ** stretch)
    else:
        value_axis(axes, y if len(y) else np.zeros(1), linear=True)
        low, high = axes.get_ylim()
        axes.set_ylim(low, low + (high - low) * stretch)
    if not len(y):
        axes.set_yticks([])
    if rail:
        ticks = [float(tick) for tick in axes.get_yticks()]
        axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if tick <= high]))
        axes.axhline(high, color=INK, alpha=0.5, lw=0.8)
        look: dict[str, Any] = {"ha": "right", "va": "center", "size": 8}
        axes.text(-0.012, 1 - rail / 2, "diverged", transform=axes.transAxes, **look)
    return float(high)


def _draw_curve(axes: Axes, row: Row, curve: Sensitivity, style: LineStyle, ceiling: float) -> None:
    """Draw the part of a curve that has an end, and ring its best learning rate."""
    look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash}
    floor = FLOOR if row.measure in LOGARITHMIC else -np.inf
    median = np.where(np.isfinite(curve.median), np.maximum(curve.median, floor), np.nan)
    if row.best_lr is None:
        for value in median:
            axes.axhline(value, **look)
        return
    axes.plot(curve.lr, median, marker=style.marker, markersize=3.5, **look)
    if (curve.seeds >= MIN_SEEDS).all():
        low, high = (np.maximum(np.minimum(q, ceiling), floor) for q in (curve.low, curve.high))
        ended = np.isfinite(median)
        axes.fill_between(curve.lr, low, high, ended, color=style.colour, alpha=0.16, lw=0)
    best = median[curve.lr == row.best_lr]
    axes.plot([row.best_lr] * len(best), best, color=style.colour, zorder=4, **RING)


def _rail_row(rows: int) -> float:
    return min(RAIL_ROW, MAX_RAIL / (rows + 0.6))


def _draw_rail(axes: Axes, curve: Sensitivity, colour: str, height: float) -> None:
    where = curve.lost > 0
    look: dict[str, Any] = {"alpha": 0.3 + 0.7 * curve.lost[where], "marker": "x", "s": 16}
    axes.scatter(
        curve.lr[where],
        np.full(where.sum(), height),
        color=colour,
        transform=axes.get_xaxis_transform(),
        **look,
    )


def _explain(canvas: Canvas, lost: bool, measure: str, top: float) -> None:
    canvas.keys.append((Line2D([], [], color=INK, **RING), "best learning rate"))
    if lost:
        start = "" if measure == SUBOPTIMALITY else " times the start"
        above = f" or ended above {top:g}{start}" if np.isfinite(top) else ""
        cross = Line2D([], [], color=INK, marker="x", linestyle="none")
        canvas.keys.append((cross, f"diverged{above}; faint: some of the seeds"))


def _in_words(row: Row) -> str:
    if row.best_lr is None:
        return f"{row.name} has no learning rate"
    lost = f"{row.diverged} of {len(row.runs)} runs diverged"
    return f"{row.name} is best at {row.best_lr:.3g}, {lost}"
