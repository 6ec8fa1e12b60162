"""Probes: what an optimizer's own step does to chosen states, without an estimate in between.

On a quadratic a method such as heavy ball is a linear map of (x, state), mode by mode. Fed the
basis states, the step itself gives the matrix; its spectral radius is the rate, to the last digits.
A class in torch's form shows no state: there the linear recurrence that its points obey takes the
place of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor

from optbench.core.optimizer import Gradients, State, UpdateRule, without_gradient_parameters
from optbench.core.problem import Facts, Problem
from optbench.core.spec import Spec
from optbench.engines.execute import run_batch
from optbench.engines.oracle import BatchOracle
from optbench.engines.planner import Batch
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.tuning import resolve_tunings
from optbench.theory.setting import LackingError, Setting

Array = NDArray[np.float64]

MEMORY = 3
"""Largest order of a recurrence that is looked for in a trajectory."""


class ProbeError(Exception):
    """What was probed does not behave as its claim takes for granted; the message says how."""


def rule_of(optimizer: Spec) -> UpdateRule:
    """Return an optimizer's update rule.

    Raises:
        LackingError: When it is a class that keeps its state to itself.
    """
    found = find_optimizer(optimizer.name)
    if not isinstance(found, UpdateRule):
        raise LackingError(f"{optimizer.name} shows neither its equation nor its state")
    return found


def hyper_of(optimizer: Spec, facts: Facts | None = None) -> dict[str, float]:
    """Return the numbers of an optimizer's own hyperparameters, tunings resolved.

    Raises:
        LackingError: When a tuning needs a fact that is not there.
    """
    own = without_gradient_parameters(dict(optimizer.params))
    numbers, lacking = resolve_tunings(own, facts or Facts(dim=1))
    if lacking:
        raise LackingError(f"{optimizer.name}: {lacking}")
    return {key: value for key, value in numbers.items() if not isinstance(value, str)}


def take_step(
    optimizer: Spec,
    problem: Problem,
    x: Tensor,
    state: State | None = None,
    *,
    t: int = 0,
    horizon: int = 0,
    **hyper: float | Tensor,
) -> tuple[Tensor, State]:
    """Take one step of an update rule, as the engine does.

    Args:
        optimizer: A complete spec.
        problem: What is minimised.
        x: Points, (B, d).
        state: What the rule remembers; its state before the first step unless given.
        t: The zero-based step.
        horizon: Steps of the run.
        **hyper: In the place of the spec's own: numbers, or tensors (B, 1).

    Returns:
        Points and state after the step.

    Raises:
        LackingError: When the optimizer is no update rule.
    """
    rule = rule_of(optimizer)
    shown = Gradients.of(dict(optimizer.params))
    oracle = BatchOracle(problem, [0] * len(x), shown, x, horizon=horizon)
    oracle.begin(t)
    state = rule.init(x, oracle.layout) if state is None else state
    values = hyper_of(optimizer, problem.facts) | hyper
    with torch.no_grad():
        return rule.step(x, state, oracle, t, **values)


def one_mode(curvature: float, facts: Facts | None = None) -> Problem:
    """Return curvature x^2/2 in one variable, as a mode of a quadratic with these facts."""
    return Problem(
        facts=facts or Facts(dim=1, smoothness=curvature, strong_convexity=curvature),
        start=lambda seed: torch.ones(1, dtype=torch.float64),
        oracle=lambda x: (0.5 * curvature * (x * x).sum(-1), curvature * x),
        hessian_vector=lambda x, v: curvature * v,
    )


def step_matrix(
    optimizer: Spec, curvature: float, *, t: int = 1, facts: Facts | None = None
) -> Array:
    """Return the matrix of one step on a mode, (1 + m, 1 + m) for m state tensors: s+ = M s.

    Args:
        optimizer: A complete spec of a rule whose step is linear on quadratics.
        curvature: The mode's second derivative.
        t: The zero-based step.
        facts: L and mu of the whole quadratic, for tunings such as `polyak`.

    Raises:
        LackingError: When the optimizer is no update rule.
        ProbeError: When its step is not linear.
    """
    problem = one_mode(curvature, facts)
    size = 1 + len(rule_of(optimizer).init(torch.zeros(1, 1, dtype=torch.float64), problem.layout))
    basis = torch.eye(size, dtype=torch.float64)
    # The last row is a sum of basis states with other weights: it shows whether the map is linear.
    weights = torch.arange(1.0, size + 1, dtype=torch.float64)[None]
    x, *state = torch.split(torch.cat([basis, weights]), 1, dim=1)
    x_next, state_next = take_step(optimizer, problem, x, tuple(state), t=t)
    after = torch.cat([x_next, *state_next], dim=1)
    matrix: Array = after[:-1].T.numpy()
    if not np.allclose(matrix @ weights[0].numpy(), after[-1].numpy(), rtol=1e-9, atol=1e-12):
        raise ProbeError(f"a step of {optimizer.name} is not linear in point and state")
    return matrix


def spectral_radius(
    optimizer: Spec, curvature: float, *, t: int = 1, facts: Facts | None = None
) -> float:
    """Return the factor per step at which a mode shrinks in the long run.

    It is the spectral radius of `step_matrix`; for a class without a visible state the largest root
    of the recurrence that its points obey.

    Args:
        optimizer: A complete spec.
        curvature: The mode's second derivative.
        t: The zero-based step.
        facts: L and mu of the whole quadratic, for tunings.

    Raises:
        ProbeError: When there is no such recurrence.
    """
    if isinstance(find_optimizer(optimizer.name), UpdateRule):
        matrix = step_matrix(optimizer, curvature, t=t, facts=facts)
        return float(np.abs(np.linalg.eigvals(matrix)).max())
    modes = facts or Facts(dim=1, smoothness=curvature, strong_convexity=curvature)
    numbers = dict(optimizer.params) | hyper_of(optimizer, modes)
    return recurrence_radius(trajectory(Spec.of(optimizer.name, numbers), curvature))


def crossing(excess: Callable[[float], float], low: float, high: float) -> float:
    """Return where a probed quantity passes through zero, to the last digits.

    Args:
        excess: The quantity, negative at one end and positive at the other.
        low: One end.
        high: The other.

    Raises:
        ProbeError: When it has the same sign at both ends.
    """
    ends = excess(low), excess(high)
    if not ends[0] * ends[1] < 0:
        raise ProbeError(f"no boundary between {low:g} and {high:g}")
    return float(brentq(excess, low, high, xtol=1e-15 * low, rtol=8.9e-16))


def trajectory(optimizer: Spec, curvature: float, steps: int = 2 * MEMORY + 6) -> Array:
    """Return x_0 to x_T of a run through the harness on curvature x^2/2 from 1, shape (T + 1,).

    Raises:
        ProbeError: When the run fails.
    """
    problem = f"parabola:curvature={float(curvature)!r}"
    named = Setting(claim="").run(problem, "gd:lr=1", steps=steps, points=True)
    spec = replace(named, optimizer=optimizer)
    (run,) = run_batch(Batch("step", (spec,))).runs
    if run.points is None or len(run.points) <= steps:
        why = f": {run.message}" if run.message else ""
        raise ProbeError(f"{optimizer.name} ended as {run.status} in the steps of a probe{why}")
    points: Array = run.points[:, 0]
    return points


def recurrence_radius(x: Array) -> float:
    """Return the largest root's modulus of the shortest linear recurrence that a sequence obeys.

    x_(t+m) = c_1 x_(t+m-1) + ... + c_m x_t, the smallest m <= `MEMORY` that fits to 1e-9 (Prony
    1795).

    Args:
        x: The sequence, at least 2 `MEMORY` + 2 numbers.

    Raises:
        ProbeError: When no such recurrence fits.
    """
    for order in range(1, MEMORY + 1):
        rows = np.lib.stride_tricks.sliding_window_view(x, order + 1)
        past, now = rows[:, :-1], rows[:, -1]
        coefficients, *_ = np.linalg.lstsq(past, now, rcond=None)
        if np.abs(past @ coefficients - now).max() <= 1e-9 * np.abs(x).max():
            roots = np.roots([1.0, *(-coefficients[::-1])])
            return float(np.abs(roots).max())
    raise ProbeError(f"the points obey no linear recurrence of order {MEMORY} or less")
