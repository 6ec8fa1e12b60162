"""The measure against what runs spend, each optimizer at its best learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    sees_all,
    start_gap,
)
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, judged_targets, measure_shown
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.target import SUBOPTIMALITY
from optbench.report.canvas import Array, Made, log_axis, nothing_to_draw, value_axis
from optbench.report.figures.budget import (
    DOTS,
    is_early,
    lead_in,
    lead_key,
    on_axis,
    set_budget_axis,
    shown,
    some_points,
)
from optbench.report.figures.crowd import Crowd, crowd_of
from optbench.report.figures.keys import (
    QUARTILES,
    SHADE,
    all_lost,
    mark_key,
    marked,
    ran,
    shade_key,
    without_runs,
)
from optbench.report.figures.panels import (
    Numbers,
    by_problem,
    canvas_of,
    keys_of,
    label_plots,
    name_plots,
)
from optbench.report.legend import Entry
from optbench.report.looks import Look
from optbench.report.measures import axis_name, budget_name, in_words
from optbench.theory.formulas.rates import theory_lines

TOP_OF_PLOT = 1e3
"""Curves that rise above this multiple of the highest start leave the plot through its top."""

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

THEORY = ("bound: gradient descent at lr 1/L", "bound: Nesterov at lr 1/L")
"""Names of the bounds where several plots, with different settings, share them."""


@dataclass(frozen=True, kw_only=True)
class _Plot:
    """One problem's plot.

    Attributes:
        axes: Where it is drawn.
        rows: The problem's rows of which something was recorded.
        bands: Their curves by name.
        crowd: How each is drawn.
        measure: What is drawn ...
        x: ... against what.
        numbers: Takes what is drawn.
        alone: Whether it is the figure's only plot.
    """

    axes: Axes
    rows: Sequence[Row]
    bands: Mapping[str, Band]
    crowd: Crowd
    measure: str
    x: str
    numbers: Numbers
    alone: bool

    @property
    def look(self) -> Look:
        """Sizes and inks."""
        return self.crowd.look

    @property
    def drawn(self) -> list[Band]:
        """The curves with a finite value."""
        return [b for b in self.bands.values() if np.isfinite(b.median).any()]

    def note(self, series: str, part: str, x: Array, y: Array, **more: Any) -> None:
        """Note a line that is drawn."""
        columns = {self.x: x, "measure": self.measure, "y": y} | more
        self.numbers.add(self.rows[0].title, series, part, **columns)


def draw(
    rows: Sequence[Row],
    look: Look,
    x: str = "gradient_calls",
    measure: str = "",
    *,
    named: bool = False,
) -> Made:
    """Draw one line an optimizer: the median over seeds, the quartiles from three seeds on.

    The horizontal axis is logarithmic for all functions or for none. Of many optimizers the best
    are in colour.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        x: What is spent, one of `optbench.analysis.curves.AGAINST`.
        measure: The measure, or a column of a task; by default what the rows are compared by.
        named: Whether each optimizer was asked for by name, so that all are in colour.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When there are too many problems, or nothing of `x` was recorded.
    """
    groups = by_problem("convergence", rows)
    _check(rows, x, measure)
    what = in_words(groups[0], measure or measure_shown(groups[0]))
    canvas, numbers = canvas_of(groups, look, f"{what}, at the best learning rates"), Numbers()
    crowd, every = crowd_of(groups, look, named=named), [row for row in rows if ran(row)]
    plots = [
        _plot(axes, same, crowd, x, measure or measure_shown(same), numbers, alone=len(groups) == 1)
        for axes, same in zip(canvas.plots, groups, strict=True)
    ]
    log = any(is_early(p.drawn, p.measure) for p in plots if not is_learning(p.rows))
    keys = [key for plot in plots for key in _draw_plot(plot, log=log)]
    names = marked(every, x)
    texts = {row.name: _legend_text(row, names[row.name]) for row in every}
    canvas.lines += crowd.entries(texts if len(groups) == 1 else names)
    told = [row for row in every if crowd.is_told(row.name)]
    canvas.keys += [*keys_of(keys), *shade_key(look, told, QUARTILES), *mark_key(every, x)]
    canvas.keys += [*without_runs(groups), *all_lost(groups)]
    name_plots(canvas, [same[0].title for same in groups])
    labels = [
        (budget_name(every if x == "seconds" else same, x), axis_name(same, plot.measure))
        for same, plot in zip(groups, plots, strict=True)
    ]
    label_plots(canvas, *zip(*labels, strict=True))
    alt = " ".join(_alt(same, measure or measure_shown(same), x) for same in groups)
    return Made(figure=canvas.figure(), data=numbers.table(), alt=alt)


def _plot(
    axes: Axes,
    rows: Sequence[Row],
    crowd: Crowd,
    x: str,
    measure: str,
    numbers: Numbers,
    *,
    alone: bool,
) -> _Plot:
    drawn = [row for row in rows if ran(row)]
    bands = {
        row.name: band([r for r in row.best if _fits(r, measure)], measure, x) for row in drawn
    }
    return _Plot(
        axes=axes,
        rows=drawn,
        bands=bands,
        crowd=crowd,
        measure=measure,
        x=x,
        numbers=numbers,
        alone=alone,
    )


def _check(rows: Sequence[Row], x: str, measure: str) -> None:
    """Refuse to draw what no run knows; runs that all failed at once are told as that."""
    best = [run for row in rows for run in row.best if run.curve]
    if best and not any(np.isfinite(_column(run, x)).any() for run in best):
        raise OptbenchError(f"no run here has recorded {x}; only learning problems have epochs")
    if best and measure and not any(_fits(run, measure) for run in best):
        raise OptbenchError(f"no run here knows its {measure.replace('_', ' ')}")


def _draw_plot(plot: _Plot, *, log: bool) -> list[Entry]:
    """Draw one problem and return what its legend must explain."""
    if not plot.drawn:
        nothing_to_draw(plot.axes, "no finite value was recorded")
        return []
    set_budget_axis(plot.axes, plot.drawn, log=log and not is_learning(plot.rows))
    top = _scale(plot)
    ends: list[Entry] = []
    for place, row in enumerate(plot.rows):
        ends += _draw_seeds(plot, row, place)
        ends += _draw_end(plot, row, top)
    return [*ends, *_draw_references(plot)]


def _fits(run: Run, measure: str) -> bool:
    return bool(np.isfinite(levels(run, measure)).any())


def _targets(plot: _Plot) -> list[float]:
    judged = plot.measure == measure_shown(plot.rows)
    return [t.level for t in judged_targets(plot.rows)] if judged else []


def _scale(plot: _Plot) -> float:
    """Set the vertical axis and return the largest value that the plot shows."""
    axes, measure, drawn = plot.axes, plot.measure, plot.drawn
    y = np.concatenate([b.median[np.isfinite(b.median)] for b in drawn])
    targets, start = _targets(plot), max(_starts(drawn), default=0.0)
    if measure in LOGARITHMIC:
        y, start = shown(y, measure), max(FLOOR, start)
        low = min([y.min(), *(level for level in targets if level > 0)]) / 2
        log_axis(axes, "y", low, min(max(y.max(), start), TOP_OF_PLOT * start) * 2)
        return float(axes.get_ylim()[1])
    if is_learning(plot.rows) and measure not in MORE_IS_BETTER and start > 0:
        y = np.minimum(y, FAR_UP * start)
    value_axis(axes, np.concatenate([y, targets]), linear=measure in MORE_IS_BETTER)
    return float(axes.get_ylim()[1])


def _starts(drawn: Sequence[Band]) -> list[float]:
    return [float(b.median[np.isfinite(b.median)][0]) for b in drawn]


def _draw_seeds(plot: _Plot, row: Row, place: int) -> list[Entry]:
    """Draw the median with its quartiles, or, of fewer than three seeds, every seed."""
    axes, measure, curve = plot.axes, plot.measure, plot.bands[row.name]
    look, told = plot.crowd.line(row.name), plot.crowd.is_told(row.name)
    thin = look | {"lw": 0.44 * plot.look.line, "alpha": 0.7}
    ends: dict[str, Any] = {}
    keys: list[Entry] = []
    if told and 1 < len(row.best) < MIN_SEEDS:
        for run in (r for r in row.best if _fits(r, measure)):
            x, y = np.asarray(_column(run, plot.x)), shown(levels(run, measure), measure)
            axes.plot(x, on_axis(axes, x, y), **thin)
            plot.note(row.name, f"seed {run.spec.seed}", x, y)
        sample = Line2D([], [], **thin | {"color": plot.look.ink, "linestyle": "-"})
        keys.append((sample, f"thin: each of {len(row.best)} seeds"))
    elif told and len(row.best) >= MIN_SEEDS:
        low, high = (np.clip(q, *axes.get_ylim()) for q in (curve.low, curve.high))
        axes.fill_between(
            curve.x, on_axis(axes, curve.x, low), high, color=look["color"], alpha=SHADE, lw=0
        )
        ends = {"low": low, "high": high}
    y = shown(np.where(np.isfinite(curve.median), curve.median, np.nan), measure)
    axes.plot(
        curve.x,
        on_axis(axes, curve.x, y),
        marker=plot.crowd.styles[row.name].marker,
        # Staggered, so that the markers of curves that coincide are seen side by side.
        markevery=some_points(y, (0.04 + 0.025 * (place % 6), 0.16 if plot.alone else 0.3)),
        markersize=(1 if plot.alone else 0.8) * plot.look.rc["lines.markersize"],
        zorder=(3 if told else 2) - 0.01 * place,
        **look,
    )
    plot.note(row.name, "median", curve.x, y, **ends)
    return [*keys, *_draw_lead(plot, row, curve)]


def _draw_lead(plot: _Plot, row: Row, curve: Band) -> list[Entry]:
    x, y = lead_in(plot.axes, row, curve, plot.measure)
    if not len(x):
        return []
    colour = plot.crowd.styles[row.name].colour
    plot.axes.plot(x, y, color=colour, lw=0.7 * plot.look.line, **DOTS)
    plot.note(row.name, "from the start", x, y)
    return [lead_key(plot.look)]


def _column(run: Run, name: str) -> Any:
    return run.curve.get(name, run.trained.get(name, ()))


def _draw_end(plot: _Plot, row: Row, top: float) -> list[Entry]:
    """Mark how the median curve ends; return the legend's entry for it."""
    curve = plot.bands[row.name]
    finite = np.flatnonzero(np.isfinite(curve.median))
    lost = 2 * sum(run.status in BAD_END for run in row.best) > len(row.best)
    kind = "lost" if lost else mode(run.status for run in row.best)
    ends = ENDS_OF_TASKS if row.is_task else ENDS
    if kind not in ends or len(finite) == 0:
        return []
    marker, meaning = ends[kind]
    above = finite[curve.median[finite] > top]
    last = above[0] if lost and len(above) else finite[-1]
    x, y = curve.x[last], min(float(curve.median[last]), top)
    y = max(y, FLOOR) if plot.measure in LOGARITHMIC else y
    size = {"x": 4.4, "|": 5.6, "o": 3.1}[marker] * plot.look.line**0.5 * 1.25
    look: dict[str, Any] = {"marker": marker, "markersize": size, "linestyle": "none"}
    look["markeredgewidth"] = 1.1 * plot.look.line
    colour = plot.crowd.styles[row.name].colour
    plot.axes.plot([x], [y], color=colour, clip_on=False, zorder=5, **look)
    plot.note(row.name, f"end: {meaning}", np.array([x]), np.array([y]))
    return [(Line2D([], [], color=plot.look.ink, **look), f"end: {meaning}")]


def _draw_references(plot: _Plot) -> list[Entry]:
    """Draw theory, targets and floor; return their legend entries."""
    spends_gradients = plot.x in ("gradient_calls", "step")
    entries: list[Entry] = []
    if plot.measure == SUBOPTIMALITY and spends_gradients:
        entries = _draw_theory(plot)
    thin = 0.5 * plot.look.line
    dotted: dict[str, Any] = {"color": plot.look.ink, "lw": thin, "ls": (0, (1, 2))}
    targets = _targets(plot)
    for level in targets:
        plot.axes.axhline(level, alpha=0.45, zorder=1, **dotted)
    if targets:
        entries.append((Line2D([], [], alpha=0.6, **dotted), "targets"))
    low = any((b.median[np.isfinite(b.median)] <= FLOOR).any() for b in plot.drawn)
    if low and plot.measure in LOGARITHMIC:
        solid: dict[str, Any] = {"color": plot.look.ink, "alpha": 0.6, "lw": 1.5 * thin}
        plot.axes.axhline(FLOOR, zorder=1, **solid)
        words = f"floor, {FLOOR:.1e}: smaller values and zeros are drawn here"
        entries.append((Line2D([], [], **solid), words))
    return entries


def _draw_theory(plot: _Plot) -> list[Entry]:
    whole = [run for row in plot.rows for run in row.best if sees_all(run)]
    starts = [run for run in whole if start_gap(run) > 0]
    lines = [theory_lines(run.facts, start_gap(run)) for run in starts]
    if not lines or not all(lines):
        return []
    low, high = plot.axes.get_xlim()
    t = np.geomspace(max(low, 1), high, 200) if low > 0 else np.linspace(0, high, 200)
    entries: list[Entry] = []
    for i, dash in zip(range(len(lines[0])), ((0, (6, 3)), (0, (2.5, 2))), strict=False):
        # Every start has its own bound; the largest one holds for them all.
        ratios = {(start_gap(r), r.facts.get("radius")): k for k, r in enumerate(starts)}
        bounds = [lines[k][i].bound(t) / start_gap(starts[k]) for k in ratios.values()]
        bound = np.maximum(np.max(bounds, axis=0), FLOOR / 1e3)
        look: dict[str, Any] = {"color": plot.look.ink, "alpha": 0.55, "ls": dash}
        look["lw"] = 0.8 * plot.look.line
        plot.axes.plot(t, bound, zorder=2, **look)
        plot.note(lines[0][i].label, "theory", t, bound)
        entries.append((Line2D([], [], **look), lines[0][i].label if plot.alone else THEORY[i]))
    return entries


def _legend_text(row: Row, name: str) -> str:
    return name if row.best_lr is None else f"{name} (lr {row.best_lr:.3g})"


def _alt(rows: Sequence[Row], measure: str, x: str) -> str:
    what = f"{in_words(rows, measure)} against {budget_name(rows, x).split(' (')[0]}"
    words = "; ".join(_in_words(row) for row in rows)
    return f"{what} on {rows[0].problem}, at the best learning rates: {words}."


def _in_words(row: Row) -> str:
    reached = [reach for reach in row.reach if reach.gradient_calls is not None]
    if reached:
        last = reached[-1]
        return f"{row.name} reaches {last.target:g} after {last.gradient_calls:g}"
    if row.final is None:
        return f"{row.name} has no finite end"
    return f"{row.name} ends at {row.final.center:.2g}"
