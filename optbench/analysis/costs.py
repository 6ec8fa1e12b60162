"""What optimizers cost: time, oracle calls and memory a step, and the time to a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from optbench.analysis.contest import Contest, contest
from optbench.analysis.statistics import Estimate, geometric_mean
from optbench.analysis.summary import Row
from optbench.core.run import Run


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an optimizer costs at its best learning rate.

    Attributes:
        name: The entrant.
        seconds_per_step: Geometric mean over seeds; of several problems that of their means. None
            where no run tells; without an interval if `batched`, as the seeds of a batch share one
            time.
        gradient_calls_per_step: Gradient evaluations a step, median over runs; NaN if unknown.
        value_calls_per_step: Evaluations of f alone, likewise.
        hvp_calls_per_step: Hessian products, likewise.
        state_bytes: Size of the optimizer's state in bytes a variable, likewise.
        seconds_to_target: Time to the problem's target (`Contest.target`), as `seconds_per_step`;
            None unless every seed reaches it, on every problem that has one.
        batched: Whether the time is amortised: that of a batch divided by its runs, some or all.
    """

    name: str
    seconds_per_step: Estimate | None
    gradient_calls_per_step: float
    value_calls_per_step: float
    hvp_calls_per_step: float
    state_bytes: float
    seconds_to_target: Estimate | None
    batched: bool


def costs(rows: Iterable[Row]) -> list[Cost]:
    """Return what each entrant costs.

    Args:
        rows: Rows of one title or of several.

    Returns:
        One item a name, in the order in which the names first come.
    """
    rows = list(rows)
    arranged = contest(rows)
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return [_cost(name, own, arranged) for name, own in by_name.items()]


def _cost(name: str, rows: Sequence[Row], arranged: Contest) -> Cost:
    runs = [run for row in rows for run in row.best if run.last("step") > 0]
    to_target = [(row, arranged.target(row.title)) for row in rows]
    batched = any(run.engine == "batched" for run in runs)
    per_step = _typical([[_seconds_per_step(run) for run in row.best] for row in rows])
    whole = _typical(
        [
            [_seconds_to(run, target) for run in row.best]
            for row, target in to_target
            if target is not None
        ],
        all_needed=True,
    )
    return Cost(
        name=name,
        seconds_per_step=per_step.without_interval() if batched and per_step else per_step,
        gradient_calls_per_step=_per_step(runs, "gradient_calls"),
        value_calls_per_step=_per_step(runs, "value_calls"),
        hvp_calls_per_step=_per_step(runs, "hvp_calls"),
        state_bytes=_median(runs, lambda run: run.facts.get("state_bytes")),
        seconds_to_target=whole.without_interval() if batched and whole else whole,
        batched=batched,
    )


def _per_step(runs: Sequence[Run], column: str) -> float:
    return _median(runs, lambda run: run.last(column) / run.last("step"))


def _median(runs: Sequence[Run], fact: Callable[[Run], float | None]) -> float:
    values = [value for run in runs if (value := fact(run)) is not None and np.isfinite(value)]
    return median(values) if values else np.nan


def _seconds_per_step(run: Run) -> float:
    steps = run.last("step")
    return run.seconds / steps if steps > 0 else np.nan


def _seconds_to(run: Run, target: float) -> float:
    """Return the time at which a target was reached, by interpolation between recorded steps."""
    hit, seconds = run.hit(target), run.curve.get("seconds")
    if hit is None or seconds is None:
        return np.nan
    return float(np.interp(hit.step, run.curve["step"], seconds))


def _typical(times: Sequence[Sequence[float]], *, all_needed: bool = False) -> Estimate | None:
    """Return the geometric mean of times over the seeds of one problem, or over problems.

    Seeds of one problem go together: several problems are as many values, not problems x seeds.
    """
    known = [[time for time in seeds if time > 0] for seeds in times]
    if all_needed and [len(seeds) for seeds in known] != [len(seeds) for seeds in times]:
        return None
    known = [seeds for seeds in known if seeds]
    if not known:
        return None
    if len(known) == 1:
        return geometric_mean(known[0])
    return geometric_mean([geometric_mean(seeds).center for seeds in known])
