"""The batched engine: one update rule advances a whole stack of runs as one tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import parameters_of
from optbench.core.problem import Problem
from optbench.core.run import Run, Status
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec
from optbench.engines.oracle import BatchOracle, measure
from optbench.engines.recorder import Calls, Recorder, Span
from optbench.engines.trajectory import collect


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
    size, sampling = int(options["batch_size"]), str(options["sampling"])
    x = _starts(problem, specs)
    oracle = BatchOracle(problem, [spec.seed for spec in specs], size, sampling, x)
    values = _columns(rule, hyper, x)
    constant = bool((factors.lr == 1).all())
    recorder = Recorder(problem, specs, horizon)
    state = rule.init(x)
    cost = oracle.gradient_cost * rule.gradients_per_step
    message = ""
    with torch.no_grad():
        for t in range(horizon):
            oracle.begin(t)
            now = values if constant else values | {"lr": values["lr"] * float(factors.lr[t])}
            version = x._version
            x_next, state = rule.step(x, state, oracle, t, **now)
            if x._version != version:
                raise ValueError("the update rule changed x in place; it must return a new tensor")
            if problem.project is not None:
                x_next = problem.project(x_next)
            keep = None
            if recorder.push(x, *oracle.measure(x), Calls(t * cost)):
                keep = recorder.judge()
                if recorder.seconds > timeout:
                    message = f"stopped after {timeout:g} s"
                    break
            x = x_next
            if keep is not None:
                if not len(keep):
                    break
                x, state = x[keep], tuple(part[keep] for part in state)
                values = {k: v[keep] if isinstance(v, Tensor) else v for k, v in values.items()}
                oracle.keep(keep)
        else:
            recorder.push(x, *measure(problem, x), Calls(horizon * cost))
        recorder.judge(last=Status.TIMEOUT if message else Status.BUDGET)
    runs = collect(
        recorder, hyper=hyper, factors=factors.lr, engine="batched", batch=batch, message=message
    )
    return runs, recorder.span


def _starts(problem: Problem, specs: Sequence[RunSpec]) -> Tensor:
    """Return the runs' starting points, (B, d), feasible, on their device, in their dtype."""
    points = {seed: problem.start(seed) for seed in {spec.seed for spec in specs}}
    x = torch.stack([points[spec.seed] for spec in specs])
    x = x.to(torch.device(specs[0].device), getattr(torch, specs[0].dtype))
    return x if problem.project is None else problem.project(x)


def _columns(
    rule: UpdateRule, hyper: Sequence[Mapping[str, float]], x: Tensor
) -> dict[str, float | Tensor]:
    """Return each hyperparameter as a number where all runs agree, else as a column (B, 1)."""
    values: dict[str, float | Tensor] = {}
    for name in parameters_of(rule.step):
        column = [numbers[name] for numbers in hyper]
        tensor = torch.tensor(column, dtype=x.dtype, device=x.device)[:, None]
        values[name] = tensor if len(set(column)) > 1 else float(tensor[0])
    return values
