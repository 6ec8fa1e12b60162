"""The final measure against what it costs, with the front of those that nobody beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.contest import contest, hessian_users
from optbench.analysis.curves import FLOOR, LOGARITHMIC, Array
from optbench.analysis.pareto import Point, pareto
from optbench.analysis.summary import Row
from optbench.analysis.tables import measure_shown
from optbench.report.canvas import Made, log_axis, nothing_to_draw, spans_decades
from optbench.report.figures.keys import (
    all_lost,
    bar_key,
    mark_key,
    marked,
    ran,
    without_runs,
)
from optbench.report.figures.panels import (
    Numbers,
    by_problem,
    canvas_of,
    keys_of,
    label_plots,
    name_plots,
    nothing,
)
from optbench.report.legend import Entry
from optbench.report.looks import Look
from optbench.report.measures import (
    axis_name,
    budget_name,
    has_both_times,
    in_words,
)
from optbench.report.style import Dash, LineStyle, line_styles
from optbench.report.tables.costs import AMORTISED

FRONTS: tuple[tuple[Dash, str], ...] = (("-", ""), ((0, (4, 2)), AMORTISED))
"""Dash and mark of each kind's front, see `_points`."""

STATE = "bytes of the optimizer's state a variable"


def draw(rows: Sequence[Row], look: Look, x: str = "gradient_calls") -> Made:
    """Draw a point an optimizer, with bars for the intervals from three seeds on.

    Ends below the last target are alike, see `Contest.floor`, and drawn at it. Times of a batch
    that its runs share and times of single runs do not compare: each kind has its front.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        x: What is paid, one of `optbench.analysis.pareto.COSTS`.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When there are too many problems.
    """
    groups = by_problem("pareto", rows)
    canvas, numbers = canvas_of(groups, look, "Final value against cost"), Numbers()
    styles = line_styles(row.name for row in rows)
    every = [row for row in rows if ran(row)]
    keys: list[Entry] = []
    labels, words = [], []
    cost = STATE if x == "state_bytes" else ""
    for axes, same in zip(canvas.plots, groups, strict=True):
        points = _points(same, x)
        measure = measure_shown(same)
        keys += _draw_plot(axes, look, same, points, styles, numbers)
        paid = cost or budget_name(every if x == "seconds" else same, x)
        labels.append((paid, f"final {axis_name(same)}"))
        what = f"Final {in_words(same, measure).lower()} on {same[0].problem} against {paid}"
        words.append(f"{what}: {'; '.join(_in_words(p) for part in points for p in part)}.")
    names = marked(every, x)
    canvas.lines += [(_sample(styles[name]), text) for name, text in names.items()]
    canvas.keys += keys_of(keys)
    canvas.keys += [*mark_key(every, x), *without_runs(groups), *all_lost(groups)]
    users = hessian_users(contest(rows))
    if users and x == "gradient_calls":
        canvas.keys.append(nothing(f"Hessian products are not counted: {', '.join(users)}"))
    name_plots(canvas, [same[0].title for same in groups])
    label_plots(canvas, *zip(*labels, strict=True))
    return Made(figure=canvas.figure(), data=numbers.table(), alt=" ".join(words))


def _points(rows: Sequence[Row], x: str) -> list[list[Point]]:
    """Return the points among which there is a front: all, or each kind of times by itself."""
    drawn = [row for row in rows if ran(row)]
    if x == "seconds" and has_both_times(drawn):
        return [
            pareto([r for r in drawn if r.is_amortised is shared], x) for shared in (False, True)
        ]
    return [pareto(drawn, x)]


def _in_words(point: Point) -> str:
    end = "lost" if np.isinf(point.value) else f"{point.value:.2g}"
    front = ", on the front" if point.on_front else ""
    return f"{point.name} {end} at {point.cost:.4g}{front}"


def _sample(style: LineStyle) -> Line2D:
    return Line2D([], [], color=style.colour, marker=style.marker, linestyle="none")


def _draw_plot(
    axes: Axes,
    look: Look,
    rows: Sequence[Row],
    parts: Sequence[Sequence[Point]],
    styles: Mapping[str, LineStyle],
    numbers: Numbers,
) -> list[Entry]:
    points = [point for part in parts for point in part]
    known = [p for p in points if np.isfinite([p.cost, p.value]).all()]
    stop = contest(rows).floor(rows[0].title)
    floor = max(FLOOR if measure_shown(rows) in LOGARITHMIC else -np.inf, stop)
    for point in points:
        numbers.add(
            rows[0].title,
            point.name,
            cost=point.cost,
            cost_low=point.cost_low,
            cost_high=point.cost_high,
            value=max(point.value, floor),
            low=point.low,
            high=point.high,
            on_front=point.on_front,
            lost=point.lost,
            seeds=point.runs,
        )
    if not known:
        nothing_to_draw(axes, "no run has both an end and a cost")
        return []
    _scales(axes, known, floor)
    keys: list[Entry] = []
    for part, (dash, of) in zip(parts, FRONTS, strict=False):
        keys += _draw_front(axes, look, part, floor, dash, of)
    for point in known:
        _draw_point(axes, look, point, styles[point.name], floor)
    if any(None not in (p.low, p.high) or None not in (p.cost_low, p.cost_high) for p in known):
        keys += bar_key(look, rows, "95 % t-interval of the mean")
    if any(point.value < stop for point in known):
        keys.append(nothing(f"ends below the last target, {stop:g}, are drawn at it"))
    return [*keys, *_draw_lost(axes, look, points, styles)]


def _scales(axes: Axes, points: Sequence[Point], floor: float) -> None:
    x = _ends(points, ("cost", "cost_low", "cost_high"))
    y = np.maximum(_ends(points, ("value", "low", "high")), floor)
    if x.min() > 0:
        log_axis(axes, "x", float(x.min()) / 1.5, float(x.max()) * 1.5)
    else:
        pad = 0.08 * float(x.max()) or 1.0
        axes.set_xlim(-pad, float(x.max()) + pad)
    if floor > 0 or spans_decades(y):
        log_axis(axes, "y", float(y.min()) / 2, float(y.max()) * 2)
    else:
        pad = 0.08 * float(np.ptp(y)) or 0.1 * abs(float(y[0])) or 1.0
        axes.set_ylim(float(y.min()) - pad, float(y.max()) + pad)


def _ends(points: Sequence[Point], names: Sequence[str]) -> Array:
    values = [getattr(point, name) for point in points for name in names]
    return np.array([v for v in values if v is not None and np.isfinite(v)], dtype=np.float64)


def _draw_front(
    axes: Axes, look: Look, points: Sequence[Point], floor: float, dash: Dash, of: str
) -> list[Entry]:
    """Draw the front of some points as the steps of what is reached at a cost or less."""
    front = sorted((p.cost, max(p.value, floor)) for p in points if p.on_front)
    if not front:
        return []
    cost, value = np.array(front).T
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    x, y = np.r_[cost[0], cost, right], np.r_[top, value, value[-1]]
    line: dict[str, Any] = {"color": look.ink, "alpha": 0.6, "lw": 0.9 * look.line, "ls": dash}
    axes.plot(x, y, drawstyle="steps-post", zorder=1.5, gid=f"front {of}".strip(), **line)
    among = f" among {of}" if of else ""
    return [(Line2D([], [], **line), f"front{among}: nobody is better in both")]


def _draw_point(axes: Axes, look: Look, point: Point, style: LineStyle, floor: float) -> None:
    x, y = point.cost, max(point.value, floor)
    bar: dict[str, Any] = {"color": style.colour, "lw": 0.8 * look.line, "zorder": 2}
    if point.cost_low is not None and point.cost_high is not None:
        axes.plot([point.cost_low, point.cost_high], [y, y], **bar)
    if point.low is not None and point.high is not None:
        axes.plot([x, x], np.maximum([point.low, point.high], floor), **bar)
    mark: dict[str, Any] = {"marker": style.marker, "color": style.colour, "zorder": 3}
    mark["ms"] = 1.25 * look.rc["lines.markersize"]
    if not point.on_front:
        mark["markerfacecolor"] = "none"
    axes.plot([x], [y], linestyle="none", gid=f"point {point.name}", **mark)


def _draw_lost(
    axes: Axes, look: Look, points: Sequence[Point], styles: Mapping[str, LineStyle]
) -> list[Entry]:
    """Draw those without an end on the upper edge."""
    cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "mew": 1.1 * look.line}
    lost = [p for p in points if not np.isfinite(p.value) and np.isfinite(p.cost)]
    low, high = axes.get_xlim()
    for point in lost:
        at = ([min(max(point.cost, low), high)], [axes.get_ylim()[1]])
        axes.plot(*at, color=styles[point.name].colour, clip_on=False, **cross)
    hollow = [p for p in points if np.isfinite([p.cost, p.value]).all() and not p.on_front]
    unknown = [p.name for p in points if not np.isfinite(p.cost)]
    keys: list[Entry] = []
    if unknown:
        keys.append(nothing(f"not told what it costs: {', '.join(unknown)}"))
    if hollow:
        ring = Line2D([], [], color=look.ink, marker="o", linestyle="none", markerfacecolor="none")
        keys.append((ring, "hollow: beaten"))
    if lost:
        keys.append((Line2D([], [], color=look.ink, **cross), "half of the seeds or more lost"))
    return keys
