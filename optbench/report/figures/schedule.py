"""Optimizer against schedule: the final measure of each pair at its own best learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import Normalize

from optbench.analysis.curves import FLOOR, LOGARITHMIC
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, measure_shown
from optbench.core.errors import OptbenchError
from optbench.report.canvas import Array, Made
from optbench.report.figures.cells import draw_cells, fits_below, missed
from optbench.report.figures.keys import interval_note
from optbench.report.figures.panels import Numbers, by_problem, nothing
from optbench.report.looks import Look
from optbench.report.measures import axis_name, in_words

Pair = tuple[str, str]
"""An optimizer and a schedule."""


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw a cell for each pair, one block of rows a problem; the best of a row is bold.

    The colour compares within a problem: pale is its best, dark its worst.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure.

    Raises:
        OptbenchError: When no optimizer ran with two schedules, or there are too many problems.
    """
    groups = by_problem("schedule", [row for row in rows if _has_several(row, rows)])
    if not groups:
        names = ", ".join(sorted({row.schedule for row in rows}))
        raise OptbenchError(
            f"schedule needs an optimizer that ran with two schedules or more; there is: {names}"
        )
    kept = [row for same in groups for row in same]
    top = sorted({row.schedule for row in kept}, key=lambda name: (name != "constant", name))
    numbers, side, bold = Numbers(), list[str](), set[Pair]()
    texts, below = list[list[str]](), list[list[str]]()
    values = np.empty((0, len(top)))
    for same in groups:
        found = {(row.optimizer, row.schedule): row for row in same}
        for optimizer in sorted({row.optimizer for row in same}):
            side.append(optimizer if len(groups) == 1 else f"{same[0].title}: {optimizer}")
            texts.append([_text(found.get((optimizer, name))) for name in top])
            below.append([_interval(found.get((optimizer, name))) for name in top])
            bold |= _best(side[-1], optimizer, top, found)
        values = np.vstack([values, _colours(same, found, top)])
        for row in same:
            _note(numbers, row)
    title = "Final measure by schedule" + (f", {groups[0][0].title}" if len(groups) == 1 else "")
    cells = {(i, j) for i, name in enumerate(side) for j, s in enumerate(top) if (name, s) in bold}
    told = any(map(any, below))
    below = below if told and fits_below(look, side, top, below) else []
    canvas = draw_cells(
        title, look, side, top, (values, texts), Normalize(0, 1), bold=cells, below=below
    )
    measures = sorted({f"final {axis_name(same)}" for same in groups})
    canvas.keys[:0] = [nothing(f"{'; '.join(measures)}, at the best learning rate; bold: best")]
    canvas.keys += interval_note(kept, shown=bool(below)) if told else []
    canvas.keys += missed(look, values, "every seed was lost")
    return Made(figure=canvas.figure(), data=numbers.table(), alt=_alt(groups))


def _has_several(row: Row, rows: Sequence[Row]) -> bool:
    """Return whether a row's optimizer ran on its problem with another schedule, too."""
    own = (row.title, row.optimizer)
    return any((r.title, r.optimizer) == own and r.schedule != row.schedule for r in rows)


def _text(row: Row | None) -> str:
    if row is None:
        return "n/a"
    if row.final is None:
        return "lost"
    return _number(row.final.center, row)


def _interval(row: Row | None) -> str:
    """Return the interval of an end; nothing below three seeds, or where all ends are one."""
    end = None if row is None else row.final
    if row is None or end is None or end.low is None or end.high is None or end.low == end.high:
        return ""
    return f"[{_number(end.low, row)}, {_number(end.high, row)}]"


def _number(value: float, row: Row) -> str:
    return f"{value:.1e}" if row.measure in LOGARITHMIC else f"{value:.4g}"


def _best(
    label: str, optimizer: str, top: Sequence[str], found: Mapping[Pair, Row]
) -> set[tuple[str, str]]:
    """Return the schedule with the smallest end of one optimizer, if it has several."""
    ends = {
        name: row.final.center
        for name in top
        if (row := found.get((optimizer, name))) is not None and row.final is not None
    }
    return {(label, min(ends, key=lambda name: ends[name]))} if len(ends) > 1 else set()


def _colours(rows: Sequence[Row], found: Mapping[Pair, Row], top: Sequence[str]) -> Array:
    """Return the place of each end between the best, 0, and the worst, 1, of the problem."""
    logarithmic = measure_shown(rows) in LOGARITHMIC
    names = sorted({row.optimizer for row in rows})
    ends = np.full((len(names), len(top)), np.nan)
    for i, optimizer in enumerate(names):
        for j, schedule in enumerate(top):
            row = found.get((optimizer, schedule))
            if row is not None:
                end = np.inf if row.final is None else row.final.center
                ends[i, j] = np.log(max(end, FLOOR)) if logarithmic else end
    finite = ends[np.isfinite(ends)]
    if not len(finite):
        return ends
    return np.asarray((ends - finite.min()) / (np.ptp(finite) or 1.0))


def _note(numbers: Numbers, row: Row) -> None:
    end = row.final
    numbers.add(
        row.title,
        row.optimizer,
        schedule=row.schedule,
        measure=row.measure,
        final=np.nan if end is None else end.center,
        low=None if end is None else end.low,
        high=None if end is None else end.high,
        learning_rate=row.best_lr,
        lost=len(row.best) - (0 if end is None else end.count),
        seeds=len(row.best),
    )


def _alt(groups: Sequence[Sequence[Row]]) -> str:
    parts = []
    for same in groups:
        what = in_words(same, measure_shown(same)).lower()
        ends = [f"{row.optimizer} with {row.schedule} {_text(row)}" for row in same]
        where = "task" if is_learning(same) else "function"
        parts.append(f"Final {what} on the {where} {same[0].title}: {'; '.join(ends)}.")
    return " ".join(parts)
