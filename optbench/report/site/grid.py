"""Optimizers against schedules, on one problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.report.site.results import line


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
        own, text = by_optimizer.setdefault(row.optimizer, {}), line(row, ())
        own[row.schedule] = GridCell(
            final=text.final_in_full, lr=text.lr, edge=text.edge, best=not own
        )
    several = {name: own for name, own in by_optimizer.items() if len(own) > 1}
    if not several:
        return None
    schedules = sorted(
        {schedule for own in several.values() for schedule in own},
        key=lambda s: (s != "constant", s),
    )
    return Grid(
        schedules=[printable(schedule) for schedule in schedules],
        lines=[
            (printable(name), [own.get(schedule) for schedule in schedules])
            for name, own in several.items()
        ],
    )
