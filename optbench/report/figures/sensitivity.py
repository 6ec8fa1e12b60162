"""The final measure against the learning rate, one line an optimizer; diverged runs on a rail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import Locator

from optbench.analysis.curves import FLOOR, LOGARITHMIC
from optbench.analysis.sensitivity import (
    GoodRegion,
    Sensitivity,
    good_region,
    sensitivity,
    top_of_plot,
)
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, measure_shown
from optbench.core.target import SUBOPTIMALITY
from optbench.report.canvas import (
    Array,
    Made,
    log_axis,
    nothing_to_draw,
    spans_decades,
    value_axis,
)
from optbench.report.figures.crowd import Crowd, crowd_of
from optbench.report.figures.keys import (
    QUARTILES,
    SHADE,
    all_lost,
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
from optbench.report.measures import axis_name, in_words

RAIL_ROW = 0.028
"""Height of one optimizer's row of the rail, as a share of the plot ..."""

MAX_RAIL = 0.4
"""... and of all of them together, at most."""

THICK = 2.4
"""Width of a curve over its good learning rates, in widths of a curve."""


@dataclass(frozen=True, kw_only=True)
class _Plot:
    """One problem's plot.

    Attributes:
        axes: Where it is drawn.
        rows: The problem's rows that have the measure.
        crowd: How each is drawn.
        measure: What is drawn.
        numbers: Takes what is drawn.
        curves: What is drawn, by name.
    """

    axes: Axes
    rows: Sequence[Row]
    crowd: Crowd
    measure: str
    numbers: Numbers
    curves: Mapping[str, Sensitivity]

    @property
    def look(self) -> Look:
        """Sizes and inks."""
        return self.crowd.look


def draw(rows: Sequence[Row], look: Look, *, named: bool = False) -> Made:
    """Draw the final measure (median over seeds, quartiles from three on) against learning rate.

    The good learning rates, see `good_region`, are thick. A method without a learning rate is a
    horizontal line. Of many optimizers the best are in colour.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        named: Whether each optimizer was asked for by name, so that all are in colour.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When there are too many problems.
    """
    groups = by_problem("sensitivity", rows)
    alone = len(groups) == 1
    canvas, numbers = canvas_of(groups, look, "Final value against learning rate"), Numbers()
    crowd = crowd_of(groups, look, named=named)
    shown = [
        [row for row in same if row.measure == measure_shown(same) and ran(row)] for same in groups
    ]
    keys: list[Entry] = []
    for axes, same, every in zip(canvas.plots, shown, groups, strict=True):
        plot = _Plot(
            axes=axes,
            rows=same,
            crowd=crowd,
            measure=measure_shown(every),
            numbers=numbers,
            curves={row.name: sensitivity(row) for row in same},
        )
        keys += _draw_plot(plot)
    names = {row.name: _legend_text(row, alone) for same in shown for row in same}
    canvas.lines += crowd.entries(names) if keys else []
    told = [r for same in shown for r in same if crowd.is_told(r.name) and r.final is not None]
    canvas.keys += [*keys_of(keys), *(shade_key(look, told, QUARTILES) if keys else [])]
    canvas.keys += [*without_runs(groups), *all_lost(groups)]
    name_plots(canvas, [same[0].title for same in groups])
    y = [f"final {axis_name(same)}" for same in groups]
    label_plots(canvas, ["learning rate"] * len(groups), y)
    alt = " ".join(_alt(same) for same in groups)
    return Made(figure=canvas.figure(), data=numbers.table(), alt=alt)


def _draw_plot(plot: _Plot) -> list[Entry]:
    """Draw one problem and return what its legend must explain."""
    axes = plot.axes
    rates = [lr for row in plot.rows for lr in row.learning_rates]
    if not rates or not any(len(curve.lr) for curve in plot.curves.values()):
        nothing_to_draw(axes, "no run here has both a learning rate and an end")
        return []
    log_axis(axes, "x", min(rates) / 1.25, max(rates) * 1.25)
    lost = _rails(plot)
    ceiling = _vertical_axis(plot, len(lost))
    several = [r for r in plot.rows if len(r.learning_rates) > 1 and plot.crowd.is_told(r.name)]
    regions = {row.name: good_region(row) for row in several}
    for row in plot.rows:
        _draw_curve(plot, row, ceiling)
        _draw_good(plot, row, regions.get(row.name))
    for place, names in enumerate(lost):
        height = 1 - _rail_row(len(lost)) * (place + 0.6)
        for who in names:
            _draw_rail(plot, who, height, regions.get(who))
    bounds = any(region and region.boundary for region in regions.values())
    return _keys(plot, lost=bool(lost), good=any(regions.values()), bounds=bounds)


def _rails(plot: _Plot) -> list[list[str]]:
    """Return who is in each row of the rail: one that lost runs, or all that are not told apart."""
    lost = [row.name for row in plot.rows if plot.curves[row.name].lost.any()]
    others = [name for name in lost if not plot.crowd.is_told(name)]
    return [[name] for name in lost if name not in others] + ([others] if others else [])


def _vertical_axis(plot: _Plot, rail_rows: int) -> float:
    """Scale the plot to the finite values; return where the rail begins, above them."""
    axes, measure = plot.axes, plot.measure
    y = np.concatenate([end for c in plot.curves.values() for end in (c.median, c.high)])
    y = y[np.isfinite(y)]
    rail = _rail_row(rail_rows) * (rail_rows + 0.6) if rail_rows else 0.0
    stretch = 1 / (1 - rail)
    if measure in LOGARITHMIC or spans_decades(y):
        y = np.maximum(y, FLOOR) if measure in LOGARITHMIC else y
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
        # A tick just below the rail would run into its name.
        log = axes.get_yscale() == "log"
        below = high / (high / low) ** 0.06 if log else high - 0.06 * (high - low)
        axes.yaxis.set_major_locator(_Below(axes.yaxis.get_major_locator(), float(below)))
        axes.axhline(high, color=plot.look.ink, alpha=0.5, lw=0.8)
        text: dict[str, Any] = {"ha": "right", "va": "center", "size": plot.look.small}
        axes.text(-0.012, 1 - rail / 2, "diverged", transform=axes.transAxes, **text)
    return float(high)


class _Below(Locator):
    """Ticks of another locator, without those on the rail."""

    def __init__(self, inner: Locator, limit: float) -> None:
        self._inner, self._limit = inner, limit

    def set_axis(self, axis: Any) -> None:
        super().set_axis(axis)
        self._inner.set_axis(axis)

    def __call__(self) -> list[float]:
        return [float(tick) for tick in self._inner() if tick <= self._limit]

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return [float(t) for t in self._inner.tick_values(vmin, vmax) if t <= self._limit]


def _draw_curve(plot: _Plot, row: Row, ceiling: float) -> None:
    """Draw the part of a curve that has an end, and ring its best learning rate."""
    axes, style, curve = plot.axes, plot.crowd.styles[row.name], plot.curves[row.name]
    told, line = plot.crowd.is_told(row.name), plot.crowd.line(row.name)
    median = _shown(curve.median, row)
    if row.best_lr is None:
        for value in median:
            axes.axhline(value, **line)
            plot.numbers.add(row.title, row.name, "no learning rate", y=value)
        return
    size = 0.8 * plot.look.rc["lines.markersize"]
    axes.plot(curve.lr, median, marker=style.marker, markersize=size, gid="median", **line)
    ends: dict[str, Any] = {}
    if told and len(curve.lr) and (curve.seeds >= MIN_SEEDS).all():
        low, high = (np.minimum(_shown(q, row), ceiling) for q in (curve.low, curve.high))
        ended = np.isfinite(median)
        axes.fill_between(curve.lr, low, high, ended, color=style.colour, alpha=SHADE, lw=0)
        ends = {"low": low, "high": high}
    numbers = {"learning_rate": curve.lr, "measure": plot.measure, "y": median, **ends}
    numbers |= {"lost": curve.lost, "seeds": curve.seeds}
    plot.numbers.add(row.title, row.name, "median", **numbers)
    best = median[curve.lr == row.best_lr]
    if told:
        axes.plot([row.best_lr] * len(best), best, color=style.colour, zorder=4, **_ring(plot.look))
    plot.numbers.add(row.title, row.name, "best", learning_rate=row.best_lr, y=best)


def _shown(values: Array, row: Row) -> Array:
    """Return values as they are drawn: without the infinite, and not below the floor."""
    finite = np.where(np.isfinite(values), values, np.nan)
    return np.maximum(finite, FLOOR) if row.measure in LOGARITHMIC else finite


def _draw_good(plot: _Plot, row: Row, region: GoodRegion | None) -> None:
    """Draw the curve thick over its good learning rates, as straight between as on the plot."""
    if region is None:
        return
    curve, style = plot.curves[row.name], plot.crowd.styles[row.name]
    median = _shown(curve.median, row)
    known = np.isfinite(median)
    inside = curve.lr[(curve.lr > region.low) & (curve.lr < region.high)]
    lr = np.unique(np.r_[region.low, inside, region.high])
    log = plot.axes.get_yscale() == "log"
    y = np.log(median[known]) if log else median[known]
    y = np.interp(np.log(lr), np.log(curve.lr[known]), y)
    y = np.exp(y) if log else y
    wide = THICK * plot.look.line
    plot.axes.plot(
        lr, y, color=style.colour, lw=wide, alpha=0.55, solid_capstyle="butt", gid="good"
    )
    plot.numbers.add(row.title, row.name, "good learning rates", learning_rate=lr, y=y)


def _rail_row(rows: int) -> float:
    return min(RAIL_ROW, MAX_RAIL / (rows + 0.6))


def _draw_rail(plot: _Plot, name: str, height: float, region: GoodRegion | None) -> None:
    """Draw an optimizer's row of the rail: crosses where runs were lost, a bar before them."""
    axes, curve, colour = plot.axes, plot.curves[name], plot.crowd.styles[name].colour
    where = curve.lost > 0
    size = 4 * plot.look.line**0.5
    look: dict[str, Any] = {"color": colour, "transform": axes.get_xaxis_transform()}
    faint: Any = 0.3 + 0.7 * curve.lost[where]
    axes.scatter(
        curve.lr[where],
        np.full(where.sum(), height),
        alpha=faint,
        marker="x",
        s=size**2 / 1.6,
        lw=0.8 * plot.look.line,
        **look,
    )
    title = plot.rows[0].title
    plot.numbers.add(title, name, "diverged", learning_rate=curve.lr[where], lost=curve.lost[where])
    if region is not None and region.boundary is not None:
        axes.plot([region.boundary], [height], "|", ms=1.4 * size, mew=plot.look.line, **look)
        plot.numbers.add(title, name, "boundary", learning_rate=region.boundary)


def _ring(look: Look) -> dict[str, Any]:
    """Return what marks the best learning rate."""
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "linestyle": "none"}
    return ring | {"markersize": 7 * look.line**0.5, "markeredgewidth": 0.9 * look.line}


def _keys(plot: _Plot, *, lost: bool, good: bool, bounds: bool) -> list[Entry]:
    ink, line = plot.look.ink, plot.look.line
    ended = any(np.isfinite(curve.median).any() for curve in plot.curves.values())
    ring = Line2D([], [], color=ink, **_ring(plot.look))
    keys: list[Entry] = [(ring, "best learning rate")] if ended else []
    if good:
        bar = Line2D([], [], color=ink, alpha=0.55, lw=THICK * line)
        keys.append((bar, "good: within 5 % of what can be gained"))
    if lost:
        top = top_of_plot(plot.measure, task=is_learning(plot.rows))
        start = "" if plot.measure == SUBOPTIMALITY else " times the start"
        above = f" or ended above {top:g}{start}" if np.isfinite(top) else ""
        cross = Line2D([], [], color=ink, marker="x", linestyle="none")
        keys.append((cross, f"diverged{above}; faint: some of the seeds"))
    if lost and bounds:
        bar = Line2D([], [], color=ink, marker="|", linestyle="none", mew=line)
        keys.append((bar, "divergence begins"))
    return keys


def _legend_text(row: Row, alone: bool) -> str:
    """Return a name, where it is about one problem with the width of its good region."""
    region = good_region(row) if alone and len(row.learning_rates) > 1 else None
    if region is None:
        return row.name
    return f"{row.name} ({'' if region.closed else '≥ '}{region.decades:.2g} decades)"


def _alt(rows: Sequence[Row]) -> str:
    what = in_words(rows, measure_shown(rows)).lower()
    words = "; ".join(_in_words(row) for row in rows)
    return f"Final {what} against learning rate on {rows[0].problem}. {words}."


def _in_words(row: Row) -> str:
    if row.best_lr is None:
        return f"{row.name} has no learning rate"
    lost = f"{row.diverged} of {len(row.runs)} runs diverged"
    region = good_region(row) if len(row.learning_rates) > 1 else None
    width = f", good over {region.decades:.2g} decades" if region else ""
    return f"{row.name} is best at {row.best_lr:.3g}{width}, {lost}"
