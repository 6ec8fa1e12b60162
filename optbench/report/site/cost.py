"""What optimizers cost on a problem: a table, and the final measure against what was paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from optbench.analysis.contest import contest
from optbench.analysis.costs import Cost, costs
from optbench.analysis.curves import FLOOR, LOGARITHMIC
from optbench.analysis.pareto import COSTS, Point, pareto
from optbench.analysis.statistics import Estimate
from optbench.analysis.summary import Row
from optbench.analysis.tables import measure_shown, printable, target_label
from optbench.core.target import Target
from optbench.report.measures import budget_name
from optbench.report.site.columns import Columns
from optbench.report.site.curves import final_label
from optbench.report.site.entries import entries, shares
from optbench.report.style import LineStyle

Json = dict[str, Any]

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
"""Units of time, largest first."""


@dataclass(frozen=True, kw_only=True)
class CostCells:
    """One line of the table of costs, as text.

    Attributes:
        name: The row's name.
        cells: Time a step, calls a step of three kinds, state memory, time to the target.
        batched: Whether the time is a batch's, shared out over its runs.
    """

    name: str
    cells: Sequence[str]
    batched: bool


def cost_table(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table of costs of one title: its lines, and the target of its last column."""
    level = contest(rows).target(rows[0].title)
    lines = [_line(cost) for cost in costs(rows)]
    target = "" if level is None else target_label(rows, Target(rows[0].target_measure, level))
    return {"costs": lines, "cost_target": target, "batched": any(line.batched for line in lines)}


def _line(cost: Cost) -> CostCells:
    calls = (cost.gradient_calls_per_step, cost.value_calls_per_step, cost.hvp_calls_per_step)
    return CostCells(
        name=printable(cost.name),
        cells=[
            duration(cost.seconds_per_step),
            *("—" if np.isnan(number) else f"{number:.3g}" for number in calls),
            "—" if np.isnan(cost.state_bytes) else f"{cost.state_bytes:.3g}",
            duration(cost.seconds_to_target),
        ],
        batched=cost.batched,
    )


def duration(seconds: Estimate | None) -> str:
    """Return a time with its interval in the unit that suits it, such as `3.2 µs [2.9, 3.6]`."""
    if seconds is None:
        return "—"
    size, unit = next((u for u in UNITS if seconds.center >= u[0]), UNITS[-1])
    text = f"{seconds.center / size:.3g} {unit}"
    if seconds.low is None or seconds.high is None:
        return text
    return f"{text} [{seconds.low / size:.3g}, {seconds.high / size:.3g}]"


def pareto_chart(
    rows: Sequence[Row],
    styles: Mapping[str, LineStyle],
    columns: Columns,
    old: Set[str] = frozenset(),
) -> Json:
    """Return the chart of the final measure against each cost, with the front.

    Args:
        rows: The rows of one title.
        styles: Style by `Row.name`.
        columns: Where its numbers go.
        old: Digests of runs by code that is not today's.

    Returns:
        The chart as JSON.
    """
    measure = measure_shown(rows)
    points = {cost: {point.name: point for point in pareto(rows, cost)} for cost in COSTS}
    known = [cost for cost in COSTS if any(map(_is_drawn, points[cost].values()))] or [COSTS[0]]
    names = entries(rows, styles, old)
    for row, name in zip(rows, names, strict=True):
        if not any(_is_drawn(points[cost][row.name]) for cost in known):
            name.setdefault("why", "lost or unknown")
    return {
        "about": "Lower left is better; the front joins those that none beats in both.",
        "names": names,
        "x": [_axis(rows, cost, points[cost].values()) for cost in known],
        "y": [_measured(rows, measure)],
        "yWord": "value",
        "curves": [
            _curve(place, {cost: points[cost][row.name] for cost in known}, columns)
            for place, row in enumerate(rows)
        ],
        "references": [
            line
            for cost in known
            if not (cost == "seconds" and shares(rows))
            for line in _front(cost, points[cost], columns)
        ],
        "reached": "",
        "bare": True,
        "every": True,
    }


def _is_drawn(point: Point) -> bool:
    return bool(np.isfinite([point.cost, point.value]).all())


def _axis(rows: Sequence[Row], cost: str, points: Any) -> Json:
    mixed = shares(rows, "; no front joins the two kinds") if cost == "seconds" else {}
    batched = " (a batch's, shared out over its runs)" if not mixed and rows[0].is_amortised else ""
    labels = {
        "gradient_calls": f"{budget_name(rows)} until the run ended",
        "seconds": f"seconds until the run ended{batched}",
        "state_bytes": "state of the optimizer, bytes a variable",
    }
    paid = [point.cost for point in points if _is_drawn(point)]
    return {"key": cost, "label": labels[cost], "log": min(paid, default=0) > 0, **mixed}


def _measured(rows: Sequence[Row], measure: str) -> Json:
    return {
        "key": "final",
        "label": final_label(rows, measure),
        "log": measure in LOGARITHMIC,
        "falls": False,
        **({"floor": FLOOR} if measure in LOGARITHMIC else {}),
    }


def _curve(place: int, points: Mapping[str, Point], columns: Columns) -> Json:
    at: dict[str, Json] = {}
    for cost, point in points.items():
        if _is_drawn(point):
            ends = (point.low, point.high, point.cost_low, point.cost_high)
            middles = (point.value, point.value, point.cost, point.cost)
            bars = [m if end is None else end for end, m in zip(ends, middles, strict=True)]
            numbers = (point.cost, point.value, *bars)
            at[cost] = {"final": [columns.add(np.array([number])) for number in numbers]}
    return {"of": place, "points": True, "at": at}


def _front(cost: str, points: Mapping[str, Point], columns: Columns) -> list[Json]:
    front = sorted((p.cost, p.value) for p in points.values() if p.on_front and _is_drawn(p))
    if len(front) < 2:
        return []
    places = [columns.add(np.array(column)) for column in zip(*front, strict=True)]
    line = {"x": cost, "y": "final", "text": "front: none is better in both", "shape": "hv"}
    return [line | {"dash": "4px,3px", "columns": places}]
