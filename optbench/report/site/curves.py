"""The convergence chart of a problem: medians and bands at once, single runs when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from statistics import mode
from typing import Any

import numpy as np

from optbench.analysis.curves import (
    AGAINST,
    BAD_END,
    FLOOR,
    LOGARITHMIC,
    MORE_IS_BETTER,
    Array,
    Band,
    band,
    levels,
    start_gap,
)
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row, learning_rate
from optbench.analysis.tables import is_learning, judged_targets, measure_shown, printable
from optbench.core.run import Run, Status
from optbench.core.target import SUBOPTIMALITY
from optbench.report.measures import NAMES, SYMBOLS, axis_name, budget_name, in_words
from optbench.report.site.bounds import bounds
from optbench.report.site.columns import Columns
from optbench.report.site.entries import FIRST, entries, shares
from optbench.report.site.results import spent
from optbench.report.site.thin import thin
from optbench.report.style import LineStyle

OTHERS = (
    SUBOPTIMALITY,
    "value",
    "gradient_norm",
    "distance",
    "train_loss",
    "validation_accuracy",
    "update_ratio",
    "sharpness",
    "lr",
)
"""What can be drawn besides what the runs are compared by, in the order of the choice."""

WORDS = {"lr": "learning rate", "update_ratio": "size of the step relative to the point"}
"""Columns that are no measures, in words."""

WIDE = 100.0
"""Positive values that span more than this factor are drawn on a logarithmic axis."""

LOG_SPAN = 30
"""The budget is logarithmic when the longest curve is this many times the shortest ..."""

EARLY = 0.1
"""... or when half of the descent happens in this share of the budget."""

MOST_BANDS = 24
"""Bands of more curves than this would hide each other, and take long to draw."""

MOST_SHADED = 100
"""Of more names than this only medians are kept, and single runs when asked for."""

Json = dict[str, Any]

VIEWS: tuple[Json, ...] = (
    {"key": "best", "label": "best rate of each: median and quartiles"},
    {"key": "runs", "label": "best rate of each: single runs"},
    {"key": "rates", "label": "all learning rates of one"},
)
"""What the reader can look at; all but the first need the file of single runs."""

Bands = Mapping[int, Mapping[tuple[str, str], Band]]
"""By the place of a row, its bands by budget and measure."""


def known_measures(rows: Sequence[Row]) -> list[str]:
    """Return what can be drawn of rows of one title, what they are compared by first."""
    first = measure_shown(rows)
    best = [run for row in rows for run in row.best]
    return [
        first,
        *(
            name
            for name in OTHERS
            if name != first and any(np.isfinite(levels(run, name)).any() for run in best)
        ),
    ]


def known_axes(rows: Sequence[Row]) -> list[str]:
    """Return the budgets that some run recorded."""
    best = [run for row in rows for run in row.best]
    return [name for name in AGAINST if any(np.isfinite(levels(run, name)).any() for run in best)]


def bands_of(rows: Sequence[Row]) -> Bands:
    """Return median and quartiles of every row, budget and measure that is known."""
    axes, measures = known_axes(rows), known_measures(rows)
    return {
        place: {(a, m): band(row.best, m, a) for a in axes for m in measures}
        for place, row in enumerate(rows)
    }


def convergence(
    rows: Sequence[Row],
    bands: Bands,
    styles: Mapping[str, LineStyle],
    columns: Columns,
    *,
    files: Mapping[str, str],
    old: Set[str] = frozenset(),
    width: int,
) -> Json:
    """Return the chart of every measure against every budget, at the best learning rates.

    Args:
        rows: The rows of one title, best first.
        bands: Those of `bands_of`.
        styles: Style by `Row.name`.
        columns: Where its numbers go.
        files: The files of what is loaded when it is asked for: `runs`, and a budget.
        old: Digests of runs by code that is not today's.
        width: Pixel columns to thin the curves for.

    Returns:
        The chart as JSON.
    """
    axes, measures = known_axes(rows) or [AGAINST[0]], known_measures(rows)
    leading = [found[axes[0], measures[0]] for found in bands.values() if found]
    at_once = [axis for axis in axes if axis not in files]
    stopped = (
        "budget spent, the last target reached"
        if is_learning(rows)
        else "stopped at the last target"
    )
    return {
        "about": f"Each optimizer at its best learning rate: {_in_words(rows)}.",
        "names": entries(rows, styles, old),
        "x": [
            _axis(rows, axis, leading) | ({"file": files[axis]} if axis in files else {})
            for axis in axes
        ],
        "y": [
            _measure(rows, name, [own[axes[0], name] for own in bands.values() if own])
            for name in measures
        ],
        "views": [VIEWS[0], *({**view, "file": files["runs"]} for view in VIEWS[1:])],
        "curves": medians(rows, bands, at_once, columns, width),
        "references": bounds(rows, axes, columns) if SUBOPTIMALITY in measures else [],
        "first": FIRST,
        "mostBands": MOST_BANDS,
        "banded": f"quartiles over seeds (from {MIN_SEEDS} seeds on)",
        "reached": stopped,
    }


def medians(
    rows: Sequence[Row], bands: Bands, axes: Sequence[str], columns: Columns, width: int
) -> list[Json]:
    """Return the median of each row with its quartiles, and single seeds where they are too few.

    Args:
        rows: The rows of one title, in the order of the chart's names.
        bands: Those of `bands_of`.
        axes: The budgets.
        columns: Where the numbers go.
        width: Pixel columns to thin the curves for.
    """
    curves, shaded = [], len(rows) <= MOST_SHADED
    for place, row in enumerate(rows):
        own = {key: found for key, found in bands[place].items() if key[0] in axes}
        curves.append(_curve(place, row, own, columns, width, shaded=shaded))
        if len(row.best) == MIN_SEEDS - 1:
            seeds = [run for run in row.best if run.curve]
            curves += [
                _seed(place, run, axes, known_measures(rows), columns, width) for run in seeds
            ]
    return curves


def single_runs(rows: Sequence[Row], columns: Columns, width: int) -> list[Json]:
    """Return every run that recorded something, with the place of its row.

    Args:
        rows: The rows of one title, in the order of the chart's names.
        columns: Where the numbers go.
        width: Pixel columns to thin the curves for.
    """
    axes, measures = known_axes(rows), known_measures(rows)
    found = []
    for place, row in enumerate(rows):
        best = {id(run) for run in row.best}
        for run in sorted(row.runs, key=lambda run: (learning_rate(run) or 0, run.spec.seed)):
            if run.curve:
                drawn = _run(run, axes, measures, columns, width)
                found.append({"of": place, "best": id(run) in best, **drawn})
    return found


def _run(
    run: Run, axes: Sequence[str], measures: Sequence[str], columns: Columns, width: int
) -> Json:
    xs = {axis: levels(run, axis) for axis in axes}
    ys = {name: levels(run, name) for name in measures}
    ys = {name: y for name, y in ys.items() if np.isfinite(y).any()}
    xs = {axis: x for axis, x in xs.items() if np.isfinite(x).all() and len(x)}
    found = [thin(x, list(ys.values()), width) for x in xs.values()]
    kept = np.unique(np.concatenate(found)) if found else slice(0)
    words = str(run.status).replace("_", " ") + (f": {run.message}" if run.message else "")
    end = _end([run])
    return {
        "lr": learning_rate(run),
        "seed": run.spec.seed,
        "status": printable(words),
        **({"end": end} if end else {}),
        "x": {axis: columns.add(x[kept]) for axis, x in xs.items()},
        "y": {name: _added(run, name, y[kept], ys, kept, columns) for name, y in ys.items()},
    }


def _added(
    run: Run, name: str, y: Array, ys: Mapping[str, Array], kept: Any, columns: Columns
) -> int:
    """Add a measure of a run; f is f* and the gap, which takes next to no room beside the gap."""
    f_star = run.facts.get("f_star")
    if name != "value" or SUBOPTIMALITY not in ys or f_star is None:
        return columns.add(y)
    return columns.derived(y, ys[SUBOPTIMALITY][kept], start_gap(run), f_star)


def _curve(
    place: int,
    row: Row,
    bands: Mapping[tuple[str, str], Band],
    columns: Columns,
    width: int,
    *,
    shaded: bool,
) -> Json:
    at: dict[str, Json] = {}
    for (axis, measure), found in bands.items():
        if np.isfinite(found.median).any():
            spread = shaded and len(row.best) >= MIN_SEEDS
            drawn = [found.median, *([found.low, found.high] if spread else [])]
            kept = thin(found.x, drawn, width)
            places = [columns.add(column[kept]) for column in (found.x, *drawn)]
            at.setdefault(axis, {})[measure] = places
    end = _end(row.best)
    return {"of": place, "at": at, **({"end": end} if end else {})}


def _seed(
    place: int, run: Run, axes: Sequence[str], measures: Sequence[str], columns: Columns, width: int
) -> Json:
    """Return one of so few seeds that no band is drawn; its end is that of the median."""
    drawn = _run(run, axes, measures, columns, width)
    return {"of": place, "slender": True, **{k: v for k, v in drawn.items() if k != "end"}}


def _end(runs: Sequence[Run]) -> str:
    """Return how the median of some runs ends, as the page's script marks it."""
    if 2 * sum(run.status in BAD_END for run in runs) > len(runs):
        return "lost"
    status = mode(run.status for run in runs)
    if status.is_failure:
        return "failed"
    return str(status) if status in (Status.BUDGET, Status.CONVERGED) else ""


def _axis(rows: Sequence[Row], axis: str, bands: Sequence[Band]) -> Json:
    mixed = shares(rows)
    batched = not mixed and any(row.is_amortised for row in rows)
    labels = {
        "gradient_calls": budget_name(rows),
        "step": "steps",
        "epoch": "epochs",
        "seconds": "seconds" + (" (a batch's, shared out over its runs)" if batched else ""),
    }
    early = _is_early(bands, measure_shown(rows))
    log = not is_learning(rows) and early
    return {
        "key": axis,
        "label": labels[axis],
        "log": log,
        **(mixed if axis == "seconds" else {}),
    }


def _is_early(bands: Sequence[Band], measure: str) -> bool:
    """Return whether most of what happens would be squeezed into the edge of a linear axis."""
    drawn = [found for found in bands if np.isfinite(found.median).any()]
    if not drawn:
        return False
    last = max(float(found.x[-1]) for found in drawn)
    if last >= LOG_SPAN * max(min(float(found.x[-1]) for found in drawn), 1):
        return True
    shares = []
    for found in drawn:
        finite = np.isfinite(found.median)
        x, y = found.x[finite], found.median[finite]
        y = np.log(np.maximum(y, FLOOR)) if measure in LOGARITHMIC else y
        if y[0] > y[-1]:
            shares.append((y[0] - y[x <= EARLY * last].min(initial=y[0])) / (y[0] - y[-1]))
    return bool(shares) and float(np.mean(shares)) > 0.5


def _measure(rows: Sequence[Row], name: str, bands: Sequence[Band]) -> Json:
    medians = [found.median for found in bands]
    targets = judged_targets(rows) if name == measure_shown(rows) else []
    return {
        "key": name,
        "label": measure_label(rows, name),
        "log": name in LOGARITHMIC or (name not in MORE_IS_BETTER and _is_wide(medians)),
        "falls": name not in MORE_IS_BETTER | {"lr", "sharpness", "update_ratio"},
        **({"floor": FLOOR} if name in LOGARITHMIC else {}),
        "targets": [{"at": target.level, "text": f"{target.level:g}"} for target in targets],
    }


def measure_label(rows: Sequence[Row], name: str) -> str:
    """Return the name of an axis that shows a measure, in words and as a formula."""
    if name in WORDS:
        return WORDS[name]
    known = name in NAMES and not is_learning(rows)
    return f"{NAMES[name]}  {SYMBOLS[name]}" if known else axis_name(rows, name)


def final_label(rows: Sequence[Row], name: str) -> str:
    """Return the name of an axis that shows a measure at the end."""
    return f"final {in_words(rows, name).lower()}"


def _is_wide(medians: Sequence[Array]) -> bool:
    values = np.concatenate([m[np.isfinite(m)] for m in medians]) if medians else np.empty(0)
    return len(values) > 0 and float(values.min()) > 0 and bool(values.max() > WIDE * values.min())


def _in_words(rows: Sequence[Row]) -> str:
    return "; ".join(_sentence(row) for row in rows[:12]) + ("; and more" if len(rows) > 12 else "")


def _sentence(row: Row) -> str:
    reached = [reach for reach in row.reach if reach.gradient_calls is not None]
    name = printable(row.name)
    if reached:
        return f"{name} reaches {reached[-1].target:g} after {spent(row, reached[-1].target)}"
    return (
        f"{name} has no finite end"
        if row.final is None
        else f"{name} ends at {row.final.center:.2g}"
    )
