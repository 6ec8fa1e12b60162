"""The measure against gradient evaluations, each optimizer at its best learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mode
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.curves import (
    BAD_END,
    FLOOR,
    LOGARITHMIC,
    MORE_IS_BETTER,
    Band,
    band,
    levels,
    start_gap,
)
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, judged_targets, measure_shown
from optbench.core.run import Run, Status
from optbench.core.target import SUBOPTIMALITY
from optbench.report.canvas import (
    Array,
    Canvas,
    Drawing,
    Entry,
    log_axis,
    nothing_to_draw,
    positive,
    sample,
    value_axis,
)
from optbench.report.measures import axis_name, budget_name, in_words
from optbench.report.style import INK, LineStyle
from optbench.theory.formulas.rates import theory_lines

TOP_OF_PLOT = 1e3
"""Curves that rise above this multiple of the highest start leave the plot through its top."""

LOG_SPAN = 30
"""The budget axis is logarithmic when the longest curve is this many times the shortest ..."""

EARLY = 0.1
"""... or when, on the mean over curves, half of the descent happens in this share of the axis."""

ENDS = {
    "lost": ("x", "diverged"),
    Status.BUDGET: ("|", "budget spent"),
    Status.CONVERGED: ("o", "stopped at the last target"),
}
"""Marker and meaning of how a curve ends ..."""

ENDS_OF_TASKS = ENDS | {Status.CONVERGED: ("o", "budget spent, the last target reached")}
"""... and of a task, whose runs go on beyond their targets."""

FAR_UP = 10.0
"""A task's loss above this multiple of its highest start is beyond the plot."""


def draw_convergence(
    rows: Sequence[Row], styles: Mapping[str, LineStyle], measure: str = ""
) -> Drawing:
    """Draw one line an optimizer: the median over seeds, the quartiles from three seeds on.

    Args:
        rows: The rows of one problem and target measure, best first.
        styles: Style by `Row.name`.
        measure: The measure, or a column of a task; by default what the rows are compared by.

    Returns:
        The figure.
    """
    canvas = Canvas(rows[0].problem)
    axes = canvas.axes
    measure = measure or measure_shown(rows)
    bands = {row.name: band([r for r in row.best if _fits(r, measure)], measure) for row in rows}
    axes.set(xlabel=budget_name(rows), ylabel=axis_name(rows, measure))
    canvas.lines += [(sample(styles[row.name]), _legend_text(row)) for row in rows]
    drawn = [b for b in bands.values() if np.isfinite(b.median).any()]
    if not drawn:
        nothing_to_draw(axes, "no finite value was recorded")
        return _finish(canvas, rows, measure)
    top = _scales(axes, drawn, rows, measure)
    ends: dict[str, Entry] = {}
    for place, row in enumerate(rows):
        style, curve = styles[row.name], bands[row.name]
        _draw_seeds(axes, row, curve, style, place, measure)
        ends |= _draw_ends(axes, row, curve, style, top, measure)
    canvas.keys += ends.values()
    canvas.keys += _draw_references(axes, rows, drawn, measure)
    return _finish(canvas, rows, measure)


def _fits(run: Run, measure: str) -> bool:
    return bool(np.isfinite(levels(run, measure)).any())


def _targets(rows: Sequence[Row], measure: str) -> list[float]:
    return [t.level for t in judged_targets(rows)] if measure == measure_shown(rows) else []


def shown(values: Array, measure: str) -> Array:
    """Return values as they are drawn: a logarithmic scale ends at the floor."""
    return np.maximum(values, FLOOR) if measure in LOGARITHMIC else values


def _scales(axes: Axes, drawn: Sequence[Band], rows: Sequence[Row], measure: str) -> float:
    """Set both axes and return the largest value that the plot shows."""
    calls, last = positive(*(b.x for b in drawn)), max(float(b.x[-1]) for b in drawn)
    early = not is_learning(rows) and len(calls) and last > 10 * calls.min()
    if early and _is_early(drawn, last, measure):
        log_axis(axes, "x", float(calls.min()), last * 1.15)
    else:
        axes.set_xlim(0, max(last, 1) * 1.03)
    y = np.concatenate([b.median[np.isfinite(b.median)] for b in drawn])
    levels, start = _targets(rows, measure), max(_starts(drawn), default=0.0)
    if measure in LOGARITHMIC:
        y, start = shown(y, measure), max(FLOOR, start)
        low = min([y.min(), *(level for level in levels if level > 0)]) / 2
        log_axis(axes, "y", low, min(max(y.max(), start), TOP_OF_PLOT * start) * 2)
        return float(axes.get_ylim()[1])
    if is_learning(rows) and measure not in MORE_IS_BETTER and start > 0:
        y = np.minimum(y, FAR_UP * start)
    value_axis(axes, np.concatenate([y, levels]), linear=measure in MORE_IS_BETTER)
    return float(axes.get_ylim()[1])


def _starts(drawn: Sequence[Band]) -> list[float]:
    return [float(b.median[np.isfinite(b.median)][0]) for b in drawn]


def _is_early(drawn: Sequence[Band], last: float, measure: str) -> bool:
    if last >= LOG_SPAN * max(min(b.x[-1] for b in drawn), 1):
        return True
    shares = []
    for b in drawn:
        finite = np.isfinite(b.median)
        x, y = b.x[finite], b.median[finite]
        y = np.log(shown(y, measure)) if measure in LOGARITHMIC else y
        if y[0] > y[-1]:
            shares.append((y[0] - y[x <= EARLY * last].min(initial=y[0])) / (y[0] - y[-1]))
    return bool(shares) and float(np.mean(shares)) > 0.5


def _draw_seeds(
    axes: Axes, row: Row, curve: Band, style: LineStyle, place: int, measure: str
) -> None:
    """Draw the median with its quartiles, or, of fewer than three seeds, every seed."""
    look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash}
    if len(row.best) < MIN_SEEDS:
        for run in (r for r in row.best if _fits(r, measure) and len(row.best) > 1):
            y = shown(levels(run, measure), measure)
            axes.plot(run.curve["gradient_calls"], y, lw=0.7, alpha=0.7, **look)
    else:
        low, high = (np.clip(q, *axes.get_ylim()) for q in (curve.low, curve.high))
        axes.fill_between(curve.x, low, high, color=style.colour, alpha=0.16, lw=0)
    axes.plot(
        curve.x,
        shown(np.where(np.isfinite(curve.median), curve.median, np.nan), measure),
        marker=style.marker,
        # Staggered, so that the markers of curves that coincide are seen side by side.
        markevery=(0.04 + 0.025 * (place % 6), 0.16),
        zorder=3 - 0.01 * place,
        **look,
    )


def _draw_ends(
    axes: Axes, row: Row, curve: Band, style: LineStyle, top: float, measure: str
) -> dict[str, Entry]:
    """Mark how the median curve ends; return the legend's entry for it."""
    finite = np.flatnonzero(np.isfinite(curve.median))
    if len(finite) == 0:
        return {}
    lost = 2 * sum(run.status in BAD_END for run in row.best) > len(row.best)
    kind = "lost" if lost else mode(run.status for run in row.best)
    ends = ENDS_OF_TASKS if row.is_task else ENDS
    if kind not in ends:
        return {}
    marker, meaning = ends[kind]
    above = finite[curve.median[finite] > top]
    last = above[0] if lost and len(above) else finite[-1]
    x, y = curve.x[last], min(float(curve.median[last]), top)
    y = max(y, FLOOR) if measure in LOGARITHMIC else y
    size = {"x": 7, "|": 9, "o": 5}[marker]
    look: dict[str, Any] = {"marker": marker, "markersize": size, "markeredgewidth": 1.8}
    look["linestyle"] = "none"
    axes.plot([x], [y], color=style.colour, clip_on=False, zorder=5, **look)
    return {meaning: (Line2D([], [], color=INK, **look), f"end: {meaning}")}


def _draw_references(
    axes: Axes, rows: Sequence[Row], drawn: Sequence[Band], measure: str
) -> list[Entry]:
    """Draw theory, targets and floor; return their legend entries."""
    entries = _draw_theory(axes, rows) if measure == SUBOPTIMALITY else []
    targets = _targets(rows, measure)
    for level in targets:
        axes.axhline(level, color=INK, alpha=0.45, lw=0.8, ls=(0, (1, 2)), zorder=1)
    if targets:
        line = Line2D([], [], color=INK, alpha=0.6, lw=0.8, ls=(0, (1, 2)))
        entries.append((line, "targets"))
    low = any((b.median[np.isfinite(b.median)] <= FLOOR).any() for b in drawn)
    if low and measure in LOGARITHMIC:
        axes.axhline(FLOOR, color=INK, alpha=0.6, lw=1.2, zorder=1)
        line = Line2D([], [], color=INK, alpha=0.6, lw=1.2)
        entries.append((line, f"floor, {FLOOR:.1e}: smaller values and zeros are drawn here"))
    return entries


def _draw_theory(axes: Axes, rows: Sequence[Row]) -> list[Entry]:
    starts = [run for row in rows for run in row.best if start_gap(run) > 0]
    lines = [theory_lines(run.facts, start_gap(run)) for run in starts]
    if not lines or not all(lines):
        return []
    low, high = axes.get_xlim()
    t = np.geomspace(max(low, 1), high, 200) if low > 0 else np.linspace(0, high, 200)
    entries: list[Entry] = []
    for i, dash in zip(range(len(lines[0])), ((0, (6, 3)), (0, (2.5, 2))), strict=False):
        # Every start has its own bound; the largest one holds for them all.
        ratios = {(start_gap(r), r.facts.get("radius")): k for k, r in enumerate(starts)}
        bounds = [lines[k][i].bound(t) / start_gap(starts[k]) for k in ratios.values()]
        look: dict[str, Any] = {"color": INK, "alpha": 0.55, "lw": 1.3, "ls": dash}
        axes.plot(t, np.maximum(np.max(bounds, axis=0), FLOOR / 1e3), zorder=2, **look)
        entries.append((Line2D([], [], **look), lines[0][i].label))
    return entries


def _legend_text(row: Row) -> str:
    if row.final is None and not any(run.curve for run in row.best):
        return f"{row.name} ({', '.join(sorted({str(run.status) for run in row.best}))})"
    return row.name if row.best_lr is None else f"{row.name} (lr {row.best_lr:.3g})"


def _finish(canvas: Canvas, rows: Sequence[Row], measure: str) -> Drawing:
    what = in_words(rows, measure)
    alt = f"{what} against gradient evaluations on {rows[0].problem}, at the best learning rates: "
    alt += "; ".join(_in_words(row) for row in rows) + "."
    return canvas.drawing(alt)


def _in_words(row: Row) -> str:
    reached = [reach for reach in row.reach if reach.gradient_calls is not None]
    if reached:
        last = reached[-1]
        return f"{row.name} reaches {last.target:g} after {last.gradient_calls:g}"
    if row.final is None:
        return f"{row.name} has no finite end"
    return f"{row.name} ends at {row.final.center:.2g}"
