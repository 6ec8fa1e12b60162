"""A first-order method as numbers: where it takes gradients and where it goes, probed by running.

The coefficients are read off a run in the harness, on gradients that are the unit vectors one after
another: what the engine, the schedule and the optimizer do with them is all in the points visited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Optimizer, UpdateRule, missing
from optbench.core.problem import Facts, Problem
from optbench.core.run import Run, Status
from optbench.core.spec import RunSpec
from optbench.engines.batched import run_batched
from optbench.engines.execute import schedule_factors
from optbench.engines.step import run_step
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.tuning import resolve_tunings
from optbench.request import Request, expand

Array = NDArray[np.float64]

LARGE = 1e6
"""Size of the gradients of the second probe: linear methods do not see it, clipping does."""

RTOL = 1e-9
"""Rounding of a few hundred steps; a rule that is not linear is off by far more."""


@dataclass(frozen=True)
class StepCoefficients:
    """A method whose points are fixed linear combinations of the gradients g_0, g_1, ...

    Attributes:
        queries: Lower triangular with zero diagonal, shape (n, n), float64: g_i is the gradient at
            x_0 - sum_j queries[i, j] g_j.
        points: Shape (T + 1, n), float64: x_t = x_0 - sum_j points[t, j] g_j.
    """

    queries: Array
    points: Array


def smooth_functions(smoothness: float = 1.0, strong_convexity: float = 0.0) -> Facts:
    """Return what is known of a convex function with constants mu <= L, and of no other."""
    return Facts(dim=1, smoothness=smoothness, strong_convexity=strong_convexity, convex=True)


def step_coefficients(
    optimizer: str, steps: int, facts: Facts | None = None, *, schedule: str = "constant"
) -> StepCoefficients:
    """Probe an optimizer for its coefficients.

    Args:
        optimizer: Its text, such as `gd:lr=1.5/L`: an update rule, a class of torch, or a user's.
        steps: Number of steps T, at least 1.
        facts: The functions that it is meant for, from which tunings take their numbers; smooth
            convex ones with L = 1 unless given.
        schedule: A schedule's text.

    Returns:
        The coefficients.

    Raises:
        OptbenchError: When a text is wrong or stands for several runs, the optimizer needs what
            is not known of all functions of the class, or its points are no fixed linear
            combination of the gradients (Adam, signs, clipping, weight decay).
    """
    if steps < 1:
        raise OptbenchError(f"steps must be at least 1, got {steps}")
    asked = Request(
        problems=("huber",),
        optimizers=(optimizer,),
        schedules=(schedule,),
        targets=(),
        record="every",
        record_x=True,
    )
    specs = expand(asked)
    if len(specs) != 1:
        raise OptbenchError(f"{optimizer} stands for {len(specs)} runs where one is needed")
    found = find_optimizer(specs[0].optimizer.name)
    cost = found.gradients_per_step if isinstance(found, UpdateRule) else 1.0
    return probe(found, replace(specs[0], budget=float(steps * cost)), facts or smooth_functions())


def probe(optimizer: Optimizer, spec: RunSpec, facts: Facts) -> StepCoefficients:
    """Probe an optimizer for its coefficients; see `step_coefficients`.

    Args:
        optimizer: What is run.
        spec: Its parameters, schedule and budget; every point is recorded.
        facts: The functions that it is meant for.

    Returns:
        The coefficients.

    Raises:
        OptbenchError: When the points are no fixed linear combination of the gradients.
    """
    name, n = spec.optimizer.name, round(spec.budget)
    basis = np.eye(n + 1)
    queries, points = _follow(optimizer, spec, facts, basis)
    if not np.allclose(np.vstack([queries, points])[:, 0], 1, rtol=0, atol=RTOL):
        raise OptbenchError(f"{name} depends on where the origin is, so it has no certificate")
    found = StepCoefficients(-queries[:, 1 : len(queries) + 1], -points[:, 1 : len(queries) + 1])
    random = LARGE * np.random.default_rng(0).standard_normal((n + 1, n + 1))
    for by_basis, seen in zip(
        (queries, points), _follow(optimizer, spec, facts, random), strict=True
    ):
        expected = by_basis @ random
        if (
            seen.shape != expected.shape
            or np.abs(seen - expected).max() > RTOL * np.abs(seen).max()
        ):
            raise OptbenchError(
                f"{name} is no fixed linear combination of gradients, so it has no certificate"
            )
    return found


def _follow(
    optimizer: Optimizer, spec: RunSpec, facts: Facts, vectors: Array
) -> tuple[Array, Array]:
    """Run from the first vector on gradients that are the others; return queries and points."""
    asked: list[Tensor] = []
    shown = torch.from_numpy(vectors)

    def gradient(x: Tensor, t: int) -> Tensor:
        del t
        asked.append(x.detach()[0].clone())
        return shown[len(asked)].expand_as(x).clone()

    problem = Problem(
        facts=replace(facts, dim=len(vectors)),
        start=lambda seed: shown[0].clone(),
        oracle=lambda x: (torch.zeros_like(x[:, 0]), torch.zeros_like(x)),
        stream=gradient,
    )
    run = _run(optimizer, spec, problem)
    assert run.points is not None
    return torch.stack(asked).numpy(), run.points


def _run(optimizer: Optimizer, spec: RunSpec, problem: Problem) -> Run:
    """Run to the end of the budget, or raise what kept it from getting there."""
    name = spec.optimizer.name
    hyper, reason = resolve_tunings(dict(spec.optimizer.params), problem.facts)
    reason = missing(name, optimizer.needs, problem) or (reason and f"{name}: {reason}")
    if reason:
        raise OptbenchError(reason)
    factors = schedule_factors(spec, steps := _steps(optimizer, spec))
    if isinstance(optimizer, UpdateRule):
        numbers = {key: float(v) for key, v in hyper.items() if not isinstance(v, str)}
        run = run_batched(problem, optimizer, [spec], [numbers], factors)[0][0]
    else:
        run = run_step(problem, optimizer, spec, hyper, factors)[0]
    if run.status is not Status.BUDGET or run.last("step") != steps:
        spent = "it needs more than one gradient a step"
        why = spent if run.status is Status.BUDGET else run.message or run.status
        raise OptbenchError(f"{name} ended before step {steps}: {why}")
    if run.points is None or not np.isfinite(run.points).all():
        raise OptbenchError(f"{name} goes to points that are not finite")
    return run


def _steps(optimizer: Optimizer, spec: RunSpec) -> int:
    cost = optimizer.gradients_per_step if isinstance(optimizer, UpdateRule) else 1.0
    return round(spec.budget / cost)
