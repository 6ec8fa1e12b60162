"""Paths in two dimensions over the function's contours, at the best learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.curves import BAD_END
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.core.run import Run
from optbench.core.spec import Spec
from optbench.families.landscape import Landscape, Surroundings, landscape, surroundings
from optbench.report.canvas import PANEL, Array, Made
from optbench.report.figures.crowd import Crowd, crowd_of
from optbench.report.figures.keys import all_lost, ran, without_runs
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

LEVELS = 14
"""Contours, evenly spaced in the logarithm."""

DEEPEST = 1e-4
"""The lowest contour, as a share of the highest, if the function goes down there."""

FINE = 641
"""Points of each axis of the contours: Rosenbrock's valley is a few hundredths of the window wide,
and on a coarse grid falls to pieces."""

SLENDER = 3.0
"""A window that is longer than wide by more than this has axes of different scales."""

MARGIN = 0.08
"""Share of the window that stays free round what is shown."""


def draw(rows: Sequence[Row], look: Look, *, named: bool = False) -> Made:
    """Draw the path of the first seed of each optimizer, with start, end and minimisers.

    Of many optimizers the best are in colour.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        named: Whether each optimizer was asked for by name, so that all are in colour.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When no run is in two variables with its points, or there are too many
            problems.
    """
    every, rows = rows, [row for row in rows if _path(row) is not None]
    if not rows:
        raise OptbenchError(
            "trajectory needs runs on a problem of two variables that kept their points; "
            "there are none here"
        )
    groups = by_problem("trajectory", rows)
    alone = len(groups) == 1
    canvas, numbers = canvas_of(groups, look, "Paths at the best learning rates"), Numbers()
    crowd = crowd_of(groups, look, named=named)
    keys: list[Entry] = []
    for axes, same in zip(canvas.plots, groups, strict=True):
        keys += _draw_plot(axes, same, crowd, numbers, alone)
    canvas.lines += crowd.entries({row.name: _legend_text(row, alone) for row in rows})
    canvas.keys += [*keys_of(keys), *_left_out(every, groups), *all_lost(groups)]
    name_plots(canvas, [same[0].title for same in groups])
    label_plots(canvas, ["x₁"] * len(groups), ["x₂"] * len(groups))
    alt = " ".join(_alt(same) for same in groups)
    return Made(figure=canvas.figure(), data=numbers.table(), alt=alt)


def _path(row: Row) -> Run | None:
    """Return the first seed's run at the best learning rate, if its points are there."""
    for run in row.best:
        if run.points is not None and run.points.ndim == 2 and run.points.shape[1] == 2:
            return run
    return None


def _left_out(rows: Sequence[Row], groups: Sequence[Sequence[Row]]) -> list[Entry]:
    """Return who has no path on the problems that are drawn, and why."""
    titles = [same[0].title for same in groups]
    out = [row for row in rows if row.title in titles and _path(row) is None]
    pointless = ", ".join(dict.fromkeys(row.name for row in out if ran(row)))
    told = [nothing(f"kept no points: {pointless}")] if pointless else []
    by_plot = [[row for row in out if row.title == title] for title in titles]
    return [*told, *without_runs(by_plot)]


def _paths(rows: Sequence[Row]) -> dict[str, Run]:
    return {row.name: run for row in rows if (run := _path(row)) is not None}


def _draw_plot(
    axes: Axes,
    rows: Sequence[Row],
    crowd: Crowd,
    numbers: Numbers,
    alone: bool,
) -> list[Entry]:
    look, paths = crowd.look, _paths(rows)
    problem = next(iter(paths.values())).spec.problem
    around = surroundings(problem)
    window = _window(list(paths.values()), around, look.height if alone else PANEL)
    axes.set(xlim=window[0], ylim=window[1])
    axes.grid(visible=False)
    keys = _draw_contours(axes, look, problem, window, alone)
    for place, (name, run) in enumerate(paths.items()):
        keys += _draw_path(axes, crowd, name, run, place)
        points = np.asarray(run.points)
        columns: dict[str, Any] = {"x1": points[:, 0], "x2": points[:, 1]}
        numbers.add(rows[0].title, name, "path", step=run.curve["step"], **columns)
    mark: dict[str, Any] = {"linestyle": "none", "color": look.ink, "zorder": 6}
    start = {**mark, "marker": "s", "markerfacecolor": "none", "ms": 5 * look.line**0.5}
    firsts = np.unique([np.asarray(run.points)[0] for run in paths.values()], axis=0)
    axes.plot(*firsts.T, gid="start", **start)
    keys.insert(0, (Line2D([], [], **start), "start"))
    if len(around.minimisers):
        star = {**mark, "marker": "*", "ms": 8 * look.line**0.5, "mew": 0}
        axes.plot(*around.minimisers.T, gid="minimisers", **star)
        keys.insert(1, (Line2D([], [], **star), "minimiser"))
        numbers.add(
            rows[0].title,
            "minimisers",
            "point",
            x1=around.minimisers[:, 0],
            x2=around.minimisers[:, 1],
        )
    numbers.add(rows[0].title, "start", "point", x1=firsts[:, 0], x2=firsts[:, 1])
    return keys


def _window(
    runs: Sequence[Run], around: Surroundings, share: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of both axes: all of the paths that is near what matters."""
    anchors = [np.asarray(run.points)[[0]] for run in runs]
    kept = [run for run in runs if run.status not in BAD_END]
    anchors += [np.asarray(run.points)[[-1]] for run in kept]
    matters = np.concatenate([*anchors, around.minimisers])
    matters = matters[np.isfinite(matters).all(axis=1)]
    low, high = matters.min(axis=0), matters.max(axis=0)
    size = high - low
    reach = np.full(2, np.ptp(around.domain) / 2) if around.domain else np.maximum(size, 1e-9)
    points = np.concatenate([np.asarray(run.points) for run in runs])
    near = np.isfinite(points).all(axis=1)
    near &= (points >= low - reach).all(axis=1) & (points <= high + reach).all(axis=1)
    points = np.concatenate([points[near], matters])
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, 1e-3 * max(1.0, float(np.ptp(points))))
    size = size * (1 + 2 * MARGIN)
    # With one scale for both axes gradients are at right angles to contours.
    square = np.array([max(size[0], size[1] / share), max(size[1], size[0] * share)])
    size = square if (square <= SLENDER * size).all() else size
    middle = (low + high) / 2
    (left, bottom), (right, top) = middle - size / 2, middle + size / 2
    return (float(left), float(right)), (float(bottom), float(top))


def _draw_contours(
    axes: Axes,
    look: Look,
    problem: Spec,
    window: tuple[tuple[float, float], tuple[float, float]],
    alone: bool,
) -> list[Entry]:
    ground = landscape(problem, *window, points=FINE)
    levels = levels_of(ground)
    if len(levels) < 2:
        return []
    values = ground.values if ground.known else ground.values - np.nanmin(ground.values)
    thin: dict[str, Any] = {"linewidths": 0.45 * look.line, "alpha": 0.35, "zorder": 1}
    # The root is straight across a valley, so that lines between grid points are true to it.
    roots = np.sqrt(np.maximum(values, 0.0)), np.sqrt(levels)
    axes.contour(ground.x, ground.y, roots[0], levels=roots[1], colors=look.ink, **thin)
    words = "contours of f - f*" if ground.known else "contours of f above its lowest value here"
    words += f": {levels[0]:.1g} to {levels[-1]:.1g}" if alone else ", evenly in the logarithm"
    return [(Line2D([], [], color=look.ink, lw=0.45 * look.line, alpha=0.6), words)]


def levels_of(ground: Landscape) -> Array:
    """Return the levels of the contours: evenly spaced in the logarithm, or none."""
    values = ground.values if ground.known else ground.values - np.nanmin(ground.values)
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return np.empty(0)
    top = float(values.max())
    low = max(float(np.quantile(values, 0.002)), DEEPEST * top)
    return np.geomspace(low, 0.98 * top, LEVELS) if low < 0.9 * top else np.empty(0)


def _draw_path(axes: Axes, crowd: Crowd, name: str, run: Run, place: int) -> list[Entry]:
    """Draw a path and how it ends."""
    look, style = crowd.look, crowd.styles[name]
    points = np.asarray(run.points)
    points = points[np.isfinite(points).all(axis=1)]
    line = crowd.line(name) | {
        "marker": style.marker,
        "markevery": (0.05 + 0.02 * (place % 6), 0.22),
    }
    line["markersize"] = 0.8 * look.rc["lines.markersize"]
    # A number beyond this is nowhere near, and no program draws a line that long.
    shown = np.clip(points, -1e6, 1e6)
    order = (3 if crowd.is_told(name) else 2) - 0.01 * place
    axes.plot(*shown.T, zorder=order, gid=f"path {name}", **line)
    if run.status in BAD_END:
        inside = (points >= [axes.get_xlim()[0], axes.get_ylim()[0]]).all(axis=1)
        inside &= (points <= [axes.get_xlim()[1], axes.get_ylim()[1]]).all(axis=1)
        last = points[np.flatnonzero(inside)[-1]] if inside.any() else points[0]
        cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "mew": 1.2 * look.line}
        axes.plot(*last, color=style.colour, ms=6, zorder=5, **cross)
        return [(Line2D([], [], color=look.ink, ms=6, **cross), "diverged, last point in the plot")]
    end: dict[str, Any] = {"marker": "o", "linestyle": "none", "ms": 5 * look.line**0.5}
    axes.plot(*points[-1], color=style.colour, mew=0, zorder=5, gid=f"end {name}", **end)
    return [(Line2D([], [], color=look.ink, **end), "end")]


def _legend_text(row: Row, alone: bool) -> str:
    return f"{row.name} (lr {row.best_lr:.3g})" if alone and row.best_lr is not None else row.name


def _alt(rows: Sequence[Row]) -> str:
    parts = []
    for name, run in _paths(rows).items():
        x, y = np.asarray(run.points)[-1]
        lost = "diverges from" if run.status in BAD_END else "ends at"
        parts.append(f"{name} {lost} ({x:.3g}, {y:.3g}) after {run.last('step'):g} steps")
    return f"Paths on {rows[0].problem}: {'; '.join(parts)}."
