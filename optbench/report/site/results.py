"""One line of a page's table of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optbench.analysis.contest import typical_cost
from optbench.analysis.summary import Row
from optbench.analysis.tables import Cells, cells
from optbench.core.target import Target
from optbench.report.tables import numbers
from optbench.report.tables.table import Cell, Form
from optbench.theory.diagnosis.diagnose import Diagnosis, Kind

NONE = "—"
"""What is not there."""


def line(row: Row, targets: Sequence[Target], ends: Sequence[str] = ()) -> Cells:
    """Return a row as text, with the same numbers as `optbench table steps` has.

    Args:
        row: Any row.
        targets: The table's columns.
        ends: Those of its columns that tell of a task's end.

    Returns:
        Its cells; where every seed reaches a target, what that takes with its interval, and no best
        learning rate where all is lost.
    """
    text = cells(row, targets, ends)
    pairs = zip(targets, text.reach, strict=True)
    reach = [
        told and (spent(row, target.level) + _steps(row, target.level) or told)
        for target, told in pairs
    ]
    lost = row.final is None and bool(row.learning_rates)
    return replace(
        text, reach=reach, lr=NONE if lost else text.lr, edge=text.edge and row.final is not None
    )


def rated(rate: Diagnosis) -> tuple[str, str]:
    """Return a rate as a word, and its uncertainty; why there is none is for the page of rates."""
    if rate.kind is Kind.GEOMETRIC:
        return rate.short, f"−ln ρ = {rate.value:.3g} ± {rate.error:.1g}"  # noqa: RUF001
    return rate.short, "" if rate.text == rate.reason else rate.text


def spent(row: Row, target: float) -> str:
    """Return the gradient evaluations that reaching a target takes: `1,234 [1,100, 1,390]`.

    Args:
        row: A row that aims at it.
        target: Its level.

    Returns:
        The mean with its interval; nothing where a seed misses the target.
    """
    cost = typical_cost(row, target)
    if cost is None:
        return ""
    return numbers.text(Cell(value=cost.center, low=cost.low, high=cost.high, form=Form.COUNT))


def _steps(row: Row, target: float) -> str:
    """Return the steps that reaching a target takes, where they are not as many."""
    calls, steps = typical_cost(row, target), typical_cost(row, target, "steps")
    if calls is None or steps is None or steps.center == calls.center:
        return ""
    return f" ({numbers.plain(steps.center, Form.COUNT)} steps)"
