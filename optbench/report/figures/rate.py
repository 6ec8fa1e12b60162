"""How fast runs converge: each curve with the rate fitted to it, and the one that theory proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optbench.analysis.curves import FLOOR
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.report.canvas import Array, Made, log_axis, nothing_to_draw, positive
from optbench.report.figures.budget import some_points
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
from optbench.report.style import LineStyle
from optbench.theory.diagnosis.diagnose import Diagnosis, Kind, diagnose

TOP = 1e3
"""Curves that rise above this multiple of their start leave the plot."""

HUGE = 1e300
"""What is infinite is drawn as that, far above the plot."""

THICK = 3.6
"""Width of a fitted line, in widths of a curve."""

LOG_SPAN = 10.0
"""Steps are logarithmic where one curve is this many times as long as another: on a linear axis the
short one is a stroke."""

AXES = {"suboptimality": "(f(x) - f*) / (f(x₀) - f*)", "gradient_norm": "|∇f(x)| / |∇f(x₀)|"}
"""What is drawn of each measure of progress."""

Told = tuple[Row, Run, Diagnosis]


def draw(rows: Sequence[Row], look: Look, *, named: bool = False) -> Made:
    """Draw the first seed of each optimizer at its best learning rate, with its fitted rate.

    The axis of steps is logarithmic where most curves are power laws, which are straight there, and
    where the curves' lengths differ much; in all plots or in none. Of many optimizers the best are
    in colour.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.
        named: Whether each optimizer was asked for by name, so that all are in colour.

    Returns:
        The figure, a plot a problem.

    Raises:
        OptbenchError: When all runs are of learning problems, or there are too many problems.
    """
    rows = [row for row in rows if not row.is_task]
    if not rows:
        raise OptbenchError("rate needs runs on functions; of learning problems no rate is known")
    groups = by_problem("rate", rows)
    alone = len(groups) == 1
    canvas, numbers = canvas_of(groups, look, "Measured and fitted rates"), Numbers()
    crowd = crowd_of(groups, look, named=named)
    keys: list[Entry] = []
    texts: dict[str, str] = {}
    parts, labels = [], []
    plots = [[(row, row.best[0], diagnose(row.best[0])) for row in same] for same in groups]
    log = any(_is_logarithmic(told) for told in plots)
    for axes, same, told in zip(canvas.plots, groups, plots, strict=True):
        keys += _draw_plot(axes, told, crowd, numbers, log=log)
        texts |= {row.name: _legend_text(row, found, alone) for row, _, found in told if ran(row)}
        parts.append(f"{same[0].title}: {'; '.join(f'{r.name} {d.text}' for r, _, d in told)}.")
        labels.append(AXES[_measure(told)])
    canvas.lines += crowd.entries(texts)
    canvas.keys += [*keys_of(keys), *without_runs(groups), *all_lost(groups)]
    if not alone:
        canvas.keys.append(nothing("the rates are in the CSV beside the figure"))
    name_plots(canvas, [same[0].title for same in groups])
    label_plots(canvas, ["step"] * len(groups), labels)
    return Made(figure=canvas.figure(), data=numbers.table(), alt=f"Rates. {' '.join(parts)}")


def _measure(told: Sequence[Told]) -> str:
    """Return what most curves are looked at by."""
    found = [diagnosis.measure for *_, diagnosis in told if diagnosis.measure]
    return max(sorted(set(found)), key=found.count, default="suboptimality")


def _draw_plot(
    axes: Axes,
    told: Sequence[Told],
    crowd: Crowd,
    numbers: Numbers,
    *,
    log: bool,
) -> list[Entry]:
    look, measure = crowd.look, _measure(told)
    told = [one for one in told if ran(one[0])]
    curves = {row.name: _curve(run, measure) for row, run, _ in told}
    y = positive(*(y for _, y in curves.values()))
    if not len(y):
        nothing_to_draw(axes, "no finite value was recorded")
        return []
    _scales(axes, list(curves.values()), log=log)
    keys: list[Entry] = []
    for place, (row, run, found) in enumerate(told):
        style, (t, values) = crowd.styles[row.name], curves[row.name]
        line = crowd.line(row.name) | {"marker": style.marker}
        line["markevery"] = some_points(t, (0.05 + 0.02 * (place % 6), 0.2))
        line["zorder"] = 2 if crowd.is_told(row.name) else 1.9
        axes.plot(t, values, gid=f"measured {row.name}", **line)
        problem = row.title
        numbers.add(problem, row.name, "measured", step=t, y=values, measure=measure)
        if found.measure == measure and crowd.is_told(row.name):
            keys += _draw_fit(axes, look, row, found, (t, values), style, numbers)
        if run.status in (Status.DIVERGED, Status.NAN):
            keys += _draw_lost(axes, look, t, values, style)
    return keys


def _curve(run: Run, measure: str) -> tuple[Array, Array]:
    """Return steps and values relative to the first one, down to the floor."""
    values = np.asarray(run.curve.get(measure, ()), dtype=np.float64)
    t = np.asarray(run.curve.get("step", ()), dtype=np.float64)[: len(values)]
    known = np.isfinite(values)
    values, t = values[known], t[known]
    if not len(values):
        return t, values
    with np.errstate(over="ignore"):
        return t, np.minimum(np.maximum(values / (values[0] or 1.0), FLOOR), HUGE)


def _is_logarithmic(told: Sequence[Told]) -> bool:
    """Return whether a plot is better read with logarithmic steps."""
    steps = [float(t[-1]) for _, run, _ in told if len(t := _curve(run, _measure(told))[0])]
    steps = [last for last in steps if last > 0]
    kinds = [found.kind for *_, found in told]
    powers = kinds.count(Kind.POWER_LAW) > kinds.count(Kind.GEOMETRIC)
    least = 1.0 if powers else min(steps, default=1.0)
    return bool(steps) and max(steps) > LOG_SPAN * least


def _scales(axes: Axes, curves: Sequence[tuple[Array, Array]], *, log: bool) -> None:
    steps = positive(*(t for t, _ in curves))
    y = positive(*(y for _, y in curves))
    last = float(steps.max()) if len(steps) else 1.0
    if log:
        log_axis(axes, "x", 1.0, 1.1 * last)
    else:
        axes.set_xlim(0, 1.03 * last)
    log_axis(axes, "y", max(float(y.min()), FLOOR) / 2, min(float(y.max()), TOP) * 2)


def _draw_fit(
    axes: Axes,
    look: Look,
    row: Row,
    found: Diagnosis,
    curve: tuple[Array, Array],
    style: LineStyle,
    numbers: Numbers,
) -> list[Entry]:
    """Draw the fitted rate over its window; theory's from its start on, or the curve's."""
    steps, values = curve
    low, high = found.window
    power = found.kind is Kind.POWER_LAW
    fitted = found.value and not found.reason and np.isfinite([found.value, low, high]).all()
    if not fitted:
        at, ends = (steps[0], values[0]) if len(steps) else (0.0, 1.0), steps[-1:]
        return _draw_theory(axes, look, row, found, (at, ends), style.colour, numbers)
    t = _between(low, high)
    inside = (steps >= low) & (steps <= high) & (values > 0)
    middle = np.log(values[inside]) - _exponent(steps[inside], found.value, power)
    fit = _exp(float(np.median(middle)) + _exponent(t, found.value, power))
    bar: dict[str, Any] = {"alpha": 0.35, "lw": THICK * look.line, "solid_capstyle": "butt"}
    axes.plot(t, fit, color=style.colour, zorder=1.5, gid=f"fit {row.name}", **bar)
    more = {"rate": found.value, "error": found.error, "kind": str(found.kind)}
    numbers.add(row.title, row.name, "fit", step=t, y=fit, **more)
    keys: list[Entry] = [(Line2D([], [], color=look.ink, **bar), "fitted, over its window")]
    start = (float(t[0]), float(fit[0]))
    return [
        *keys,
        *_draw_theory(axes, look, row, found, (start, t[-1:]), look.ink, numbers),
    ]


def _draw_theory(
    axes: Axes,
    look: Look,
    row: Row,
    found: Diagnosis,
    span: tuple[tuple[float, float], Array],
    colour: str,
    numbers: Numbers,
) -> list[Entry]:
    """Draw theory's rate from a point up to a step."""
    (low, first), ends = span
    theory = found.theory
    if theory is None or not len(ends):
        return []
    power = theory.kind == "power law"
    t = _between(max(low, 1.0) if power else low, float(ends[0]))
    fall = _exponent(t, theory.value, power)
    bound = first * _exp(fall - fall[0])
    dashed: dict[str, Any] = {"ls": (0, (4, 2)), "lw": 0.9 * look.line}
    axes.plot(t, bound, color=colour, zorder=4, gid=f"theory {row.name}", **dashed)
    numbers.add(row.title, row.name, "theory", step=t, y=bound, rate=theory.value)
    return [(Line2D([], [], color=look.ink, **dashed), "theory's rate")]


def _exp(x: Array) -> Array:
    """Return exp(x) as far as a float goes."""
    return np.asarray(np.exp(np.clip(x, -690, 690)))


def _between(low: float, high: float) -> Array:
    t = np.geomspace(low, high, 60) if low > 0 else np.linspace(low, high, 60)
    return np.asarray(t, dtype=np.float64)


def _exponent(t: Array, value: float, power: bool) -> Array:
    """Return the logarithm of t^value or of exp(-value t)."""
    return value * np.log(np.maximum(t, 1e-300)) if power else -value * t


def _draw_lost(axes: Axes, look: Look, t: Array, y: Array, style: LineStyle) -> list[Entry]:
    cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "mew": 1.1 * look.line}
    if not len(t):
        return []
    top = axes.get_ylim()[1]
    above = np.flatnonzero(y > top)
    at = int(above[0]) if len(above) else len(t) - 1
    axes.plot([t[at]], [min(y[at], top)], color=style.colour, clip_on=False, zorder=5, **cross)
    return [(Line2D([], [], color=look.ink, **cross), "diverged")]


def _legend_text(row: Row, found: Diagnosis, alone: bool) -> str:
    """Return a name with its rate and theory's, where they are about one problem."""
    if not alone:
        return row.name
    text = f"{row.name}: {_rate(found)}"
    if found.theory is not None:
        exact = "" if found.theory.bound else "→ "
        power = found.theory.kind == "power law"
        value = f"t^{found.theory.value:g}" if power else f"{np.exp(-found.theory.value):.4g}^t"
        text += f" (theory {exact}{value})"
    return text


def _rate(found: Diagnosis) -> str:
    """Return the fitted rate with its uncertainty."""
    if found.kind is Kind.UNDECIDED:
        return "no rate"
    if not np.isfinite(found.error):
        return found.short
    if found.kind is Kind.POWER_LAW:
        return f"t^({found.value:.3g} ± {found.error:.1g})"
    if found.kind is Kind.GEOMETRIC:
        return f"({found.rho:.4g} ± {found.rho * found.error:.1g})^t"
    return found.short
