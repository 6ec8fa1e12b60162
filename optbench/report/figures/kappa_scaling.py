"""Steps to the target against the condition number, on logarithmic axes, with fitted exponents.

What theory says of quadratics: gradient descent needs steps like kappa, momentum like sqrt(kappa).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.scaling import FEWEST, Exponent, Scaling, scaling, sweeps, telling_target
from optbench.analysis.summary import Row
from optbench.analysis.tables import target_label
from optbench.core.errors import OptbenchError
from optbench.core.target import Target
from optbench.report.canvas import Canvas, Made, log_axis, sample
from optbench.report.figures.keys import QUARTILES, SHADE, shade_key
from optbench.report.figures.panels import (
    MOST,
    Numbers,
    keys_of,
    label_plots,
    name_plots,
    nothing,
)
from optbench.report.legend import Entry
from optbench.report.looks import Look
from optbench.report.style import LineStyle, line_styles

SLOPES = ((1.0, (0, (6, 3)), "slope 1"), (0.5, (0, (2.5, 2)), "slope 1/2"))
"""What theory says of gradient descent and of momentum."""

APART = 1.6
"""Factor between a slope's line and the points that it starts from."""

EDGE = 1.1
"""Factor between a slope's line and the edges of the plot."""


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw the median steps of each optimizer over a sweep of kappa, and the slopes of theory.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure, a plot a sweep.

    Raises:
        OptbenchError: When no family has a target that an optimizer reaches at three condition
            numbers.
    """
    found, targets = _sweeps(rows)
    alone = len(found) == 1
    title = f"Steps against the condition number{f', {next(iter(found))}' if alone else ''}"
    canvas, numbers = Canvas(title, look, plots=len(found)), Numbers()
    curves_of = {family: scaling(own, targets[family]) for family, own in found.items()}
    styles = line_styles(c.name for curves in curves_of.values() for c in curves if c.is_sweep)
    texts: dict[str, str] = {}
    keys: list[Entry] = []
    labels, words = [], []
    for axes, (family, own) in zip(canvas.plots, found.items(), strict=True):
        target = targets[family]
        curves = [curve for curve in curves_of[family] if curve.is_sweep]
        few = [curve.name for curve in curves_of[family] if not curve.is_sweep]
        keys += _draw_plot(axes, look, family, curves, styles, numbers)
        texts |= {c.name: _legend_text(c, alone) for c in curves}
        if few:
            there = "" if alone else f"{family}: "
            left = f"{there}left out, with the target at fewer than {FEWEST} κ: {', '.join(few)}"
            keys.append(nothing(left))
        shown = target_label(own, Target(own[0].target_measure, target))
        labels.append(f"steps to {shown}")
        words.append(f"{family}, steps to {shown}: {'; '.join(map(_in_words, curves))}.")
    canvas.lines += [(sample(styles[name]), text) for name, text in texts.items()]
    every = [row for own in found.values() for row in own]
    canvas.keys += [*keys_of(keys), *shade_key(look, every, QUARTILES)]
    if alone:
        canvas.keys.append(nothing("exponents with 95 % t-intervals of the fit"))
    name_plots(canvas, list(found))
    label_plots(canvas, ["condition number κ"] * len(found), labels)
    alt = f"Steps against the condition number. {' '.join(words)}"
    return Made(figure=canvas.figure(), data=numbers.table(), alt=alt)


def _sweeps(rows: Sequence[Row]) -> tuple[dict[str, list[Row]], dict[str, float]]:
    """Return the sweeps that can be drawn, and the target of each."""
    found = sweeps(rows)
    telling = {family: telling_target(own) for family, own in found.items()}
    targets = {family: target for family, target in telling.items() if target is not None}
    if not targets:
        raise OptbenchError(
            "kappa-scaling needs a family with a target that an optimizer reaches at three "
            "condition numbers or more, as of -p quadratic:kappa=10/100/1000"
        )
    if len(targets) > MOST:
        names = ", ".join(targets)
        raise OptbenchError(f"kappa-scaling shows up to {MOST} sweeps; there are {names}")
    return {family: found[family] for family in targets}, targets


def _draw_plot(
    axes: Axes,
    look: Look,
    family: str,
    curves: Sequence[Scaling],
    styles: Mapping[str, LineStyle],
    numbers: Numbers,
) -> list[Entry]:
    kappa = np.concatenate([c.kappa for c in curves])
    log_axis(axes, "x", float(kappa.min()) / 1.3, float(kappa.max()) * 1.3)
    steps = np.concatenate([s for c in curves for s in (c.steps, c.low, c.high)])
    steps = steps[np.isfinite(steps) & (steps > 0)]
    log_axis(axes, "y", float(steps.min()) / 2, float(steps.max()) * 3)
    keys: list[Entry] = []
    for curve in curves:
        keys += _draw_curve(axes, look, family, curve, styles[curve.name], numbers)
    return [*keys, *_draw_slopes(axes, look, family, curves, numbers)]


def _draw_curve(
    axes: Axes, look: Look, family: str, curve: Scaling, style: LineStyle, numbers: Numbers
) -> list[Entry]:
    known = np.isfinite(curve.steps) & (curve.steps > 0)
    y = np.where(known, curve.steps, np.nan)
    line: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "marker": style.marker}
    axes.plot(curve.kappa, y, gid=f"steps {curve.name}", **line)
    top = axes.get_ylim()[1]
    low, high = np.where(known, curve.low, np.nan), np.minimum(curve.high, top)
    axes.fill_between(curve.kappa, low, high, color=style.colour, alpha=SHADE, lw=0)
    p = curve.exponent
    columns: dict[str, Any] = {"kappa": curve.kappa, "steps": curve.steps}
    columns |= {"low": curve.low, "high": curve.high, "exponent": p.value}
    columns |= {"exponent_low": p.low, "exponent_high": p.high}
    numbers.add(family, curve.name, "median", **columns)
    if known.all():
        return []
    cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "mew": 1.1 * look.line}
    missed = curve.kappa[~known]
    axes.plot(missed, np.full(len(missed), top), color=style.colour, clip_on=False, **cross)
    words = "missed by half of the seeds or more"
    return [(Line2D([], [], color=look.ink, **cross), words)]


def _draw_slopes(
    axes: Axes, look: Look, family: str, curves: Sequence[Scaling], numbers: Numbers
) -> list[Entry]:
    """Draw lines of slope 1 above the points and of slope 1/2 below, as far as the axes go."""
    kappa = np.concatenate([c.kappa for c in curves])
    steps = np.concatenate([c.steps for c in curves])
    known = np.isfinite(steps) & (steps > 0)
    least, most = float(kappa[known].min()), float(kappa.max())
    first = steps[known & (kappa == least)]
    bottom, top = (float(end) for end in axes.get_ylim())
    bottom, top = bottom * EDGE, top / EDGE
    keys: list[Entry] = []
    for (slope, dash, words), start in zip(
        SLOPES, (first.max() * APART, first.min() / APART), strict=True
    ):
        # Lower where it would leave the axes, and cut where no place is low enough.
        start = max(bottom, min(start, top / (most / least) ** slope))
        x = np.array([least, min(most, least * (top / start) ** (1 / slope))])
        y = start * (x / least) ** slope
        line: dict[str, Any] = {"color": look.ink, "alpha": 0.6, "ls": dash, "lw": 0.9 * look.line}
        axes.plot(x, y, zorder=1.5, gid=words, **line)
        numbers.add(family, words, "theory", kappa=x, steps=y)
        keys.append((Line2D([], [], **line), words))
    return keys


def _legend_text(curve: Scaling, alone: bool) -> str:
    known = alone and np.isfinite(curve.exponent.value)
    return f"{curve.name}: κ^{exponent_text(curve.exponent)}" if known else curve.name


def exponent_text(exponent: Exponent) -> str:
    """Return an exponent with its interval."""
    text = f"{exponent.value:.2f}"
    if exponent.low is None or exponent.high is None:
        return text
    return f"{text} [{exponent.low:.2f}, {exponent.high:.2f}]"


def _in_words(curve: Scaling) -> str:
    missed = int((~np.isfinite(curve.steps)).sum())
    text = f"{curve.name} like kappa^{exponent_text(curve.exponent)}"
    return text + (f", {missed} missed" if missed else "")
