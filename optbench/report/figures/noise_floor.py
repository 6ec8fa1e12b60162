"""Where gradient noise stops a constant learning rate, and where theory says it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from optbench.analysis.curves import BAD_END, Array
from optbench.analysis.statistics import geometric_mean
from optbench.analysis.summary import Row, learning_rate
from optbench.core.errors import OptbenchError
from optbench.core.run import Run
from optbench.report.canvas import Made, log_axis, nothing_to_draw, positive, sample
from optbench.report.figures.keys import INTERVAL, SHADE, shade_key
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
from optbench.report.style import LineStyle, line_styles
from optbench.theory.formulas.noise import heavy_ball_floor, sgd_floor

TAIL = 0.5
"""Share of the steps whose mean is the level at which a run stays."""

PIECES = 4
"""Pieces of the last half of a run: one that falls from each to the next falls still. Where noise
keeps a run it does so once in 4! = 24 times, most of three seeds once in 200."""

CURVATURES = 33
"""Curvatures between mu and L at which theory is asked."""

DEEPEST = 1e3
"""So far below the smallest measured level theory's floor is followed."""

DARKER = 0.55
"""Theory's colour as a share of the optimizer's."""


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw the level at which runs stay against their constant learning rate.

    The level is the mean of f - f* over the last half of the steps, geometric mean over seeds.
    Where runs still fall there, it is no floor yet, and its marker is hollow.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When no run has noise, a constant learning rate and a known f*, or there are
            too many problems.
    """
    rows = [row for row in rows if _suits(row)]
    if not rows:
        raise OptbenchError(
            "noise-floor needs runs with gradient noise or minibatches at constant learning rates, "
            "on a problem whose f* is known; there are none here"
        )
    groups = by_problem("noise-floor", rows)
    canvas, numbers = (
        canvas_of(groups, look, "Where noise stops constant learning rates"),
        Numbers(),
    )
    styles = line_styles(row.name for row in rows)
    keys: list[Entry] = []
    for axes, same in zip(canvas.plots, groups, strict=True):
        keys += _draw_plot(axes, look, same, styles, numbers)
    names = dict.fromkeys(row.name for row in rows)
    canvas.lines += [(sample(styles[name]), name) for name in names]
    canvas.keys += [*keys_of(keys), *shade_key(look, rows, INTERVAL)]
    name_plots(canvas, [same[0].title for same in groups])
    y = "mean f(x) - f*, last half of steps"
    label_plots(canvas, ["learning rate"] * len(groups), [y] * len(groups))
    alt = " ".join(_alt(same) for same in groups)
    return Made(figure=canvas.figure(), data=numbers.table(), alt=alt)


def _suits(row: Row) -> bool:
    run = row.runs[0]
    noisy = bool(run.facts.get("noise_variance") or dict(row.variant.params).get("batch_size"))
    known = any(np.isfinite(run.curve.get("suboptimality", np.empty(0))).any() for run in row.runs)
    return noisy and known and row.schedule == "constant" and bool(row.learning_rates)


def level_of(run: Run) -> float:
    """Return the mean of f - f* over the last half of the steps; inf when the run was lost."""
    if run.status in BAD_END or not run.curve:
        return float("inf")
    t, gap = (np.asarray(run.curve[name]) for name in ("step", "suboptimality"))
    return float(np.mean(gap[t >= (1 - TAIL) * t[-1]]))


def still_falls(run: Run) -> bool:
    """Return whether a run with an end has not yet come to where it stays."""
    t, gap = (np.asarray(run.curve[name]) for name in ("step", "suboptimality"))
    edges = t[-1] * np.linspace(1 - TAIL, 1, PIECES + 1)
    pieces = [gap[(t > low) & (t <= high)] for low, high in pairwise(edges)]
    if not all(len(piece) for piece in pieces):
        return False
    return bool((np.diff([piece.mean() for piece in pieces]) < 0).all())


def _draw_plot(
    axes: Axes,
    look: Look,
    rows: Sequence[Row],
    styles: Mapping[str, LineStyle],
    numbers: Numbers,
) -> list[Entry]:
    rates = [lr for row in rows for lr in row.learning_rates]
    log_axis(axes, "x", min(rates) / 1.3, max(rates) * 1.3)
    levels = [level_of(run) for row in rows for run in row.runs]
    finite = np.array([level for level in levels if np.isfinite(level) and level > 0])
    if not len(finite):
        nothing_to_draw(axes, "every run diverged")
        return []
    told = positive(*(end for row in rows for end in theory_floor(row, _grid(row)) or ()))
    seen = told[told >= finite.min() / DEEPEST]
    shown = np.append(finite, seen)
    log_axis(axes, "y", float(shown.min()) / 2, float(finite.max()) * 3)
    keys: list[Entry] = []
    for row in rows:
        keys += _draw_levels(axes, look, row, styles[row.name], numbers)
        keys += _draw_theory(axes, look, row, styles[row.name], numbers)
    return keys


def _draw_levels(
    axes: Axes, look: Look, row: Row, style: LineStyle, numbers: Numbers
) -> list[Entry]:
    lrs, means, lows, highs, falling, lost = [], [], [], [], [], []
    for lr in row.learning_rates:
        own = [run for run in row.runs if learning_rate(run) == lr]
        kept = [run for run in own if np.isfinite(end := level_of(run)) and end > 0]
        if len(kept) < len(own):
            lost.append(lr)
        if 2 * len(kept) > len(own):
            found = geometric_mean([level_of(run) for run in kept])
            lrs.append(lr)
            means.append(found.center)
            lows.append(np.nan if found.low is None else found.low)
            highs.append(np.nan if found.high is None else found.high)
            falling.append(2 * sum(map(still_falls, kept)) > len(kept))
    return [
        *_draw_line(axes, look, row, style, np.array([lrs, means, lows, highs]), falling, numbers),
        *_draw_lost(axes, look, row, style, lost, numbers),
    ]


def _draw_line(
    axes: Axes,
    look: Look,
    row: Row,
    style: LineStyle,
    ends: Array,
    falling: Sequence[bool],
    numbers: Numbers,
) -> list[Entry]:
    lrs, means, lows, highs = ends
    line: dict[str, Any] = {"color": style.colour, "linestyle": style.dash}
    mark: dict[str, Any] = {"color": style.colour, "marker": style.marker}
    still = np.array(falling, dtype=bool)
    stay = [int(i) for i in np.flatnonzero(~still)]
    axes.plot(lrs, means, gid=f"level {row.name}", markevery=stay, **line | mark)
    low, high = (np.clip(q, *axes.get_ylim()) for q in (lows, highs))
    axes.fill_between(lrs, low, high, color=style.colour, alpha=SHADE, lw=0)
    columns: dict[str, Any] = {"learning_rate": lrs, "y": means, "still_falling": still}
    numbers.add(row.title, row.name, "measured", low=lows, high=highs, **columns)
    if not still.any():
        return []
    hollow: dict[str, Any] = {"linestyle": "none", "markerfacecolor": look.ground}
    axes.plot(lrs[still], means[still], gid=f"falling {row.name}", **mark | hollow)
    ring = Line2D([], [], color=look.ink, marker="o", **hollow)
    return [(ring, "hollow: still falling, not yet at its floor")]


def _draw_lost(
    axes: Axes,
    look: Look,
    row: Row,
    style: LineStyle,
    lost: Sequence[float],
    numbers: Numbers,
) -> list[Entry]:
    if not lost:
        return []
    cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "mew": 1.1 * look.line}
    top = axes.get_ylim()[1]
    axes.plot(lost, [top] * len(lost), color=style.colour, clip_on=False, zorder=5, **cross)
    numbers.add(row.title, row.name, "diverged", learning_rate=np.array(lost))
    return [(Line2D([], [], color=look.ink, **cross), "a seed diverged")]


def _draw_theory(
    axes: Axes, look: Look, row: Row, style: LineStyle, numbers: Numbers
) -> list[Entry]:
    """Draw theory's floor of a quadratic with these L and mu, as far as it tells one."""
    lr = _grid(row)
    found = theory_floor(row, lr)
    if found is None:
        return []
    low, high = found
    dashed: dict[str, Any] = {"ls": (0, (4, 2)), "lw": 0.8 * look.line, "alpha": 0.9}
    # Darker than the measured line and its markers and above them: where all is well they coincide.
    dark = tuple(DARKER * part for part in to_rgb(style.colour))
    for end in (low, high):
        axes.plot(lr, end, color=dark, zorder=4, gid=f"theory {row.name}", **dashed)
    numbers.add(row.title, row.name, "theory", learning_rate=lr, low=low, high=high)
    words = "theory: lower and upper bound of the floor of a quadratic with these μ and L"
    return [(Line2D([], [], color=look.ink, **dashed), words)]


def _grid(row: Row) -> Array:
    """Return the learning rates at which theory is drawn."""
    return np.geomspace(min(row.learning_rates), max(row.learning_rates), 60)


def theory_floor(row: Row, lr: Array) -> tuple[Array, Array] | None:
    """Return the least and the largest limit of E f - f* over spectra between mu and L.

    In one variable it is lambda/2 times the variance of `optbench.theory.formulas.noise`, for noise
    of variance s^2/d in each of d variables.

    Args:
        row: A row of runs with additive noise.
        lr: Learning rates, shape (n,).

    Returns:
        Two arrays of shape (n,), NaN where the method diverges; None without the facts, or for a
        method without a formula.
    """
    facts, name = row.runs[0].facts, row.variant.name
    wanted = ("smoothness", "strong_convexity", "noise_variance", "dim")
    values = [float(facts.get(key) or 0.0) for key in wanted]
    size = float(dict(row.variant.params).get("batch_size") or 1)
    if name not in FLOORS or not all(values):
        return None
    L, mu, noise, dim = values
    beta = row.runs[0].hyper.get("beta", 0.0)
    floor = FLOORS[name]
    variance = noise / dim / size
    curvature = np.geomspace(mu, L, CURVATURES)
    table = np.array(
        [
            [lam / 2 * dim * floor(lam, float(eta), beta, variance) for eta in lr]
            for lam in curvature
        ]
    )
    table[:, lr * L >= 2 * (1 + beta if name == "heavy_ball" else 1)] = np.nan
    table = np.where(table > 0, table, np.nan)
    stable = ~np.isnan(table).any(axis=0)
    low, high = (np.where(stable, np.sort(table, axis=0)[i], np.nan) for i in (0, -1))
    return low, high


def _sgd(lam: float, lr: float, beta: float, variance: float) -> float:
    return float(sgd_floor(curvature=lam, lr=lr, variance=variance))


def _heavy_ball(lam: float, lr: float, beta: float, variance: float) -> float:
    return heavy_ball_floor(curvature=lam, lr=lr, beta=beta, variance=variance)


FLOORS: Mapping[str, Callable[[float, float, float, float], float]] = {
    "gd": _sgd,
    "sgd": _sgd,
    "heavy_ball": _heavy_ball,
}
"""Limits of E x^2 on a parabola; of `nesterov` not, whose x is the point that looks ahead."""


def _alt(rows: Sequence[Row]) -> str:
    parts = [f"{row.name} over {len(row.learning_rates)} learning rates" for row in rows]
    return f"Level of f - f* at the end on {rows[0].problem}: {'; '.join(parts)}."
