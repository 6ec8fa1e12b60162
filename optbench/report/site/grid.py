"""Optimizers against schedules, on one problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.summary import Row
from optbench.analysis.tables import cells, printable


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """An optimizer with a schedule at its best learning rate, as text.

    Attributes:
        final: The final measure with its interval.
        lr: The learning rate.
        edge: Whether it lies at the edge of its grid.
        best: Whether no other schedule is better for this optimizer.
    """

    final: str
    lr: str
    edge: bool
    best: bool


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The table.

    Attributes:
        schedules: Its columns.
        lines: Optimizers, each with a cell a schedule, None where it did not run.
    """

    schedules: Sequence[str]
    lines: Sequence[tuple[str, Sequence[GridCell | None]]]


def schedule_grid(rows: Sequence[Row]) -> Grid | None:
    """Return the table of some rows; None where an optimizer had no choice of schedules.

    Args:
        rows: The rows of one title, best first.
    """
    by_optimizer: dict[str, dict[str, GridCell]] = {}
    for row in rows:
        line = by_optimizer.setdefault(row.optimizer, {})
        text = cells(row, ())
        line[row.schedule] = GridCell(
            final=text.final_in_full, lr=text.lr, edge=row.edge, best=not line
        )
    several = {name: line for name, line in by_optimizer.items() if len(line) > 1}
    if not several:
        return None
    schedules = sorted(
        {s for line in several.values() for s in line}, key=lambda s: (s != "constant", s)
    )
    return Grid(
        schedules=[printable(schedule) for schedule in schedules],
        lines=[
            (printable(name), [line.get(schedule) for schedule in schedules])
            for name, line in several.items()
        ],
    )
