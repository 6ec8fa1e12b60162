"""From what a recorder saw to results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from optbench.core.problem import Problem
from optbench.core.run import Hit, Run, Status
from optbench.engines.recorder import Logged, Recorder

_COLUMNS = ("value", "gradient_norm", "distance")
_FROM_OUTSIDE = (Status.BUDGET, Status.TIMEOUT, Status.ERROR)


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
        factors: The schedule's factor at each step, shape (T + 1,) or longer.
        engine: `batched` or `step`.
        batch: Name of the batch.
        message: Said of every run that did not end by itself.

    Returns:
        One run a spec, in their order.
    """
    problem, specs = recorder.problem, recorder.specs
    steps = np.array([step for part in recorder.logged for step in part.steps], dtype=np.int64)
    table = {name: np.full((len(steps), len(specs)), np.nan) for name in _COLUMNS}
    points = None
    if specs[0].record_x:
        points = np.full((len(steps), len(specs), problem.facts.dim), np.nan)
    at = 0
    for part in recorder.logged:
        block = (slice(at, at + len(part.steps)), part.rows.cpu().numpy())
        for name in _COLUMNS:
            table[name][block] = getattr(part, name).double().cpu().numpy()
        if points is not None and part.points is not None:
            points[block] = part.points.double().cpu().numpy()
        at += len(part.steps)
    calls = np.array([(c.gradient, c.value, c.hessian_vector) for c in recorder.calls])
    times = np.array(recorder.times)
    facts = problem.facts.scalars()
    hits = recorder.first_hits.cpu().numpy()
    runs = []
    for row, spec in enumerate(specs):
        cut = recorder.cuts[row]
        n = int(np.searchsorted(steps, cut.step, side="right"))
        own = {name: table[name][:n, row] for name in _COLUMNS}
        own_steps, own_points = steps[:n], None if points is None else points[:n, row]
        if cut.logged is not None:
            own_steps, own, own_points = _append(own_steps, own, own_points, cut.logged)
        seconds = np.interp(own_steps, times[:, 0], times[:, 1]) / len(specs)
        f_star = problem.facts.f_star
        gap = own["value"] + (np.nan if f_star is None else problem.shift - f_star)
        curve = {
            "step": own_steps.astype(float),
            "gradient_calls": calls[own_steps, 0],
            "value_calls": calls[own_steps, 1],
            "hvp_calls": calls[own_steps, 2],
            "value": own["value"] + problem.shift,
            "suboptimality": gap,
            "gradient_norm": own["gradient_norm"],
            "distance": own["distance"],
            "lr": hyper[row].get("lr", np.nan) * factors[own_steps],
            "seconds": seconds,
        }
        radius = float(own["distance"][0]) if len(own_steps) else np.nan
        runs.append(
            Run(
                spec=spec,
                status=cut.status,
                message=(message if cut.status in _FROM_OUTSIDE else "") or _warning(gap, problem),
                first_bad_step=cut.first_bad_step,
                curve=curve,
                points=own_points,
                hits=tuple(
                    Hit(target, int(step), float(calls[step, 0]))
                    for target, step in zip(spec.targets, hits[:, row], strict=True)
                    if step >= 0
                ),
                hyper=hyper[row],
                facts=facts | {"radius": None if np.isnan(radius) else radius},
                engine=engine,
                batch=batch,
                seconds=cut.seconds / len(specs),
            )
        )
    return runs


def _append(
    steps: np.ndarray, own: dict[str, np.ndarray], points: np.ndarray | None, end: Logged
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray | None]:
    """Put the last point of a run, which is between two logged steps, at the end of its columns."""
    steps = np.append(steps, end.steps)
    own = {
        name: np.append(values, getattr(end, name).double().cpu().numpy()[:, 0])
        for name, values in own.items()
    }
    if points is not None and end.points is not None:
        points = np.concatenate([points, end.points[:, 0].double().cpu().numpy()])
    return steps, own, points


def _warning(gap: np.ndarray, problem: Problem) -> str:
    """Return a line when f fell below f*, beyond rounding: then f* is wrong."""
    known = gap[np.isfinite(gap)]
    if len(known) and known.min() < -1e-9 * max(known[0], problem.scale):
        return f"f fell below f* by {-known.min():.3g}: f* of this problem is wrong"
    return ""
