"""A curve of somebody else's, and the record that it becomes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.core.run import Hit, Run, Status
from optbench.core.spec import RunSpec, Spec
from optbench.families.settings import TARGETS
from optbench.store.foreign import IMPORTED
from optbench.store.record import Record
from optbench.store.schema import CURVE


@dataclass(frozen=True)
class Point:
    """One row of a file.

    Attributes:
        where: The row, as messages name it: `curves.csv: row 7`.
        columns: Numbers by column of the curve, `step` and `value` among them.
    """

    where: str
    columns: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One run, as its file tells it.

    Attributes:
        problem: What names the problem.
        label: The problem's name for people.
        optimizer: The optimizer with its parameters, the learning rate among them.
        seed: Seed, or number of the repetition.
        points: Its rows, at first in the file's order.
        f_star: The minimum, where the file knows it.
        status: How it ended, where the file says so.
        message: What the reader must know of it.
        environment: What names the file.
    """

    problem: Spec
    label: str
    optimizer: Spec
    seed: int
    points: list[Point] = field(default_factory=list)
    f_star: float | None = None
    status: Status | None = None
    message: str = ""
    environment: Mapping[str, str]


def rate_of(optimizer: Spec) -> float:
    """Return the learning rate of an optimizer; NaN when it has none, or one in words."""
    lr = dict(optimizer.params).get("lr")
    return float(lr) if isinstance(lr, int | float) and not isinstance(lr, bool) else math.nan


def records(curves: Sequence[Curve]) -> list[Record]:
    """Turn curves into records, and check them.

    The curve is cut before the first value that is not finite, which then is how the run ended. A
    target is reached at the first point at or below it. The budget of all runs on a problem is what
    the longest of them spent.

    Args:
        curves: Those of one import.

    Returns:
        One record a curve.

    Raises:
        OptbenchError: For a curve whose steps or evaluations do not rise, or two of one run.
    """
    columns = [_columns(curve) for curve in curves]
    spent: dict[str, float] = {}
    for curve, found in zip(curves, columns, strict=True):
        spent[curve.label] = max(spent.get(curve.label, 1.0), found["gradient_calls"].max())
    created = datetime.now(UTC).isoformat()
    made = [
        _record(curve, found, spent[curve.label], created)
        for curve, found in zip(curves, columns, strict=True)
    ]
    first: dict[str, Curve] = {}
    for record, curve in zip(made, curves, strict=True):
        known = first.setdefault(record.run.spec.digest, curve)
        if known is not curve:
            who = f"{curve.optimizer} on {curve.label}, seed {curve.seed}"
            raise OptbenchError(f"{curve.points[0].where}: {who} is at {known.points[0].where} too")
    return made


def _columns(curve: Curve) -> dict[str, np.ndarray]:
    """Return all columns of a curve by rising step; NaN where one is unknown."""
    points = sorted(curve.points, key=lambda point: point.columns["step"])
    _check(points)
    found = {
        name: np.array([point.columns.get(name, math.nan) for point in points]) for name in CURVE
    }
    if np.isnan(found["suboptimality"]).all() and curve.f_star is not None:
        found["suboptimality"] = found["value"] - curve.f_star
    return found


def _check(points: Iterable[Point]) -> None:
    last: Point | None = None
    for point in points:
        step, calls = point.columns["step"], point.columns["gradient_calls"]
        if not 0 <= step < 2**53 or step != int(step):
            raise OptbenchError(f"{point.where}, step: {step:g} is not a whole number from 0 on")
        if not 0 <= calls < math.inf:
            raise OptbenchError(
                f"{point.where}, gradient_calls: {calls:g} is not a number from 0 on"
            )
        if last is not None and step == last.columns["step"]:
            raise OptbenchError(f"{point.where}, step: {step:g} is at {last.where} too")
        if last is not None and calls < last.columns["gradient_calls"]:
            raise OptbenchError(f"{point.where}, gradient_calls: fewer than at {last.where}")
        last = point


def _record(curve: Curve, columns: Mapping[str, np.ndarray], budget: float, created: str) -> Record:
    bad = np.flatnonzero(~np.isfinite(columns["value"]))
    end = int(bad[0]) if len(bad) else len(columns["step"])
    status, first_bad = curve.status or Status.BUDGET, None
    if len(bad):
        first_bad = int(columns["step"][end])
        lost = Status.NAN if math.isnan(columns["value"][end]) else Status.DIVERGED
        status = curve.status or lost
    kept = {name: values[:end] for name, values in columns.items()} if end else {}
    lr = rate_of(curve.optimizer)
    spec = RunSpec(
        problem=curve.problem,
        optimizer=curve.optimizer,
        budget=budget,
        targets=TARGETS,
        seed=curve.seed,
        record="every",
        label=curve.label,
    )
    run = Run(
        spec=spec,
        status=status,
        message=curve.message,
        first_bad_step=first_bad,
        curve=kept,
        hits=_hits(kept) if kept else (),
        hyper={} if math.isnan(lr) else {"lr": lr},
        facts={"f_star": curve.f_star},
        engine=IMPORTED,
        seconds=float(kept["seconds"][-1]) if kept else math.nan,
    )
    return Record(
        run=run,
        key=_key(run),
        fingerprint=IMPORTED,
        environment=curve.environment,
        created=created,
    )


def _hits(curve: Mapping[str, np.ndarray]) -> tuple[Hit, ...]:
    gap = curve["suboptimality"]
    if not gap[0] > 0:
        return ()
    hits = []
    for target in TARGETS:
        reached = np.flatnonzero(gap <= target * gap[0])
        if len(reached):
            at = int(reached[0])
            hits.append(Hit(target, int(curve["step"][at]), float(curve["gradient_calls"][at])))
    return tuple(hits)


def _key(run: Run) -> str:
    """Return the run's key: SHA-256 of all that the file says of it."""
    whole = hashlib.sha256(f"{IMPORTED}\0{run.spec.to_json()}\0{run.status}\0".encode())
    whole.update(f"{run.message}\0{run.first_bad_step}\0{run.facts['f_star']}".encode())
    for name in CURVE:
        whole.update(np.asarray(run.curve.get(name, ()), dtype="<f8").tobytes())
    return whole.hexdigest()
