"""How far runs come: the final value, by problem and optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from optbench.analysis.contest import Contest, contest
from optbench.analysis.curves import FLOOR, LOGARITHMIC
from optbench.analysis.curves import final as final_of
from optbench.analysis.summary import Row
from optbench.analysis.tables import measure_words
from optbench.core.run import Status
from optbench.report.measures import SYMBOLS
from optbench.report.tables import grid
from optbench.report.tables.table import Cell, Mark, Table
from optbench.report.tables.ties import SAID, marks

OR_LESS = "or less"
"""After a number that is the floor of its measure."""


def final(rows: Sequence[Row]) -> Table:
    """Tabulate the measure by which runs are compared, at their end.

    Args:
        rows: Rows of `summarize`.

    Returns:
        The table.
    """
    field = contest(rows)
    same = {title: _rows(field, title) for title in field.problems}
    titles = [title for title in field.problems if same[title]]
    measures = {title: measure_words(same[title]) for title in titles}
    marked = {title: _marks(same[title]) for title in titles}

    def cell(title: str, name: str) -> Cell:
        row = field.row(title, name)
        if row is None:
            return grid.absent(field, title, name)
        return replace(_cell(row), mark=marked[title].get(name, Mark.NONE))

    one = len({*measures.values()}) == 1
    labels = {t: t if one else f"{t}: {SYMBOLS.get(m, m)}" for t, m in measures.items()}
    what = " ".join(sorted({SYMBOLS.get(m, m) for m in measures.values()})) if one else "value"
    every = list(field.rows.values())
    corner, columns, cells = grid.arranged(labels, grid.by_problems(field, titles), cell)
    return Table(
        kind="final",
        caption=f"Final {what} at each optimizer's best learning rate: {_means(every)} "
        f"{grid.seeds_said(every)}.",
        corner=corner,
        columns=columns,
        rows=cells,
        notes=(*_stopped(every), *_floored(every), *grid.warnings(field)),
        said=SAID,
        records=tuple(
            _record(row, marked[title].get(name, Mark.NONE))
            for (title, name), row in sorted(field.rows.items())
        ),
    )


def _rows(field: Contest, title: str) -> list[Row]:
    return [row for (where, _), row in sorted(field.rows.items()) if where == title]


def _means(rows: Sequence[Row]) -> str:
    kinds = {row.measure in LOGARITHMIC for row in rows}
    if kinds == {True}:
        return "geometric mean"
    return "mean" if kinds == {False} else "geometric mean (of f(x), losses and errors the mean)"


def _has_arrived(row: Row) -> bool:
    # Training goes on beyond its targets, since schedules have an end: its runs end where they do.
    return not row.is_task and all(run.status is Status.CONVERGED for run in row.best)


def _stopped(rows: Sequence[Row]) -> list[str]:
    if not any(map(_has_arrived, rows)):
        return []
    return ["Runs end at their last target: who reaches it with all seeds is among the best."]


def _floored(rows: Sequence[Row]) -> list[str]:
    if not any(row.is_floored for row in rows):
        return []
    return [f"{OR_LESS}: what lies below {FLOOR:.3g}, 0 included, is rounding and not told apart."]


def _marks(rows: Sequence[Row]) -> dict[str, Mark]:
    """Compare rows of one measure; who lost a run is not among the best.

    Runs end at their last target: how far below it is the last step's doing, and no merit.
    """
    if len(rows) < 2:
        return {}
    arrived = [row.name for row in rows if _has_arrived(row)]
    if arrived:
        return dict.fromkeys(arrived, Mark.BEST)
    measures = {row.measure for row in rows if row.final is not None}
    if len(measures) != 1:
        return {}
    logarithmic = measures <= LOGARITHMIC
    ends = {row.name: {run.spec.seed: final_of(run) for run in row.best} for row in rows}
    whole = {name: values for name, values in ends.items() if all(map(isfinite, values.values()))}
    if logarithmic:
        whole = {n: {seed: max(v, FLOOR) for seed, v in e.items()} for n, e in whole.items()}
    return marks(whole, logarithmic=logarithmic)


def _cell(row: Row) -> Cell:
    edge, found = grid.EDGE if row.edge else "", row.final
    if found is None:
        return Cell(
            words=f"{grid.failure(row) or '—'} ({len(row.best)}/{len(row.best)}) {edge}".strip()
        )
    lost = len(row.best) - found.count
    words = f"({lost}/{len(row.best)} lost) {edge}" if lost else edge
    words = f"{OR_LESS} {words}" if row.is_floored else words
    return Cell(value=found.center, low=found.low, high=found.high, words=words.strip())


def _record(row: Row, mark: Mark) -> dict[str, object]:
    found = row.final
    return grid.identity(row) | {
        "measure": row.measure,
        "final": None if found is None else found.center,
        "final_low": None if found is None else found.low,
        "final_high": None if found is None else found.high,
        "lost": len(row.best) - (0 if found is None else found.count),
        "failure": grid.failure(row),
        "mark": str(mark),
    }
