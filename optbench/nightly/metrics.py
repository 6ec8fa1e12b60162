"""From what was run to rows: the exact metrics of runs, claims and implementations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbench.core.run import Run, Status
from optbench.core.target import SUBOPTIMALITY, Target
from optbench.nightly.history import Curve
from optbench.nightly.record import Key, Row, Value, digest, strict

if TYPE_CHECKING:
    from optbench.conformance.battery import Conformance
    from optbench.theory.verify import Row as Checked

STEPS_TO_TARGET = "steps_to_target"
"""The metric of a run's hardest target; `steps_to_target@1e-02` and so on are those of the others.
None where it was not reached."""

FINAL = "final_"
"""How the metrics of the last point begin: `final_suboptimality`, absolute, not over the start."""

THEORY, CONFORMANCE, STEP = "theory", "conformance", "step"
"""What stands in the place of the problem in the keys of claims, implementations, and steps."""

POINTS, DIGITS = 100, 6
"""What is kept of a curve."""

ROUNDINGS = 64
"""Machine epsilons, relative to the start, below which a measure is taken for rounding error."""


class Asked(NamedTuple):
    """What names a run in a suite.

    Attributes:
        problem: The problem's name, with the seed where it is not 0.
        optimizer: The optimizer as the suite writes it, without defaults that are its own business.
        schedule: The schedule.
        definition: Names all that was asked for.
    """

    problem: str
    optimizer: str
    schedule: str
    definition: str


def rows_of_run(asked: Asked, run: Run, others: Sequence[Run], curve: str) -> list[Row]:
    """Return the rows of a run.

    Args:
        asked: What it is called.
        run: The run.
        others: The same run with other rounding.
        curve: Name of its curve.

    Returns:
        A row a metric.
    """
    moved = [exact_metrics(other) for other in others]
    floor = _floor(run)
    return [
        Row(
            key=Key(asked.problem, asked.optimizer, asked.schedule, metric),
            value=value,
            definition=asked.definition,
            spread=tuple(other.get(metric) for other in moved),
            floor=floor if metric.startswith(FINAL) else 0.0,
            curve=curve,
        )
        for metric, value in exact_metrics(run).items()
    ]


def exact_metrics(run: Run) -> dict[str, Value]:
    """Return what a run is compared by; lower is better of every number.

    Args:
        run: The run.

    Returns:
        Metric to value. Calls are told of runs that ended in order, since who diverges early calls
        little; the measure at the end of those that used up their budget, since who stops at a
        target is told by the steps to it.
    """
    found: dict[str, Value] = {"status": run.status.value}
    targets = run.spec.targets
    for target in targets:
        hit = run.hit(target)
        label = "" if target == targets[-1] else f"@{Target(SUBOPTIMALITY, target).label}"
        found[f"{STEPS_TO_TARGET}{label}"] = None if hit is None else hit.step
    if run.status in (Status.CONVERGED, Status.BUDGET):
        for calls in ("gradient_calls", "value_calls", "hvp_calls"):
            found[calls] = strict(run.last(calls))
    if run.status is Status.BUDGET:
        measure, values = _measure(run)
        found[f"{FINAL}{measure}"] = strict(values[-1]) if len(values) else None
    size = run.facts.get("state_bytes")
    if size is not None:
        found["state_bytes"] = strict(size)
    return found


def _measure(run: Run) -> tuple[str, Sequence[float]]:
    """Return the name and the curve of what a run is judged by; `value` where that is unknown."""
    measure = run.spec.target_measure
    if measure == "error" and "validation_accuracy" in run.trained:
        return measure, [1 - score for score in run.trained["validation_accuracy"].tolist()]
    values = run.curve.get(measure)
    if values is None or not len(values) or math.isnan(values[0]):
        measure, values = "value", run.curve.get("value", np.empty(0))
    return measure, values.tolist()


def _floor(run: Run) -> float:
    _, values = _measure(run)
    sizes = [*values[:1], *run.curve.get("value", np.empty(0))[:1], run.facts.get("f_star") or 0.0]
    finite = [abs(size) for size in sizes if math.isfinite(size)]
    precision = float(np.finfo(run.spec.dtype).eps)
    return ROUNDINGS * precision * max(finite, default=0.0)


def curve_of(run: Run) -> Curve:
    """Return what a page draws of a run: `step`, `gradient_calls` and its measure, thinned."""
    measure, values = _measure(run)
    count = len(values)
    if not count:
        return {"step": [], "gradient_calls": [], measure: []}
    spaced = np.unique(np.geomspace(1, count, min(POINTS, count)).round().astype(int)) - 1
    columns = {name: run.curve[name].tolist() for name in ("step", "gradient_calls")}
    columns[measure] = list(values)
    return {
        name: [strict(float(f"{column[place]:.{DIGITS}g}")) for place in spaced]  # type: ignore[misc]
        for name, column in columns.items()
    }


def rows_of_claims(text: str, checked: Iterable[Checked]) -> list[Row]:
    """Return a row a claim, its verdict.

    Args:
        text: What the suite says, after which the series are defined.
        checked: What came out.
    """
    _, _, optimizer = text.partition(" with ")
    return [
        Row(
            key=Key(THEORY, row.optimizer or "-", "", row.claim.id),
            value=str(row.finding.verdict),
            definition=digest([row.claim.id, optimizer]),
        )
        for row in checked
    ]


def row_of_conformance(text: str, found: Conformance) -> Row:
    """Return the row of an implementation: `conforms`, or in which checks it deviates."""
    checks = ", ".join(sorted({row.check for row in found.deviations}))
    return Row(
        key=Key(CONFORMANCE, found.name, "", f"conforms to {found.equation}"),
        value=f"{DEVIATES}{checks}" if checks else "conforms",
        definition=digest(text),
    )


DEVIATES = "deviates in "
"""How the value of an implementation begins that is not its equation."""
