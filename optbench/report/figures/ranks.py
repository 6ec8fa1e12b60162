"""A critical-difference diagram: mean ranks on an axis, bars over those that are not told apart.

Source of the figure: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from optbench.analysis.contest import contest, hessian_users
from optbench.analysis.ranks import LEVEL, Ranks, ranks
from optbench.analysis.summary import Row
from optbench.report.canvas import Canvas, Made
from optbench.report.figures.labels import height_of, row_labels
from optbench.report.figures.panels import Numbers, nothing
from optbench.report.looks import Look
from optbench.report.style import colour_of

NAMES = 0.27
"""Share of the width that names may have on either side."""

GAP = 0.1
"""Inches from one bar to the next, and from the last one to the first name."""

BEYOND = 0.012
"""What a bar stands out beyond its last entrants, as a share of the axis."""


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw the mean ranks, best on the left, with Nemenyi's critical difference.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure.

    Raises:
        OptbenchError: For fewer than 5 problems that 2 optimizers or more ran on.
    """
    found = contest(rows)
    ranked = ranks(found)
    scratch = Canvas("", look)
    texts = [f"{n} ({m:.2f})" for n, m in zip(ranked.names, ranked.mean, strict=True)]
    labels = row_labels(scratch, texts, NAMES * look.width)
    line = height_of(labels, look.small)
    levels = _levels(ranked.cliques, ranked.mean.tolist())
    head = (3.6 if _fits(ranked) else 1.8) * look.small / 72
    bars = GAP * (max(levels, default=-1) + 2)
    left = (len(labels) + 1) // 2
    canvas = Canvas(_title(ranked), look, height=head + bars + left * line)
    numbers = Numbers()
    axes = canvas.axes
    axes.set(xlim=(1, len(labels)), ylim=(-(bars + left * line), head), yticks=[])
    _draw_axis(axes, look)
    labels = row_labels(canvas, texts, NAMES * look.width)
    for i, (name, mean) in enumerate(zip(ranked.names, ranked.mean, strict=True)):
        row = i if i < left else len(labels) - 1 - i
        _draw_name(axes, look, labels[i], (mean, -bars - (row + 0.5) * line), name, i < left)
        numbers.add("", name, "mean rank", rank=mean)
    _draw_bars(axes, look, ranked, levels, numbers)
    if _fits(ranked):
        _draw_difference(axes, look, ranked.critical_difference, head)
    numbers.add("", "critical difference", "difference", rank=ranked.critical_difference)
    canvas.keys += [nothing(words) for words in _words(ranked)]
    users = [name for name in hessian_users(found) if name in ranked.names]
    if users:
        canvas.keys.append(nothing(f"Hessian products are not counted: {', '.join(users)}"))
    table = numbers.table().drop(columns="problem")
    return Made(figure=canvas.figure(), data=table, alt=_alt(ranked))


def _title(ranked: Ranks) -> str:
    return f"Mean ranks over {len(ranked.problems)} problems"


def _fits(ranked: Ranks) -> bool:
    return ranked.critical_difference < len(ranked.names) - 1


def _levels(cliques: Sequence[tuple[int, int]], mean: Sequence[float]) -> list[int]:
    """Return the height of each bar such that those of one height leave a gap."""
    ends: list[float] = []
    levels = []
    margin = 0.05 * (len(mean) - 1)
    for first, last in cliques:
        free = [i for i, end in enumerate(ends) if mean[first] > end + margin]
        level = free[0] if free else len(ends)
        ends[level : level + 1] = [mean[last]]
        levels.append(level)
    return levels


def _draw_axis(axes: Axes, look: Look) -> None:
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set(visible=True, position=("data", 0))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, steps=(1, 2, 5, 10)))
    axes.tick_params(axis="x", direction="out", top=True, bottom=False, labelsize=look.small)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, pad=1.5)
    axes.grid(visible=False)


def _draw_name(
    axes: Axes, look: Look, label: str, at: tuple[float, float], name: str, is_left: bool
) -> None:
    """Draw an entrant: its place on the axis, from there down and out to its name."""
    rank, y = at
    side = axes.get_xlim()[0 if is_left else 1]
    line: dict[str, Any] = {"color": colour_of(name), "lw": 0.8 * look.line, "clip_on": False}
    axes.plot([rank, rank, side], [0, y, y], gid=f"rank {name}", zorder=2, **line)
    axes.plot([rank], [0], "o", ms=3, color=line["color"], clip_on=False, zorder=4)
    text: dict[str, Any] = {"va": "center", "size": look.small, "textcoords": "offset points"}
    text |= {"ha": "right", "xytext": (-3, 0)} if is_left else {"ha": "left", "xytext": (3, 0)}
    axes.annotate(label, (side, y), **text)


def _draw_bars(
    axes: Axes, look: Look, ranked: Ranks, levels: Sequence[int], numbers: Numbers
) -> None:
    beyond = BEYOND * (len(ranked.names) - 1)
    for place, ((first, last), level) in enumerate(zip(ranked.cliques, levels, strict=True)):
        x = np.array([ranked.mean[first] - beyond, ranked.mean[last] + beyond])
        y = -GAP * (level + 1)
        bar: dict[str, Any] = {"color": look.ink, "lw": 2.4 * look.line, "zorder": 3}
        axes.plot(x, [y, y], solid_capstyle="butt", gid=f"clique {place + 1}", clip_on=False, **bar)
        ends = np.array([ranked.mean[first], ranked.mean[last]])
        numbers.add("", f"clique {place + 1}", "not told apart", rank=ends)


def _draw_difference(axes: Axes, look: Look, difference: float, head: float) -> None:
    """Draw the length of the critical difference above the axis, from its left end."""
    y = head - 0.8 * look.small / 72
    bar: dict[str, Any] = {"color": look.ink, "lw": look.line, "clip_on": False}
    axes.plot([1, 1 + difference], [y, y], marker="|", ms=5, gid="difference", **bar)
    text: dict[str, Any] = {"va": "center", "size": look.small, "textcoords": "offset points"}
    axes.annotate(f"CD = {difference:.2f}", (1 + difference, y), xytext=(5, 0), **text)


def _words(ranked: Ranks) -> list[str]:
    words = [f"Friedman's test: p = {ranked.friedman_p:.2g} over {len(ranked.problems)} problems"]
    if not ranked.friedman_p < LEVEL:
        words.append("no difference is seen, so one bar is over all")
    elif ranked.cliques:
        words.append(f"bars: not told apart at {LEVEL:.0%} (Nemenyi)")
    if not _fits(ranked):
        words.append(f"critical difference {ranked.critical_difference:.2f}: beyond the axis")
    if ranked.left_out:
        words.append(f"{len(ranked.left_out)} entrants or problems left out: not all ran on all")
    return words


def _alt(ranked: Ranks) -> str:
    means = [f"{n} {m:.2f}" for n, m in zip(ranked.names, ranked.mean, strict=True)]
    bars = [f"{ranked.names[i]} to {ranked.names[j]}" for i, j in ranked.cliques]
    left = [f"{name} is left out: {why}" for name, why in ranked.left_out.items()]
    text = f"{_title(ranked)}: {', '.join(means)}. {'. '.join(_words(ranked))}."
    text += f" Not told apart: {'; '.join(bars) or 'none'}."
    return text + (f" {'; '.join(left)}." if left else "")
