"""What optimizers cost: time, oracle calls and memory a step, and time to the target."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from optbench.analysis.costs import Cost
from optbench.analysis.costs import costs as cost_of
from optbench.analysis.statistics import Estimate
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.report.tables.table import Cell, Form, Mark, Table

AMORTISED = "‡"
"""After a time that is a batch's divided by its runs."""

_COUNTS = {
    "gradients/step": "gradient_calls_per_step",
    "values/step": "value_calls_per_step",
    "Hv/step": "hvp_calls_per_step",
    "bytes/variable": "state_bytes",
}
_TIMES = {"s/step": "seconds_per_step", "s to target": "seconds_to_target"}


def costs(rows: Sequence[Row]) -> Table:
    """Tabulate costs by optimizer, of one problem or over several.

    Args:
        rows: Rows of `summarize`.

    Returns:
        The table.
    """
    found = sorted(cost_of(rows), key=lambda cost: cost.name)
    ran: dict[str, set[str]] = {}
    for row in rows:
        ran.setdefault(row.name, set()).add(row.title)
    alike = len({frozenset(titles) for titles in ran.values()}) == 1
    best = {name: _least(found, attribute) if alike else None for name, attribute in _TIMES.items()}
    problems = sorted({row.title for row in rows})
    over = "its seeds"
    if len(problems) > 1:
        over = f"{len(problems)} problems of each one's geometric mean over its seeds"
    have_interval = any(time.low is not None for cost in found if (time := cost.seconds_per_step))
    interval = ", with the 95% t-interval of the logarithm" if have_interval else ""
    where = f" on {printable(problems[0])}" if len(problems) == 1 else ""
    notes = ["A time to target is there where every seed reaches the target of every problem."]
    if not alike:
        notes.append("Not all ran on the same problems: each mean is over an optimizer's own.")
    if any(cost.batched for cost in found):
        notes.append(
            f"{AMORTISED}: amortised, the time of a batch divided by its runs, so that its seeds "
            "share one time and there is no interval; compare it with times of one run alone, as "
            "those of torch's classes, in its magnitude only."
        )
    return Table(
        kind="costs",
        caption=f"What an optimizer costs{where} at its best learning rate: seconds as geometric "
        f"mean over {over}{interval}; gradients, values, Hessian products (Hv) and bytes of state "
        "as median over all runs.",
        corner="optimizer",
        columns=(*list(_TIMES)[:1], *_COUNTS, *list(_TIMES)[1:]),
        rows=tuple((printable(cost.name), _cells(cost, best)) for cost in found),
        notes=tuple(notes),
        said="{best}: the least time.",
        records=tuple(map(_record, found)),
    )


def _least(found: Sequence[Cost], attribute: str) -> float | None:
    """Return the smallest time, of those that may be compared: all amortised, or none."""
    if len({cost.batched for cost in found}) > 1 or len(found) < 2:
        return None
    times = [time.center for cost in found if (time := getattr(cost, attribute)) is not None]
    return min(times, default=None)


def _cells(cost: Cost, best: dict[str, float | None]) -> tuple[Cell, ...]:
    first, last = (
        _time(getattr(cost, attribute), best[name], cost.batched)
        for name, attribute in _TIMES.items()
    )
    return first, *(_count(getattr(cost, attribute)) for attribute in _COUNTS.values()), last


def _time(time: Estimate | None, best: float | None, batched: bool) -> Cell:
    if time is None:
        return Cell(words="—")
    mark = Mark.BEST if time.center == best else Mark.NONE
    words = AMORTISED if batched else ""
    return Cell(value=time.center, low=time.low, high=time.high, words=words, mark=mark)


def _count(value: float) -> Cell:
    return Cell(value=value, form=Form.COUNT) if isfinite(value) else Cell(words="—")


def _record(cost: Cost) -> dict[str, object]:
    record: dict[str, object] = {"optimizer": cost.name}
    for attribute in _TIMES.values():
        time: Estimate | None = getattr(cost, attribute)
        record[attribute] = None if time is None else time.center
        record[f"{attribute}_low"] = None if time is None else time.low
        record[f"{attribute}_high"] = None if time is None else time.high
    record |= {attribute: getattr(cost, attribute) for attribute in _COUNTS.values()}
    return record | {"batched": cost.batched}
