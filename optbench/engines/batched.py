"""The batched engine: one update rule advances a whole stack of runs as one tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from optbench.core.optimizer import Gradients, State, UpdateRule
from optbench.core.problem import Problem
from optbench.core.run import Run, Status
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec
from optbench.engines.columns import Columns, columns, keep_rows, momentum_of, with_exclusions
from optbench.engines.oracle import BatchOracle, measure
from optbench.engines.recorder import Recorder, Span
from optbench.engines.trajectory import collect
from optbench.optimizers.foreign.memory import bytes_of


def run_batched(
    problem: Problem,
    rule: UpdateRule,
    specs: Sequence[RunSpec],
    hyper: Sequence[Mapping[str, float]],
    factors: Factors,
    *,
    batch: str = "",
    timeout: float = math.inf,
) -> tuple[list[Run], Span]:
    """Advance runs that differ in seeds and hyperparameters only.

    Args:
        problem: What they minimise.
        rule: The update rule.
        specs: The runs; same problem, optimizer, schedule, budget, targets, dtype and device.
        hyper: The numbers behind each run's hyperparameters.
        factors: What the schedule says of each step.
        batch: Name of the batch.
        timeout: Seconds after which the batch stops where it is.

    Returns:
        One result a spec, in their order, and when the engine started and ended.
    """
    options, horizon = dict(specs[0].optimizer.params), len(factors.lr) - 1
    x = _starts(problem, specs)
    layout = with_exclusions(problem.layout, options)
    seeds, shown = [spec.seed for spec in specs], Gradients.of(options)
    oracle = BatchOracle(problem, seeds, shown, x, horizon=horizon, layout=layout)
    state = rule.init(x, layout)
    state_bytes = bytes_of(state) / x.numel()
    stack = _Stack(x, state, columns(rule, hyper, layout, x))
    recorder = Recorder(problem, specs, horizon)
    with torch.no_grad():
        message = _advance(problem, rule, stack, factors, oracle, recorder, timeout)
        recorder.judge(last=Status.TIMEOUT if message else Status.BUDGET)
    runs = collect(
        recorder,
        hyper=hyper,
        factors=factors.lr,
        engine="batched",
        batch=batch,
        message=message,
        state_bytes=state_bytes,
    )
    return runs, recorder.span


class _Stack(NamedTuple):
    """The runs that still advance: points (B, d), what the rule remembers, hyperparameters."""

    x: Tensor
    state: State
    values: Columns


def _advance(
    problem: Problem,
    rule: UpdateRule,
    stack: _Stack,
    factors: Factors,
    oracle: BatchOracle,
    recorder: Recorder,
    timeout: float,
) -> str:
    """Take steps until all runs have stopped or the horizon is reached; say so if time was up."""
    x, state, values = stack
    momentum = momentum_of(list(values))
    for t in range(oracle.horizon):
        oracle.begin(t)
        calls = oracle.calls()
        version = x._version
        now = at_step(factors, momentum, t, values)
        x_next, state = rule.step(x, state, oracle, t, **now)
        if x._version != version:
            raise ValueError("the update rule changed x in place; it must return a new tensor")
        if problem.project is not None:
            x_next = problem.project(x_next)
        keep = None
        if recorder.push(x, *oracle.measure(x), calls):
            keep = recorder.judge()
            if recorder.seconds > timeout:
                return f"stopped after {timeout:g} s"
        x = x_next
        if keep is not None:
            if not len(keep):
                return ""
            x, state = x[keep], tuple(part[keep] for part in state)
            values = keep_rows(values, keep)
            oracle.keep(keep)
    recorder.push(x, *measure(problem, x), oracle.calls())
    return ""


def _starts(problem: Problem, specs: Sequence[RunSpec]) -> Tensor:
    """Return the runs' starting points, (B, d), feasible, on their device, in their dtype."""
    points = {seed: problem.start(seed) for seed in {spec.seed for spec in specs}}
    x = torch.stack([points[spec.seed] for spec in specs])
    x = x.to(torch.device(specs[0].device), getattr(torch, specs[0].dtype))
    return x if problem.project is None else problem.project(x)


def at_step(factors: Factors, momentum: str | None, t: int, values: Columns) -> Columns:
    """Return the hyperparameters of step t, as the schedule says."""
    changed = values
    if factors.lr[t] != 1 and "lr" in values:
        changed = changed | {"lr": values["lr"] * float(factors.lr[t])}
    if factors.momentum is not None and momentum is not None:
        changed = changed | {momentum: float(factors.momentum[t])}
    return changed
