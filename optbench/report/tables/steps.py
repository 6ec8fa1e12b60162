"""What reaching a target costs: gradient evaluations, by problem and optimizer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from optbench.analysis.contest import Contest, contest, costs_to, hessian_users, typical_cost
from optbench.analysis.statistics import wilson
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError
from optbench.core.target import Target
from optbench.report.tables import grid
from optbench.report.tables.table import Cell, Form, Mark, Table
from optbench.report.tables.ties import SAID, marks


def steps(rows: Sequence[Row]) -> Table:
    """Tabulate the gradient evaluations to each problem's target.

    The target is the smallest that at least one optimizer reaches with the majority of its seeds;
    where none does, the easiest.

    Args:
        rows: Rows of `summarize`.

    Returns:
        The table.

    Raises:
        OptbenchError: When no problem has a target that can be measured.
    """
    field = contest(rows)
    targets = {title: found for title in field.problems if (found := _target(field, title))}
    unknown = [title for title in field.problems if title not in targets]
    if not targets:
        raise OptbenchError("no problem here has a target that can be measured; see: table final")
    marked = {title: _marks(field, title, targets[title]) for title in targets}

    def cell(title: str, name: str) -> Cell:
        row = field.row(title, name)
        if row is None:
            return grid.absent(field, title, name)
        mark = marked[title].get(name, Mark.NONE)
        return replace(_cell(row, targets[title].level), mark=mark)

    usual, _ = Counter(target.label for target in targets.values()).most_common(1)[0]
    labels = {
        title: title if target.label == usual else f"{title}, to {target.label}"
        for title, target in targets.items()
    }
    others = " (where another is named, to that)" if labels.keys() != {*labels.values()} else ""
    corner, columns, cells = grid.arranged(labels, grid.by_problems(field, targets), cell)
    shown = [row for (title, _), row in field.rows.items() if title in targets]
    return Table(
        kind="steps",
        caption=f"Gradient evaluations to the target {usual}{others}, at each optimizer's best "
        f"learning rate: geometric mean {grid.seeds_said(shown)}.",
        corner=corner,
        columns=columns,
        rows=cells,
        notes=tuple(_notes(field, unknown)),
        said=SAID,
        records=tuple(
            _record(row, targets[title], marked[title].get(name, Mark.NONE))
            for (title, name), row in sorted(field.rows.items())
            if title in targets
        ),
    )


def _target(field: Contest, title: str) -> Target | None:
    levels, reached = field.targets(title), field.target(title)
    if not levels:
        return None
    measure = next(row.target_measure for (where, _), row in field.rows.items() if where == title)
    return Target(measure, levels[0] if reached is None else reached)


def _spent(row: Row, level: float) -> dict[int, float]:
    costs = costs_to(row, level)
    return {run.spec.seed: cost for run, cost in zip(row.best, costs, strict=True)}


def _marks(field: Contest, title: str, target: Target) -> dict[str, Mark]:
    users = hessian_users(field)
    spent = {
        name: _spent(row, target.level)
        for (where, name), row in field.rows.items()
        # Gradients alone are not the cost of who pays with Hessian products too.
        if where == title and name not in users
    }
    if len(spent) < 2:
        return {}
    return marks(
        {name: costs for name, costs in spent.items() if all(map(isfinite, costs.values()))},
        logarithmic=True,
    )


def _cell(row: Row, level: float) -> Cell:
    edge = grid.EDGE if row.edge else ""
    found = typical_cost(row, level)
    if found is not None:
        return Cell(value=found.center, low=found.low, high=found.high, form=Form.COUNT, words=edge)
    hit = sum(map(isfinite, costs_to(row, level)))
    failed = grid.failure(row) if not hit else ""
    return Cell(words=f"{failed or '—'} ({hit}/{len(row.best)}) {edge}".strip())


def _notes(field: Contest, unknown: Sequence[str]) -> list[str]:
    notes = ["— (3/10): 3 of 10 seeds reached the target; it has no mean."]
    notes += grid.warnings(field)
    if any(row.is_task for row in field.rows.values()):
        notes.append("On learning problems an evaluation is that of a minibatch.")
    users = hessian_users(field)
    if users:
        names = ", ".join(map(printable, users))
        notes.append(f"Hessian products are not counted: no mark for who uses them, {names}.")
    if unknown:
        titles = ", ".join(map(printable, unknown))
        notes.append(f"Left out, as what the target measures is not known: {titles}.")
    return notes


def _record(row: Row, target: Target, mark: Mark) -> dict[str, object]:
    found, hit = typical_cost(row, target.level), sum(map(isfinite, costs_to(row, target.level)))
    by_steps = typical_cost(row, target.level, "steps")
    low, high = wilson(hit, len(row.best))
    return grid.identity(row) | {
        "measure": target.measure,
        "target": target.level,
        "reached": hit,
        "reached_share_low": low,
        "reached_share_high": high,
        "gradient_calls": None if found is None else found.center,
        "gradient_calls_low": None if found is None else found.low,
        "gradient_calls_high": None if found is None else found.high,
        "steps": None if by_steps is None else by_steps.center,
        "mark": str(mark),
    }
