"""What a chart's legend needs to know of each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.report.measures import has_both_times
from optbench.report.style import Dash, LineStyle

MARKERS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "*": "star",
    "<": "triangle-left",
    ">": "triangle-right",
}
"""Markers of our figures as the plotting bundle calls them."""

FIRST = 10
"""Curves of so many names are shown before the reader chooses: there are as many colours."""

LINE_WIDTH = 1.6
"""Lengths of dashes are in line widths."""

OLD = "old code"
"""Marks what code made that is not today's."""


def look(style: LineStyle) -> dict[str, str]:
    """Return a style as the page's script takes it."""
    return {
        "colour": style.colour,
        "dash": dash_of(style.dash),
        "marker": MARKERS[style.marker],
    }


def dash_of(dash: Dash) -> str:
    """Return lengths on and off in pixels, such as `8px,2.6px`."""
    if dash == "-":
        return "solid"
    return ",".join(f"{length * LINE_WIDTH:.3g}px" for length in dash[1])


def entries(
    rows: Sequence[Row], styles: Mapping[str, LineStyle], old: Set[str] = frozenset()
) -> list[dict[str, Any]]:
    """Describe the rows of one problem, each an entry of the legend.

    Args:
        rows: The rows, in the order of the legend.
        styles: Style by `Row.name`.
        old: Digests of runs by code that is not today's.

    Returns:
        One object a row.
    """
    return [
        {
            "text": printable(row.name),
            **look(styles[row.name]),
            "spec": [printable(text) for text in _spec(row)],
            "tips": [printable(text) for text in (*_spec(row), *_tuning(row))],
            **({"mark": OLD} if mark else {}),
            **({"shared": True} if row.is_amortised else {}),
            **({} if any(run.curve for run in row.best) else {"why": _why(row)}),
        }
        for row, mark in zip(rows, old_ones(rows, old), strict=True)
    ]


def old_ones(rows: Sequence[Row], old: Set[str]) -> list[bool]:
    """Return which rows are marked as of old code; none where all are, as the page says so once."""
    marks = [is_old(row.runs, old) for row in rows]
    return [mark and not all(marks) for mark in marks]


def shares(rows: Sequence[Row], more: str = "") -> dict[str, str]:
    """Return what an axis of seconds says of rows some of which share times, and others do not."""
    if not has_both_times(rows):
        return {}
    return {"shares": f"time of a batch, divided by its runs: not that of a single one{more}"}


def is_old(runs: Iterable[Any], old: Set[str]) -> bool:
    """Return whether one of the runs is of old code."""
    return any(run.spec.digest in old for run in runs)


def _spec(row: Row) -> list[str]:
    constant = str(row.runs[0].spec.schedule)
    return [str(row.variant), *([f"schedule {constant}"] if constant != "constant" else [])]


def _tuning(row: Row) -> list[str]:
    seeds = f"{len(row.best)} seed{'' if len(row.best) == 1 else 's'}"
    if row.best_lr is None or row.final is None:
        return [seeds]
    return [f"lr {row.best_lr:.6g}, best of {len(row.learning_rates)}; {seeds}"]


def _why(row: Row) -> str:
    statuses = ", ".join(sorted({str(run.status) for run in row.runs}))
    return statuses.replace("_", " ")
