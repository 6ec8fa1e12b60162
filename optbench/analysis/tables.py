"""Rows of the summary as text for the page and as lines of CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.contest import typical_cost
from optbench.analysis.curves import LOGARITHMIC
from optbench.analysis.statistics import MIN_SEEDS, Estimate, wilson
from optbench.analysis.summary import ENDS, LOSS, Reach, Row
from optbench.core.target import Target


@dataclass(frozen=True, kw_only=True)
class Cells:
    """One line of the page's table, as text.

    Attributes:
        name: The row's name.
        full: Every parameter, for whoever wants to know.
        lr: Best learning rate.
        edge: Whether it lies at the edge of its grid.
        reach: One text a target: the geometric mean of what it takes, or how many seeds reach it.
        final: Final measure with its interval.
        note: What the final measure leaves out or costs besides, if anything.
        ends: One text for each of the things told of a task's end.
        diverged: Number and share.
        runs: Number of runs, seeds and learning rates.
    """

    name: str
    full: str
    lr: str
    edge: bool
    reach: Sequence[str]
    final: str
    note: str
    ends: Sequence[str]
    diverged: str
    runs: str

    @property
    def final_in_full(self) -> str:
        """The final measure with its note, in one line."""
        return ", ".join(text for text in (self.final, self.note) if text)


def targets_of(rows: Sequence[Row]) -> list[Target]:
    """Return every target of some rows, by measure, easiest first."""
    found = {Target(row.target_measure, reach.target) for row in rows for reach in row.reach}
    return sorted(found, key=lambda target: (target.measure, -target.level))


def judged_targets(rows: Sequence[Row]) -> list[Target]:
    """Return the targets of rows of one title; none where what they measure is unknown."""
    return targets_of(rows) if measure_shown(rows) == rows[0].target_measure else []


def target_label(rows: Sequence[Row], target: Target) -> str:
    """Return a target of rows of one title as headings show it; of a task `loss 1.9`."""
    if not is_learning(rows):
        return target.label
    return f"{LOSS if target.measure == 'value' else target.measure} {target.level:g}"


def measure_shown(rows: Sequence[Row]) -> str:
    """Return what rows of one title are compared by; the value only where none knows better."""
    return next((row.measure for row in rows if row.measure != "value"), "value")


def measure_words(rows: Sequence[Row], measure: str = "") -> str:
    """Return the name of a measure of rows of one title; of a task in words.

    Args:
        rows: The rows.
        measure: The measure, or a column of a task; by default what the rows are compared by.
    """
    measure = measure or measure_shown(rows)
    if not is_learning(rows):
        return measure
    judged = "validation" if any(row.has_validation for row in rows) else "training"
    words = {"value": f"{judged} loss", "error": f"{judged} error", "train_loss": "training loss"}
    return words.get(measure, measure.replace("_", " "))


def is_learning(rows: Sequence[Row]) -> bool:
    """Return whether rows of one title are of a task."""
    return any(row.is_task for row in rows)


def ends_shown(rows: Sequence[Row]) -> list[str]:
    """Return what is known of the ends of rows of one title, besides what they are compared by."""
    told = measure_words(rows).replace(" ", "_")
    return [name for name in ENDS if name != told and any(name in row.ends for row in rows)]


def cells(row: Row, targets: Sequence[Target], ends: Sequence[str] = ()) -> Cells:
    """Return a row as text.

    Args:
        row: Any row.
        targets: The table's columns.
        ends: Those of its columns that tell of a task's end, see `ends_shown`.

    Returns:
        Its cells.
    """
    reach = {Target(row.target_measure, r.target): r for r in row.reach}
    share = f" ({row.diverged_share:.0%})" if row.diverged else ""
    return Cells(
        name=printable(row.name),
        full=printable(str(row.variant)),
        lr="-" if row.best_lr is None else f"{row.best_lr:.4g}",
        edge=row.edge,
        reach=[_reach_text(row, reach.get(target)) for target in targets],
        final=_final_text(row),
        note=_note(row),
        ends=[_end_text(name, row.ends.get(name)) for name in ends],
        diverged=f"{row.diverged}/{len(row.runs)}{share}",
        runs=f"{len(row.seeds)} x {max(len(row.learning_rates), 1)}",
    )


def _reach_text(row: Row, reach: Reach | None) -> str:
    if reach is None:
        return ""
    calls, steps = (typical_cost(row, reach.target, unit) for unit in ("gradient_calls", "steps"))
    if calls is not None and steps is not None:
        text = count_text(calls.center)
        return text if steps == calls else f"{text} ({count_text(steps.center)} steps)"
    text = f"— ({reach.reached}/{reach.runs}"
    if reach.reached and reach.runs >= MIN_SEEDS:
        low, high = wilson(reach.reached, reach.runs)
        text += f"; {low:.0%}-{high:.0%}"
    return text + ")"


def count_text(number: float) -> str:
    """Return a number of evaluations, whole, or with three digits where it is small."""
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _final_text(row: Row) -> str:
    if row.final is None:
        return ", ".join(sorted({str(run.status) for run in row.best}))
    plain = ".4g" if row.is_task else ".6g"
    long, short = (".2e", ".1e") if row.measure in LOGARITHMIC else (plain, plain)
    text = format(row.final.center, long)
    if row.is_floored:
        return f"≤ {text}"
    if row.final.low is not None and row.final.high is not None and row.final.low < row.final.high:
        text += f" [{format(row.final.low, short)}, {format(row.final.high, short)}]"
    return text


def _note(row: Row) -> str:
    if row.final is None:
        return ""
    lost = len(row.best) - row.final.count
    products = max(run.last("hvp_calls") for run in row.best)
    parts = [
        f"without {lost} of {len(row.best)} lost" if lost else "",
        f"{products:.0f} Hessian products" if products > 0 else "",
    ]
    return ", ".join(part for part in parts if part)


def _end_text(name: str, end: Estimate | None) -> str:
    if end is None:
        return ""
    kind = ".2%" if name.endswith("accuracy") else ".4g"
    text = format(end.center, kind)
    if not name.startswith("test") or end.low is None or end.high is None or end.low == end.high:
        return text
    return f"{text} [{format(end.low, kind)}, {format(end.high, kind)}]"


def csv_table(rows: Sequence[Row]) -> tuple[list[str], list[list[object]]]:
    """Return the header and the lines of `table.csv`; what is unknown is empty.

    Steps and evaluations to a target are geometric means over seeds, where all reach it.
    Columns of tasks are there when a row is of one; test figures with their 95 % t-intervals.
    """
    targets = targets_of(rows)
    ends = list(ENDS) if is_learning(rows) else []
    header = [*_csv_header(targets), *(name for end in ends for name in _csv_end_names(end))]
    lines = [
        [*_csv_line(row, targets), *(value for end in ends for value in _csv_end(row, end))]
        for row in rows
    ]
    return header, lines


def _csv_end_names(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"] if name.startswith("test") else [name]


def _csv_end(row: Row, name: str) -> list[object]:
    end = row.ends.get(name)
    values = [None, None, None] if end is None else [end.center, end.low, end.high]
    return list(values[: len(_csv_end_names(name))])


def _csv_header(targets: Sequence[Target]) -> list[str]:
    names = "problem optimizer variant schedule runs seeds learning_rates best_lr edge measure "
    names += "final final_low final_high final_count diverged diverged_share"
    kinds = ("reached", "steps_to", "gradient_calls_to")
    return names.split() + [f"{kind}_{target.column}" for target in targets for kind in kinds]


def _csv_line(row: Row, targets: Sequence[Target]) -> list[object]:
    final = row.final or Estimate(center=math.nan, low=None, high=None, count=0)
    line: list[object] = [row.problem, row.optimizer, str(row.variant), row.schedule, len(row.runs)]
    line += [len(row.seeds), len(row.learning_rates), row.best_lr, row.edge, row.measure]
    line += [None if row.final is None else final.center, final.low, final.high, final.count]
    line += [row.diverged, row.diverged_share]
    reach = {Target(row.target_measure, r.target): r for r in row.reach}
    for target in targets:
        if (r := reach.get(target)) is None:
            line += [None, None, None]
            continue
        costs = (typical_cost(row, r.target, unit) for unit in ("steps", "gradient_calls"))
        line += [r.reached, *(None if cost is None else cost.center for cost in costs)]
    return line


def printable(text: str) -> str:
    """Return the text without control characters, which terminals, SVG and HTML may not hold."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
