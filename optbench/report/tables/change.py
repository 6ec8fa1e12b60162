"""Two optimizers, versions or stores against each other, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from optbench.analysis.compare import Change, Comparison
from optbench.analysis.conclusion import MIN_SIGNED, too_few_seeds
from optbench.analysis.statistics import MIN_SEEDS, Estimate
from optbench.analysis.tables import printable
from optbench.core.target import SUBOPTIMALITY, Target
from optbench.report.tables.table import Cell, Form, Table


def change(found: Comparison) -> Table:
    """Tabulate what b changes against a, problem by problem.

    Args:
        found: The comparison.

    Returns:
        The table; the sentence that concludes is its last note.
    """
    a, b = printable(found.a), printable(found.b)
    notes = [_over_all(found)]
    if found.unpaired:
        titles = ", ".join(map(printable, found.unpaired))
        notes.append(
            f"Not compared, as one side has no run there of a seed of the other's: {titles}."
        )
    return Table(
        kind="comparison",
        caption=f"{b} against {a}: each at its best learning rate, ratios {b} / {a} (below 1: {b} "
        "is better) as geometric mean over pairs of one seed with the 95% t-interval of the "
        "logarithm.",
        corner="problem",
        columns=(
            "target",
            "evaluations",
            "final",
            f"{a} reached",
            f"{b} reached",
            "p",
            "p (Holm)",
            f"{b} is",
        ),
        rows=tuple((printable(one.problem), _cells(one)) for one in found.changes),
        notes=(*notes, *_tests(found), printable(found.sentence)),
        records=tuple({"a": found.a, "b": found.b} | _record(one) for one in found.changes),
    )


def _cells(one: Change) -> tuple[Cell, ...]:
    return (
        Cell(words="—" if one.target is None else Target(SUBOPTIMALITY, one.target).label),
        _ratio(one.ratio_calls),
        _ratio(one.ratio_final),
        Cell(words="—" if one.target is None else f"{one.a_reached}/{one.runs_a}"),
        Cell(words="—" if one.target is None else f"{one.b_reached}/{one.runs_b}"),
        _number(one.p),
        _number(one.p_holm),
        Cell(words=one.verdict),
    )


def _ratio(ratio: Estimate | None) -> Cell:
    if ratio is None:
        return Cell(words="—")
    return Cell(value=ratio.center, low=ratio.low, high=ratio.high)


def _number(p: float | None) -> Cell:
    return Cell(words="—") if p is None else Cell(value=p, form=Form.NUMBER)


def _over_all(found: Comparison) -> str:
    told = f"Over all: better on {found.wins}, worse on {found.losses}, equal on {found.ties}"
    if found.overall is not None:
        told += f"; ratio {found.overall.center:.3g}"
        if found.overall.low is not None and found.overall.high is not None:
            told += f" [{found.overall.low:.3g}, {found.overall.high:.3g}]"
    return told + (f"; p = {found.p:.3g} ({found.test})." if found.p is not None else ".")


def _tests(found: Comparison) -> list[str]:
    tested = [one for one in found.changes if one.p is not None]
    tests = sorted({one.test for one in tested})
    told = []
    if tests:
        many = "1 problem, as there is no other" if len(tested) == 1 else f"{len(tested)} problems"
        told.append(f"p: {' or '.join(tests)}; p (Holm): the same, corrected for {many}.")
    if len(tested) < len(found.changes):
        where = f"{len(found.changes) - len(tested)} problems" if tests else "a problem"
        told.append(f"No test on {where}: that takes {MIN_SEEDS} seeds that both ran.")
    few = [printable(one.problem) for one in found.changes if too_few_seeds(one)]
    if few:
        told.append(
            f"Undecided for want of seeds, whatever they show: {', '.join(few)}; that takes "
            f"{MIN_SIGNED} seeds or more."
        )
    if any(one.stopped for one in found.changes):
        told.append(
            "No ratio of final values where both sides reach the last target: runs stop there, and "
            "how far below it they end is no merit."
        )
    return told


def _record(one: Change) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in asdict(one).items():
        if name.startswith("ratio"):
            ratio: Mapping[str, Any] = value or {}
            record |= {name: ratio.get("center")}
            record |= {f"{name}_{end}": ratio.get(end) for end in ("low", "high")}
        else:
            record[name] = value
    return record
