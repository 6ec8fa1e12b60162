"""Problems against optimizers: what the tables of this form share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from optbench.analysis.contest import Contest, is_equal_tuning, trials
from optbench.analysis.curves import BAD_END
from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.report.tables.table import Cell

EDGE = "†"
"""After the number of an optimizer whose best learning rate is the last of its grid."""


def arranged(
    labels: Mapping[str, str], names: Sequence[str], cell: Callable[[str, str], Cell]
) -> tuple[str, tuple[str, ...], tuple[tuple[str, tuple[Cell, ...]], ...]]:
    """Return corner, columns and rows: problems down, or optimizers where they are more.

    Args:
        labels: Titles of problems, in their order, to what to call them.
        names: Names of optimizers.
        cell: What stands for a title and a name.

    Returns:
        What `Table` takes.
    """
    shown = [printable(name) for name in names]
    titles = [printable(label) for label in labels.values()]
    if len(names) > len(labels):
        across = tuple(
            (label, tuple(cell(title, name) for title in labels))
            for label, name in zip(shown, names, strict=True)
        )
        return "optimizer", tuple(titles), across
    down = tuple(
        (label, tuple(cell(title, name) for name in names))
        for label, title in zip(titles, labels, strict=True)
    )
    return "problem", tuple(shown), down


def by_problems(contest: Contest, titles: Iterable[str]) -> list[str]:
    """Return who ran on some problems or was refused there: those on most of them first."""
    pairs = [(title, name) for title in titles for name in contest.names]
    ran = Counter(name for title, name in pairs if (title, name) in contest.rows)
    there = {name for title, name in pairs if (title, name) in contest.refused} | ran.keys()
    return sorted(there, key=lambda name: (-ran[name], name))


def absent(contest: Contest, title: str, name: str) -> Cell:
    """Return the cell of an optimizer without a row on a problem."""
    return Cell(words="refused" if (title, name) in contest.refused else "")


def failure(row: Row) -> str:
    """Return in words how all runs at the best learning rate were lost; empty if one was not."""
    statuses = {run.status for run in row.best}
    if not all(status in BAD_END or status.is_failure for status in statuses):
        return ""
    return ", ".join(sorted(str(status).replace("_", " ") for status in statuses))


def seeds_said(rows: Sequence[Row]) -> str:
    """Return how many seeds a mean is of, and whether it has an interval, as a caption ends."""
    numbers = sorted({len(row.best) for row in rows}) or [0]
    few, many = numbers[0], numbers[-1]
    span = str(many) if few == many else f"{few} to {many}"
    seeds = f"{span} seed{'s' if many > 1 else ''}"
    if many < MIN_SEEDS:
        return f"of {seeds}, too few for an interval"
    some = "" if few >= MIN_SEEDS else f" from {MIN_SEEDS} seeds on"
    return f"of {seeds} with its 95% t-interval{some}"


def warnings(contest: Contest) -> list[str]:
    """Return what a reader must know first: empty cells, unequal tuning, grids too narrow."""
    rows, found = list(contest.rows.values()), list[str]()
    if len(rows) + len(contest.refused) < len(contest.problems) * len(contest.names):
        found.append("Empty: not run.")
    if not is_equal_tuning(contest):
        numbers = sorted({trials(row) for row in rows})
        tried = f"{numbers[0]} to {numbers[-1]}"
        found.append(f"Tuning was not equal: {tried} learning rates were tried.")
    if any(row.edge for row in rows):
        found.append(f"{EDGE}: the best learning rate is at the edge of its grid.")
    return found


def identity(row: Row) -> dict[str, object]:
    """Return what names a row in CSV, and how it was tuned."""
    return {
        "problem": row.problem,
        "optimizer": row.optimizer,
        "schedule": row.schedule,
        "variant": str(row.variant),
        "seeds": len(row.best),
        "learning_rates": len(row.learning_rates),
        "best_lr": row.best_lr,
        "edge": row.edge,
    }
