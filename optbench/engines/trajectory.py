"""From what a recorder saw to results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optbench.core.problem import Problem
from optbench.core.run import DETERMINED, MEASURED, Hit, Run, Status
from optbench.engines.recorder import Recorder

_MEASURES = ("value", "gradient_norm", "distance")
_FROM_OUTSIDE = (Status.BUDGET, Status.TIMEOUT, Status.ERROR, Status.OUT_OF_MEMORY)


@dataclass(frozen=True)
class _Table:
    """The logged steps of a whole batch.

    Attributes:
        steps: Shape (n,).
        shared: Columns that all runs have in common, each of shape (n,).
        measures: Column to array of shape (n, B); NaN where a run had left the stack.
        points: Shape (n, B, d), or None.
    """

    steps: np.ndarray
    shared: Mapping[str, np.ndarray]
    measures: Mapping[str, np.ndarray]
    points: np.ndarray | None


def collect(
    recorder: Recorder,
    *,
    hyper: Sequence[Mapping[str, float]],
    factors: np.ndarray,
    engine: str,
    batch: str,
    message: str = "",
    state_bytes: float | None = None,
) -> list[Run]:
    """Make the runs of a finished recorder.

    Args:
        recorder: It has a cut for every run.
        hyper: The numbers behind each run's hyperparameters.
        factors: The schedule's factor at each step, shape (T + 1,).
        engine: `batched` or `step`.
        batch: Name of the batch.
        message: Said of every run that did not end by itself.
        state_bytes: Size of the optimizer's state, in bytes per variable, where it is known.

    Returns:
        One run a spec, in their order.
    """
    problem, table = recorder.problem, _tabulate(recorder, factors)
    online = problem.stream is not None or problem.project is not None
    facts = problem.facts.scalars() | {"state_bytes": state_bytes, "online": online}
    hits = recorder.first_hits.cpu().numpy()
    f_star = np.nan if problem.facts.f_star is None else problem.facts.f_star
    runs = []
    for row, (spec, numbers) in enumerate(zip(recorder.specs, hyper, strict=True)):
        cut = recorder.cuts[row]
        curve, points = _curve(recorder, table, row, factors)
        curve["suboptimality"] = curve["value"] + (problem.shift - f_star)
        curve["value"] = curve["value"] + problem.shift
        curve["lr"] = numbers.get("lr", np.nan) * curve["lr"]
        radius = float(curve["distance"][0]) if cut.step >= 0 else np.nan
        runs.append(
            Run(
                spec=spec,
                status=cut.status,
                message=(message if cut.status in _FROM_OUTSIDE else "")
                or _warning(curve["suboptimality"], problem),
                first_bad_step=cut.first_bad_step,
                curve={name: curve[name] for name in (*DETERMINED, *MEASURED)},
                points=points,
                hits=tuple(
                    Hit(target, int(step), recorder.calls[step].gradient)
                    for target, step in zip(spec.targets, hits[:, row], strict=True)
                    if step >= 0
                ),
                hyper=numbers,
                facts=facts | {"radius": None if np.isnan(radius) else radius},
                engine=engine,
                batch=batch,
                seconds=cut.seconds / len(recorder.specs),
            )
        )
    return runs


def _tabulate(recorder: Recorder, factors: np.ndarray) -> _Table:
    count = len(recorder.specs)
    steps = np.array([step for part in recorder.logged for step in part.steps], dtype=np.int64)
    measures = {name: np.full((len(steps), count), np.nan) for name in _MEASURES}
    points = None
    if recorder.specs[0].record_x:
        points = np.full((len(steps), count, recorder.problem.facts.dim), np.nan)
    at = 0
    for part in recorder.logged:
        block = (slice(at, at + len(part.steps)), part.rows.cpu().numpy())
        for name in _MEASURES:
            measures[name][block] = getattr(part, name).double().cpu().numpy()
        if points is not None and part.points is not None:
            points[block] = part.points.double().cpu().numpy()
        at += len(part.steps)
    return _Table(steps, _shared(recorder, steps, factors), measures, points)


def _shared(recorder: Recorder, steps: np.ndarray, factors: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns that the step alone decides; `lr` is the schedule's factor."""
    calls = [recorder.calls[step] for step in steps]
    ends, seconds = np.array(recorder.times).T
    return {
        "step": steps.astype(np.float64),
        "gradient_calls": np.array([c.gradient for c in calls], dtype=np.float64),
        "value_calls": np.array([c.value for c in calls], dtype=np.float64),
        "hvp_calls": np.array([c.hessian_vector for c in calls], dtype=np.float64),
        "lr": factors[steps],
        "seconds": np.interp(steps, ends, seconds) / len(recorder.specs),
    }


def _curve(
    recorder: Recorder, table: _Table, row: int, factors: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return one run's columns and points, up to where it was cut."""
    cut = recorder.cuts[row]
    n = int(np.searchsorted(table.steps, cut.step, side="right"))
    curve = {name: column[:n] for name, column in table.shared.items()}
    curve |= {name: column[:n, row] for name, column in table.measures.items()}
    points = None if table.points is None else table.points[:n, row]
    end = cut.logged
    if end is None:
        return curve, points
    last = _shared(recorder, np.array(end.steps), factors)
    last |= {name: getattr(end, name).double().cpu().numpy()[:, 0] for name in _MEASURES}
    curve = {name: np.append(column, last[name]) for name, column in curve.items()}
    if points is not None and end.points is not None:
        points = np.concatenate([points, end.points[:, 0].double().cpu().numpy()])
    return curve, points


def _warning(gap: np.ndarray, problem: Problem) -> str:
    """Return a line when f fell below f*, beyond rounding: then f* is wrong."""
    known = gap[np.isfinite(gap)]
    if len(known) and known.min() < -1e-9 * max(known[0], problem.scale):
        return f"f fell below f* by {-known.min():.3g}: f* of this problem is wrong"
    return ""
