"""From what a recorder saw to results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optbench.core.problem import Problem
from optbench.core.run import Hit, Run, Status
from optbench.engines.recorder import Cut, Logged, Recorder

_MEASURES = ("value", "gradient_norm", "distance")
_FROM_OUTSIDE = (Status.BUDGET, Status.TIMEOUT, Status.ERROR, Status.OUT_OF_MEMORY)


@dataclass(frozen=True)
class _Table:
    """The logged steps of a whole batch.

    Attributes:
        steps: Shape (n,).
        measures: Column to array of shape (n, B); NaN where a run had left the stack.
        points: Shape (n, B, d), or None.
        calls: Calls spent to reach every step, shape (T + 1, 3).
        times: Steps and seconds, shape (m, 2).
        hits: Step of each first passage, shape (targets, B); -1 for none.
    """

    steps: np.ndarray
    measures: Mapping[str, np.ndarray]
    points: np.ndarray | None
    calls: np.ndarray
    times: np.ndarray
    hits: np.ndarray


def collect(
    recorder: Recorder,
    *,
    hyper: Sequence[Mapping[str, float]],
    factors: np.ndarray,
    engine: str,
    batch: str,
    message: str = "",
) -> list[Run]:
    """Make the runs of a finished recorder.

    Args:
        recorder: It has a cut for every run.
        hyper: The numbers behind each run's hyperparameters.
        factors: The schedule's factor at each step, shape (T + 1,).
        engine: `batched` or `step`.
        batch: Name of the batch.
        message: Said of every run that did not end by itself.

    Returns:
        One run a spec, in their order.
    """
    problem, table = recorder.problem, _tabulate(recorder)
    facts = problem.facts.scalars()
    runs = []
    for row, (spec, numbers) in enumerate(zip(recorder.specs, hyper, strict=True)):
        cut = recorder.cuts[row]
        steps, measures, points = _own(table, row, cut)
        curve = _curve(problem, table, steps, measures, len(recorder.specs))
        curve["lr"] = numbers.get("lr", np.nan) * factors[steps]
        radius = float(measures["distance"][0]) if len(steps) else np.nan
        runs.append(
            Run(
                spec=spec,
                status=cut.status,
                message=(message if cut.status in _FROM_OUTSIDE else "")
                or _warning(curve["suboptimality"], problem),
                first_bad_step=cut.first_bad_step,
                curve=curve,
                points=points,
                hits=tuple(
                    Hit(target, int(step), float(table.calls[step, 0]))
                    for target, step in zip(spec.targets, table.hits[:, row], strict=True)
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


def _tabulate(recorder: Recorder) -> _Table:
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
    calls = [(c.gradient, c.value, c.hessian_vector) for c in recorder.calls]
    times, hits = np.array(recorder.times), recorder.first_hits.cpu().numpy()
    return _Table(steps, measures, points, np.array(calls), times, hits)


def _own(
    table: _Table, row: int, cut: Cut
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray | None]:
    """Return one run's steps, measures and points, up to where it was cut."""
    n = int(np.searchsorted(table.steps, cut.step, side="right"))
    steps = table.steps[:n]
    measures = {name: column[:n, row] for name, column in table.measures.items()}
    points = None if table.points is None else table.points[:n, row]
    if cut.logged is None:
        return steps, measures, points
    end: Logged = cut.logged
    last = {name: getattr(end, name).double().cpu().numpy()[:, 0] for name in measures}
    measures = {name: np.append(column, last[name]) for name, column in measures.items()}
    if points is not None and end.points is not None:
        points = np.concatenate([points, end.points[:, 0].double().cpu().numpy()])
    return np.append(steps, end.steps), measures, points


def _curve(
    problem: Problem,
    table: _Table,
    steps: np.ndarray,
    measures: Mapping[str, np.ndarray],
    rows: int,
) -> dict[str, np.ndarray]:
    """Return a trajectory's columns, all but the learning rate."""
    calls = table.calls[steps]
    f_star = np.nan if problem.facts.f_star is None else problem.facts.f_star
    return {
        "step": steps.astype(np.float64),
        "gradient_calls": calls[:, 0],
        "value_calls": calls[:, 1],
        "hvp_calls": calls[:, 2],
        "value": measures["value"] + problem.shift,
        "suboptimality": measures["value"] + (problem.shift - f_star),
        "gradient_norm": measures["gradient_norm"],
        "distance": measures["distance"],
        "seconds": np.interp(steps, table.times[:, 0], table.times[:, 1]) / rows,
    }


def _warning(gap: np.ndarray, problem: Problem) -> str:
    """Return a line when f fell below f*, beyond rounding: then f* is wrong."""
    known = gap[np.isfinite(gap)]
    if len(known) and known.min() < -1e-9 * max(known[0], problem.scale):
        return f"f fell below f* by {-known.min():.3g}: f* of this problem is wrong"
    return ""
