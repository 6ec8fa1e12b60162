"""The chart of the final measure against the learning rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

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
from optbench.analysis.tables import is_learning, measure_shown, printable
from optbench.core.target import SUBOPTIMALITY
from optbench.report.site.columns import Columns
from optbench.report.site.curves import WIDE, final_label
from optbench.report.site.entries import FIRST, entries
from optbench.report.style import LineStyle

Json = dict[str, Any]


def sensitivity_chart(
    rows: Sequence[Row],
    styles: Mapping[str, LineStyle],
    columns: Columns,
    old: Set[str] = frozenset(),
) -> Json:
    """Return the chart of the final measure, its median over seeds, by learning rate.

    Args:
        rows: The rows of one title, best first.
        styles: Style by `Row.name`.
        columns: Where its numbers go.
        old: Digests of runs by code that is not today's.

    Returns:
        The chart as JSON; lost runs on a rail above it, and where divergence begins.
    """
    measure = measure_shown(rows)
    shown = [row for row in rows if row.measure == measure and row.learning_rates]
    found = [sensitivity(row) for row in shown]
    pairs = list(zip(range(len(shown)), shown, found, strict=True))
    regions = [good_region(row) for row in shown]
    top = top_of_plot(measure, task=is_learning(rows))
    above = f", or ended above {top:g}{'' if measure == SUBOPTIMALITY else ' times the start'}"
    return {
        "about": "; ".join(map(_sentence, shown, regions)) + ".",
        "names": entries(shown, styles, old),
        "x": [{"key": "lr", "label": "learning rate", "log": True}],
        "y": [_axis(rows, measure, found)],
        "curves": [_curve(*pair, columns) for pair in pairs if len(pair[2].lr)],
        **rail(enumerate(found), columns, above if np.isfinite(top) else ""),
        "bounds": [
            {"of": place, "at": region.boundary}
            for place, region in enumerate(regions)
            if region is not None and region.boundary is not None
        ],
        "first": FIRST,
        "banded": f"quartiles over seeds (from {MIN_SEEDS} seeds on)",
        "rings": "best learning rate",
        "reached": "",
        "every": True,
    }


def region_text(region: GoodRegion | None) -> str:
    """Return the width of the good learning rates as a cell of a table."""
    if region is None:
        return "—"
    width = f"{region.decades:.2f}" if region.closed else f"≥ {region.decades:.2f}"
    return f"{width} [{region.low:.2g}, {region.high:.2g}]"


def boundary_text(region: GoodRegion | None) -> str:
    """Return where divergence begins as a cell of a table."""
    if region is None or region.boundary is None:
        return "—"
    return f"{region.boundary:.2g}"


def _axis(rows: Sequence[Row], measure: str, found: Sequence[Sensitivity]) -> Json:
    ends = np.concatenate([curve.median for curve in found]) if found else np.empty(0)
    ends = ends[np.isfinite(ends)]
    wide = len(ends) > 0 and float(ends.min()) > 0 and bool(ends.max() > WIDE * ends.min())
    return {
        "key": "final",
        "label": final_label(rows, measure),
        "log": measure in LOGARITHMIC or wide,
        "falls": False,
        **({"floor": FLOOR} if measure in LOGARITHMIC else {}),
    }


def _curve(place: int, row: Row, curve: Sensitivity, columns: Columns) -> Json:
    banded = (curve.seeds >= MIN_SEEDS).all()
    drawn = [curve.median, *([curve.low, curve.high] if banded else [])]
    # A rate at which half of the seeds were lost has no height; the rail has it.
    drawn = [np.where(np.isfinite(curve.median), values, np.nan) for values in drawn]
    best = np.flatnonzero(curve.lr == row.best_lr)
    return {
        "of": place,
        "every": True,
        "at": {"lr": {"final": [columns.add(curve.lr), *map(columns.add, drawn)]}},
        **({"ring": int(best[0])} if len(best) else {}),
    }


def rail(curves: Iterable[tuple[int, Sensitivity]], columns: Columns, more: str = "") -> Json:
    """Return what a chart shows of lost runs, which have no height: crosses above the plot.

    Args:
        curves: Each with the place of its name.
        columns: Where the numbers go.
        more: What else counts as diverged, as words that go on.
    """
    rows = [
        {"of": place, "columns": [columns.add(column) for column in numbers]}
        for place, curve in curves
        if curve.lost.any()
        for numbers in [(curve.lr, curve.lost, curve.seeds.astype(np.float64))]
    ]
    meaning = f"diverged{more}; faint: some of the seeds"
    return {"rail": rows, "railLabel": "diverged", "railMeaning": meaning}


def _sentence(row: Row, region: GoodRegion | None) -> str:
    name = printable(row.name)
    lost = f"{row.diverged} of {len(row.runs)} runs diverged"
    if row.final is None:
        return f"{name} has no best one, {lost}"
    width = "" if region is None else f", good over {region.decades:.2f} decades"
    return f"{name} is best at {row.best_lr:.3g}{width}, {lost}"
