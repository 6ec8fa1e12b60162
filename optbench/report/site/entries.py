"""What a chart's legend needs to know of each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
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
            **({"mark": OLD} if is_old(row.runs, old) else {}),
            **({} if any(run.curve for run in row.best) else _absent(row)),
        }
        for row in rows
    ]


def is_old(runs: Iterable[Any], old: Set[str]) -> bool:
    """Return whether one of the runs is of old code."""
    return any(run.spec.digest in old for run in runs)


def _spec(row: Row) -> list[str]:
    constant = str(row.runs[0].spec.schedule)
    return [str(row.variant), *([f"schedule {constant}"] if constant != "constant" else [])]


def _tuning(row: Row) -> list[str]:
    seeds = f"{len(row.best)} seed{'' if len(row.best) == 1 else 's'}"
    if row.best_lr is None:
        return [seeds]
    return [f"lr {row.best_lr:.6g}, best of {len(row.learning_rates)}; {seeds}"]


def _absent(row: Row) -> dict[str, Any]:
    statuses = ", ".join(sorted({str(run.status) for run in row.runs}))
    return {"absent": True, "mark": statuses.replace("_", " ")}
