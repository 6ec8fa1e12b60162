"""The page of theory: how fast runs were, and how fast theory says that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.core.run import Run
from optbench.report.site.columns import Columns, script
from optbench.report.site.entries import look
from optbench.report.site.whole import Page, Whole
from optbench.theory.diagnosis.diagnose import Diagnosis, Kind, diagnose

DATA = "theory"

FALLS = (Kind.GEOMETRIC, Kind.FLOOR, Kind.OSCILLATING)
"""What has a geometric rate: that of the fall, wherever it led to."""

WITHIN = 0.02
"""Relative difference up to which a measured rate is the one of theory."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table, as text.

    Attributes:
        title: The problem.
        name: The optimizer with its schedule.
        lr: Its best learning rate.
        rate: The measured rate in a word.
        told: The measured rate with its uncertainty, or why there is none.
        theory: What theory says; empty where it says nothing.
        source: Where that comes from.
        verdict: `faster`, `as fast` or `slower` than theory; empty where they do not compare.
    """

    title: str
    name: str
    lr: str
    rate: str
    told: str
    theory: str
    source: str
    verdict: str


def page_of_theory(whole: Whole) -> Page:
    """Make the page of rates.

    Args:
        whole: The report.

    Returns:
        The page with its data.
    """
    rows = [row for row in whole.rows if not row.is_task]
    found = [(row, diagnose(first_seed(row))) for row in rows]
    html = whole.render(
        "rates.html.j2",
        "",
        lines=[_line(row, diagnosis) for row, diagnosis in found],
        tasks=len(rows) < len(whole.rows),
        compared=any(_both(diagnosis) for _, diagnosis in found),
        data=DATA,
    )
    columns = Columns()
    chart = _chart(whole, found, columns)
    data = script(DATA, {"charts": {"rates": chart}, "columns": columns.written()})
    return Page(path="theory.html", html=html, data={DATA: data})


def first_seed(row: Row) -> Run:
    """Return the run whose rate stands for a row: the first seed at the best learning rate."""
    return row.best[0]


def _line(row: Row, found: Diagnosis) -> Line:
    theory = found.theory
    return Line(
        title=row.title,
        name=row.name,
        lr="-" if row.best_lr is None else f"{row.best_lr:.4g}",
        rate=found.short,
        told=f"{found.kind}: {found.text}" if found.text else str(found.kind),
        theory="" if theory is None else theory.text,
        source="" if theory is None else theory.source,
        verdict=_verdict(found),
    )


def _verdict(found: Diagnosis) -> str:
    """Say how a measured rate stands to theory, where both are of one kind."""
    theory = found.theory
    if theory is None or not np.isfinite(found.value):
        return ""
    geometric = found.kind in FALLS
    if geometric and theory.kind == "power law":
        return "faster"
    if theory.kind != ("geometric" if geometric else str(found.kind)):
        return ""
    # Geometric rates grow with speed, exponents of t fall.
    ahead = found.value - theory.value if geometric else theory.value - found.value
    room = max(2 * found.error, WITHIN * abs(theory.value))
    return "as fast" if abs(ahead) <= room else "faster" if ahead > 0 else "slower"


def _both(found: Diagnosis) -> bool:
    theory = found.theory
    geometric = found.kind in FALLS and theory is not None and theory.kind == "geometric"
    return geometric and found.value > 0 and theory is not None and theory.value > 0


def _chart(
    whole: Whole, found: Sequence[tuple[Row, Diagnosis]], columns: Columns
) -> dict[str, Any]:
    """Return measured against guaranteed geometric rates, one point a problem."""
    points: dict[str, list[tuple[float, float, float, str]]] = {}
    for row, diagnosis in found:
        if _both(diagnosis) and diagnosis.theory is not None:
            point = (diagnosis.theory.value, diagnosis.value, diagnosis.error, printable(row.title))
            points.setdefault(row.name, []).append(point)
    ends = [value for own in points.values() for point in own for value in point[:2]]
    span = [min(ends) / 2, max(ends) * 2] if ends else [0.01, 1.0]
    diagonal = columns.add(np.array(span))
    return {
        "about": "Above the diagonal the run was faster than theory says.",
        "names": [
            {"text": printable(name), **look(whole.styles[name]), "spec": [], "tips": []}
            for name in points
        ],
        "x": [{"key": "theory", "label": "theory: −ln ρ per step", "log": True}],  # noqa: RUF001
        "y": [{"key": "rate", "label": "measured: −ln ρ per step", "log": True}],  # noqa: RUF001
        "span": {"theory": span},
        "curves": [_points(place, own, columns) for place, own in enumerate(points.values())],
        "references": [
            {
                "x": "theory",
                "y": "rate",
                "text": "as theory says",
                "dash": "4px,3px",
                "columns": [diagonal, diagonal],
            }
        ],
        "reached": "",
        "bare": True,
        "every": True,
    }


def _points(
    place: int, own: Sequence[tuple[float, float, float, str]], columns: Columns
) -> dict[str, Any]:
    x, y, error, titles = zip(*sorted(own), strict=True)
    measured, wide = np.array(y), np.array(error)
    numbers = (np.array(x), measured, np.maximum(measured - wide, measured / 10), measured + wide)
    places = [columns.add(column) for column in numbers]
    return {"of": place, "points": True, "words": titles, "at": {"theory": {"rate": places}}}
