"""Puts a claim's series on axes: what ran, what theory says, what a textbook says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from optbench.analysis.tables import printable
from optbench.report.canvas import Canvas, log_axis, nothing_to_draw
from optbench.report.style import (
    BLUE,
    BROWN,
    CYAN,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    PUMPKIN,
    PURPLE,
    RED,
    SAND,
    SILVER,
    Dash,
)
from optbench.theory.plot import Array, Plot, Scale, Series

COLOURS = (BLUE, ORANGE, PURPLE, BROWN, GREY, PUMPKIN, CYAN, SAND, SILVER)
"""Of what was measured, in the order of the series; red is for textbooks' statements."""

DASHED: tuple[Dash, ...] = (
    (0, (5, 2)),
    (0, (8, 2, 2, 2)),
    (0, (3, 1.5)),
    (0, (10, 3)),
    (0, (6, 1.5, 1.5, 1.5, 1.5, 1.5)),
)
DOTTED: tuple[Dash, ...] = ((0, (1, 1.4)), (0, (1, 3)))

LARGEST = 1e200
"""Beyond this no axis has room."""

FEW = 25
"""Points up to which each is drawn large, above theory's line; many would hide the line."""

LABEL = 46
"""Characters of an axis' label; a longer one is written smaller."""

NEAR = 0.02
"""Of points closer than this share of both axes one is drawn, so that dashes show between."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class _Look:
    """Colour, dash and marker of a series, and how dense its colour is."""

    colour: str
    dash: Dash
    marker: str
    alpha: float = 1.0


def draw_plot(canvas: Canvas, plot: Plot) -> None:
    """Draw every series, with its legend and a word on what no axis can show.

    A value that is not finite, and on a logarithmic axis an abscissa of zero or less, is left out;
    an ordinate of zero or less stands as a triangle at the foot of a logarithmic axis.

    Args:
        canvas: An empty canvas.
        plot: What to draw.
    """
    axes = canvas.axes
    axes.set_xlabel(printable(plot.x_label))
    axes.set_ylabel(printable(plot.y_label), size=min(9.0, 9 * LABEL / max(len(plot.y_label), 1)))
    seen = [_visible(s.x, plot.x_scale) & _visible(s.y, plot.y_scale) for s in plot.series]
    looks = _looks(plot.series)
    alone = sum(s.role == "measured" and not s.points for s in plot.series) == 1
    drawn = list(zip(plot.series, seen, looks, strict=True))
    canvas.lines += [(_sample(s, look, alone=alone), s.label) for s, _, look in drawn]
    if not any(mask.any() for mask in seen):
        nothing_to_draw(axes, "no finite value")
        return
    _limit(axes, plot, seen)
    for place, (one, mask, look) in enumerate(drawn):
        _draw(axes, one, mask, look, place, alone=alone)
    _draw_verticals(axes, plot.verticals)
    _say_what_is_missing(canvas, plot, drawn)


def _visible(values: Array, scale: Scale) -> Mask:
    inside = np.abs(values) < LARGEST
    return inside & (values > 1 / LARGEST) if scale == "log" else inside


def _looks(series: Sequence[Series]) -> list[_Look]:
    """Return the series' looks; theory has its series' colour where each follows its own."""
    roles = [s.role for s in series if s.role != "quoted"]
    paired = len(roles) > 2 and roles == ["measured", "theory"] * (len(roles) // 2)
    counts = dict.fromkeys(("measured", "theory", "quoted"), 0)
    looks = []
    for one in series:
        place = counts[one.role]
        counts[one.role] += 1
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        if one.role == "measured":
            # Where theory has the same colour and lies on it, it would not be seen.
            alpha = 0.5 if paired and not (one.points and len(one.x) <= FEW) else 1.0
            looks.append(_Look(colour=colour, dash="-", marker=marker, alpha=alpha))
        elif one.role == "theory":
            dash = DASHED[place % len(DASHED)]
            looks.append(_Look(colour=colour if paired else INK, dash=dash, marker=""))
        else:
            looks.append(_Look(colour=RED, dash=DOTTED[place % len(DOTTED)], marker=""))
    return looks


def _sample(one: Series, look: _Look, *, alone: bool) -> Line2D:
    dash = "none" if one.points else look.dash
    marker = (look.marker or "d") if one.points else "" if alone else look.marker
    return Line2D([], [], color=look.colour, linestyle=dash, marker=marker, alpha=look.alpha)


def _limit(axes: Axes, plot: Plot, seen: Sequence[Mask]) -> None:
    """Set the scales and limits of both axes so that all that can be seen is inside."""
    x = [s.x[mask] for s, mask in zip(plot.series, seen, strict=True)]
    y = [s.y[mask] for s, mask in zip(plot.series, seen, strict=True)]
    ends = [
        (end, mask) for s, mask in zip(plot.series, seen, strict=True) for end in (s.low, s.high)
    ]
    for end, mask in ends:
        y += [end[mask & _visible(end, plot.y_scale)]] if end is not None else []
    lines = np.array([place for place, _ in plot.verticals])
    x.append(lines[_visible(lines, plot.x_scale)])
    for which, scale, values in (("x", plot.x_scale, x), ("y", plot.y_scale, y)):
        joined = np.concatenate(values)
        low, high = float(joined.min()), float(joined.max())
        _limit_one(axes, which, scale, low, high)
        if scale == "linear" and np.array_equal(joined, np.round(joined)):
            axis = axes.xaxis if which == "x" else axes.yaxis
            axis.set_major_locator(MaxNLocator("auto", integer=True, steps=(1, 2, 5, 10)))


def _limit_one(axes: Axes, which: str, scale: Scale, low: float, high: float) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    if scale == "linear":
        pad = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set(**{f"{which}lim": (low - pad, high + pad)})
        axes.ticklabel_format(axis="x" if which == "x" else "y", useOffset=False)
        return
    pad = max(high**0.04 / low**0.04, 1.0 + 1e-3)  # high/low may be more than a float holds
    low, high = low / pad, high * pad
    if high > 30 * low:
        log_axis(axes, which, low, high)
        return
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 4 * low else MaxNLocator(6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("e-0", "e-")))


def _draw(axes: Axes, one: Series, mask: Mask, look: _Look, place: int, *, alone: bool) -> None:
    """Draw one series: theory thin above what was measured, intervals as bars or a band."""
    if not mask.any():
        return
    x, y = np.where(mask, one.x, np.nan), np.where(mask, one.y, np.nan)
    if one.points or mask.sum() == 1:
        keep = _apart(axes, x, y)
        size, front = (5.5, 3.5) if len(keep) <= FEW else (4.2, 2.5)
        marker = look.marker or "d"
        axes.plot(
            x[keep],
            y[keep],
            marker,
            color=look.colour,
            alpha=look.alpha,
            ms=size,
            zorder=front,
            mew=0,
        )
    else:
        wide, front = (2.2, 2.5) if one.role == "measured" else (1.3, 3.0)
        line = Line2D(x, y, color=look.colour, linestyle=look.dash, linewidth=wide, zorder=front)
        if not alone:
            line.set(marker=look.marker, mew=0, markevery=(0.03 * (1 + place % 4), 0.17))
        line.set_alpha(look.alpha)
        axes.add_line(line)
    _draw_interval(axes, one, mask, look)


def _draw_interval(axes: Axes, one: Series, mask: Mask, look: _Look) -> None:
    if one.low is None or one.high is None:
        return
    x = one.x[mask]
    bottom, top = axes.get_ylim()
    low, high = (np.clip(end[mask], bottom, top) for end in (one.low, one.high))
    if one.points:
        axes.vlines(x, low, high, color=look.colour, lw=1.2, zorder=2.4)
        axes.plot(np.r_[x, x], np.r_[low, high], "_", color=look.colour, ms=5, zorder=2.4)
    else:
        axes.fill_between(x, low, high, color=look.colour, alpha=0.2, lw=0, zorder=2.2)


def _apart(axes: Axes, x: Array, y: Array) -> list[int]:
    """Return the places of points that stand apart from the one drawn before them."""
    to_axes = axes.transData + axes.transAxes.inverted()
    kept: list[int] = []
    places = np.asarray(to_axes.transform(np.column_stack([x, y])))
    for i in np.flatnonzero(np.isfinite(places).all(axis=1)):
        if not kept or np.abs(places[i] - places[kept[-1]]).max() > NEAR:
            kept.append(int(i))
    return kept


def _draw_verticals(axes: Axes, verticals: Sequence[tuple[float, str]]) -> None:
    low, high = axes.get_xlim()
    for place, label in verticals:
        if not low <= place <= high:
            continue
        axes.axvline(place, color=INK, lw=0.8, alpha=0.6, zorder=1.5)
        share = axes.transAxes.inverted().transform(axes.transData.transform((place, 1)))[0]
        side = "left" if share < 0.15 else "right" if share > 0.85 else "center"
        axes.annotate(
            printable(label),
            (share, 1),
            (0, 2),
            xycoords="axes fraction",
            ha=side,
            va="bottom",
            textcoords="offset points",
            size=8,
        )


def _say_what_is_missing(
    canvas: Canvas, plot: Plot, drawn: Sequence[tuple[Series, Mask, _Look]]
) -> None:
    """Mark what lies below a logarithmic axis, and count what was left out."""
    left_out = 0
    for one, mask, look in drawn:
        below = (one.y <= 1 / LARGEST) & _visible(one.x, plot.x_scale)
        below &= np.abs(one.y) < LARGEST if plot.y_scale == "log" else False
        left_out += int((~mask & ~below).sum())
        if below.any():
            foot = canvas.axes.get_ylim()[0]
            x, y = one.x[below], np.full(below.sum(), foot)
            kept = _apart(canvas.axes, x, y)
            canvas.axes.plot(x[kept], y[kept], "v", color=look.colour, clip_on=False)
            sample = Line2D([], [], color=look.colour, marker="v", linestyle="none")
            canvas.keys.append((sample, f"{one.label}: zero, or below the axis"))
    if left_out:
        words = "not finite, or on a logarithmic axis x not above zero"
        canvas.keys.append((Line2D([], [], linestyle="none"), f"{left_out} left out: {words}"))
