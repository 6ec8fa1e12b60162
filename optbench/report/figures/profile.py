"""Over all problems: the share that each optimizer solves within a factor of the best, or a budget.

Source of the figure: Dolan and More 2002; against a budget, More and Wild 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from optbench.analysis.contest import contest, hessian_users
from optbench.analysis.profiles import (
    Profile,
    data_profile,
    performance_profile,
    profile_score,
)
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.report.canvas import Array, Canvas, Made, log_axis, sample
from optbench.report.figures.panels import Numbers, label_plots, nothing
from optbench.report.looks import Look
from optbench.report.measures import CALLS
from optbench.report.style import line_styles

MOST = 2.0**20
"""Ratios beyond which the axis ends: somebody who needs a million times more does not solve it."""

R_MAX = 4.0
"""Where the mean height of the legend ends."""

BANDS = 3
"""Entrants up to which intervals are shaded; more would hide each other."""


def draw(rows: Sequence[Row], look: Look, x: str = "ratio") -> Made:
    """Draw step functions that hold from each x up to the next, with faint Wilson intervals.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        x: `ratio` to the best, or `gradient_calls` spent.

    Returns:
        The figure. The legend is in the order of the area below the curves.

    Raises:
        OptbenchError: When no two optimizers share a problem with a target that one reaches.
    """
    make = performance_profile if x == "ratio" else data_profile
    found = contest(rows)
    profile = make(found)
    if len(profile.names) < 2 or not profile.problems:
        raise OptbenchError("a profile needs 2 optimizers that ran on the same problem to a target")
    canvas = Canvas(_title(profile, x), look)
    numbers, styles = Numbers(), line_styles(profile.names)
    low, high = _horizontal_axis(canvas, profile.x, x)
    scores = _scores(profile, x, low, high)
    order = sorted(profile.names, key=lambda name: (-scores[name], name))
    for place, name in enumerate(order):
        at, share, below, above = _steps(profile, name, low, high)
        style, shift = styles[name], 0.04 + 0.02 * (place % 6)
        line: dict[str, Any] = {"drawstyle": "steps-post", "color": style.colour}
        line |= {"linestyle": style.dash, "marker": style.marker, "markevery": (shift, 0.15)}
        # Curves that coincide show side by side where the first is above and dashes below.
        canvas.axes.plot(at, share, zorder=3 - 0.01 * place, **line)
        if len(order) <= BANDS:
            band: dict[str, Any] = {"step": "post", "color": style.colour, "alpha": 0.12, "lw": 0}
            canvas.axes.fill_between(at, below, above, **band)
        columns: dict[str, Any] = {x: at, "share": share, "low": below, "high": above}
        numbers.add("", name, **columns)
        canvas.lines.append((sample(style), _legend_text(name, scores[name], x)))
    canvas.axes.set_ylim(-0.02, 1.02)
    words = {"ratio": "ratio to the best number of gradient evaluations", "gradient_calls": CALLS}
    label_plots(canvas, [words[x]], [_share_of(profile, x)])
    users = [name for name in hessian_users(found) if name in profile.names]
    _explain(canvas, profile, x, users)
    table = numbers.table().drop(columns="problem")
    return Made(figure=canvas.figure(), data=table, alt=_alt(profile, order, scores, x))


def _title(profile: Profile, x: str) -> str:
    kind = "Performance profile" if x == "ratio" else "Data profile"
    return f"{kind} over {profile.problems} problems"


def _share_of(profile: Profile, x: str) -> str:
    if x == "ratio":
        return f"share of {profile.problems} problems"
    return f"share of {profile.instances} (problem, target, seed)"


def _horizontal_axis(canvas: Canvas, x: Array, kind: str) -> tuple[float, float]:
    """Set the axis; return its ends."""
    axes = canvas.axes
    if kind != "ratio":
        positive = x[x > 0]
        low, high = (positive.min(), positive.max()) if len(positive) else (1.0, 10.0)
        log_axis(axes, "x", float(low) / 1.3, float(high) * 1.3)
        return axes.get_xlim()
    high = float(np.clip(2 ** np.ceil(np.log2(x.max()) + 0.2), 4, MOST))
    axes.set_xscale("log", base=2)
    axes.set_xlim(1, high)
    powers = np.arange(0, np.log2(high) + 0.5, np.ceil(np.log2(high) / 8))
    axes.xaxis.set_major_locator(FixedLocator((2.0**powers).tolist()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    return 1.0, high


def _steps(profile: Profile, name: str, low: float, high: float) -> tuple[Array, ...]:
    """Return where a curve rises on the axis, and its values from there on to the axis' end."""
    inside = (profile.x > low) & (profile.x < high)
    first = int(np.searchsorted(profile.x, low, side="right")) - 1
    last = int(np.searchsorted(profile.x, high, side="right")) - 1
    columns = []
    for values in (profile.shares[name], profile.low[name], profile.high[name]):
        start = values[first] if first >= 0 else 0.0
        columns.append(np.r_[start, values[inside], values[last]])
    return np.r_[low, profile.x[inside], high], *columns


def _scores(profile: Profile, x: str, low: float, high: float) -> dict[str, float]:
    """Return what the legend is ordered by: the mean height, on the axis as it is drawn."""
    if x == "ratio":
        return dict(profile_score(profile, R_MAX))
    scores = {}
    for name in profile.names:
        at, share, *_ = _steps(profile, name, low, high)
        scores[name] = float(share[:-1] @ np.diff(np.log(at)) / np.log(high / low))
    return scores


def _legend_text(name: str, score: float, x: str) -> str:
    return f"{name} ({score:.2f})" if x == "ratio" else name


def _explain(canvas: Canvas, profile: Profile, x: str, users: Sequence[str]) -> None:
    """Say what the numbers are, and who does not count; all of that is in the alternative text."""
    if x == "ratio":
        canvas.keys.append(nothing(f"in brackets: mean height up to a ratio of {R_MAX:g}"))
    told = "shaded" if len(profile.names) <= BANDS else "in the numbers beside the figure"
    canvas.keys.append(nothing(f"Wilson's 95 % intervals: {told}"))
    if users:
        canvas.keys.append(nothing(f"Hessian products are not counted: {', '.join(users)}"))
    if profile.left_out:
        words = f"left out, as not all ran on all: {', '.join(profile.left_out)}"
        if len(profile.left_out) > 4:
            words = f"{len(profile.left_out)} entrants or problems left out: not all ran on all"
        canvas.keys.append(nothing(words))


def _alt(profile: Profile, order: Sequence[str], scores: dict[str, float], x: str) -> str:
    what = "within a factor of the best" if x == "ratio" else "within a budget"
    parts = [f"{name} solves {profile.shares[name][-1]:.0%}" for name in order]
    if x == "ratio":
        parts = [
            f"{p}, score {scores[n]:.2f} up to a ratio of {R_MAX:g}"
            for p, n in zip(parts, order, strict=True)
        ]
    left = [f"{name} is left out: {why}" for name, why in profile.left_out.items()]
    return f"{_title(profile, x)}, share solved {what}. {'; '.join([*parts, *left])}."
