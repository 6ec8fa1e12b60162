"""Runs one batch, whatever its engine, and turns everything that can go wrong into a status."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.fingerprint import fingerprint
from optbench.core.optimizer import Optimizer, StepMethod, UpdateRule, missing
from optbench.core.parameters import Value
from optbench.core.problem import Facts, Problem
from optbench.core.registry import resolve
from optbench.core.run import Run, Status
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec
from optbench.core.task import Task
from optbench.engines.batched import run_batched
from optbench.engines.deadline import TimeUpError, deadline
from optbench.engines.oracle import cost_of_gradient
from optbench.engines.planner import Batch
from optbench.engines.recorder import Span
from optbench.engines.shaken import shaken
from optbench.engines.step import failure, run_step
from optbench.engines.training.checkpoint import Checkpoint
from optbench.engines.training.interruption import NEVER, Interruption
from optbench.engines.training.run import Progress, run_training, unheard
from optbench.families import FAMILIES
from optbench.families.find import build
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.foreign.packages import package_of
from optbench.optimizers.tuning import resolve_tunings
from optbench.schedules import SCHEDULES
from optbench.schedules.find import factors_of

MAX_STEPS = 10**8
"""A run with more steps than this is taken for a slip of the finger."""


@dataclass(frozen=True)
class _Ready:
    """A run with the numbers behind its hyperparameters."""

    spec: RunSpec
    hyper: Mapping[str, Value]


@dataclass(frozen=True)
class Finished:
    """A batch that is done.

    Attributes:
        batch: The batch.
        runs: One result a run, in the order of the batch.
        span: When its engine started and ended: advancing and recording, without what comes before
            and after.
    """

    batch: Batch
    runs: list[Run]
    span: Span


@dataclass(frozen=True, kw_only=True)
class Setting:
    """In which circumstances a batch runs; only `rounding` changes numbers.

    Attributes:
        timeout: Seconds that it may take.
        checkpoints: Folder of checkpoints of long runs; None keeps none.
        progress: Told how far a long run is.
        interruption: When it comes, a long run is saved after its step, and ends by
            InterruptedRunError.
        rounding: 0, or the number of another rounding, see `optbench.engines.shaken`. Such runs are
            only compared with the run proper, and never stored.
    """

    timeout: float = math.inf
    checkpoints: Path | None = None
    progress: Progress = unheard
    interruption: Interruption = NEVER
    rounding: int = 0


PLAIN = Setting()


def run_batch(batch: Batch, setting: Setting = PLAIN) -> Finished:
    """Run a batch; nothing that a run does raises, but for an interruption.

    Args:
        batch: What to run.
        setting: In which circumstances.

    Returns:
        The finished batch.
    """
    try:
        return _run_batch(batch, setting)
    except OptbenchError as error:
        return ended(batch, Status.REFUSED, str(error))
    except TimeUpError:
        return ended(batch, Status.TIMEOUT, f"stopped after {setting.timeout:g} s")
    except (Exception, SystemExit) as error:  # a user's problem or rule may raise anything
        return ended(batch, *failure(error))


def ended(batch: Batch, status: Status, message: str) -> Finished:
    """Return a batch all of whose runs ended alike, before they began."""
    now = time.monotonic()
    return Finished(batch, [_end(spec, status, message, batch) for spec in batch.specs], (now, now))


def _run_batch(batch: Batch, setting: Setting) -> Finished:
    first = batch.specs[0]
    problem, optimizer = build(first.problem), find_optimizer(first.optimizer.name)
    if setting.rounding:
        problem = shaken(problem, setting.rounding, first.dtype)
    if isinstance(problem, Task):
        refusal = _refusal_of_task(first, problem)
    else:
        refusal = _refusal(first, problem, optimizer)
    if refusal:
        return ended(batch, Status.REFUSED, refusal)
    facts = Facts(dim=0) if isinstance(problem, Task) else problem.facts
    runs: list[Run | None] = []
    ready: list[_Ready] = []
    for spec in batch.specs:
        hyper, reason = resolve_tunings(dict(spec.optimizer.params), facts)
        line = f"{spec.optimizer.name}: {reason}"
        runs.append(_end(spec, Status.REFUSED, line, batch) if reason else None)
        if not reason:
            ready.append(_Ready(spec, hyper))
    if not ready:
        return ended(batch, Status.REFUSED, line)
    if isinstance(problem, Task):
        done, span = _train(batch, ready, problem, optimizer, setting)
    else:
        done, span = _advance(batch, ready, problem, optimizer, setting.timeout)
    rest = iter(done)
    return Finished(batch, [run or next(rest) for run in runs], span)


def _train(
    batch: Batch, ready: Sequence[_Ready], task: Task, optimizer: Optimizer, setting: Setting
) -> tuple[list[Run], Span]:
    first = ready[0].spec
    names = (first.problem.name, first.optimizer.name, first.schedule.name)
    checkpoint = None
    if setting.checkpoints is not None:
        # Other code would go on to other bits, so it does not see the checkpoint.
        file = f"{batch.name}-{code_of(*names)[:16]}.pt"
        checkpoint = Checkpoint(setting.checkpoints / file)
    return run_training(
        task,
        optimizer,
        [r.spec for r in ready],
        [r.hyper for r in ready],
        schedule_factors(first, horizon(first)),
        batch=batch.name,
        timeout=setting.timeout,
        checkpoint=checkpoint,
        progress=setting.progress,
        interruption=setting.interruption,
    )


def _advance(
    batch: Batch,
    ready: Sequence[_Ready],
    problem: Problem,
    optimizer: Optimizer,
    timeout: float,
) -> tuple[list[Run], Span]:
    spec, hyper = ready[0].spec, ready[0].hyper
    factors = schedule_factors(spec, horizon(spec))
    if isinstance(optimizer, StepMethod):
        run, span = run_step(
            problem, optimizer, spec, hyper, factors, batch=batch.name, timeout=timeout
        )
        return [run], span
    numbers = [
        {key: float(value) for key, value in r.hyper.items() if not isinstance(value, str)}
        for r in ready
    ]
    specs = [r.spec for r in ready]
    # The engine looks at the clock itself; the deadline is for a problem that never returns.
    with deadline(2 * timeout):
        return run_batched(
            problem, optimizer, specs, numbers, factors, batch=batch.name, timeout=timeout
        )


def _refusal(spec: RunSpec, problem: Problem, optimizer: Optimizer) -> str:
    size = int(dict(spec.optimizer.params).get("batch_size", 0))
    if problem.examples and size > problem.examples:
        who = f"{spec.optimizer.name} with batch_size={size}"
        return f"{who} needs as many examples: {spec.problem.name} has {problem.examples}"
    if spec.targets and spec.target_measure == "distance" and not problem.knows_distance:
        return f"a target of distance needs x*, which is unknown for {spec.problem.name}"
    lacking = missing(spec.optimizer.name, optimizer.needs, problem)
    if lacking or not size or problem.examples or problem.facts.noise_variance:
        return lacking
    who = f"{spec.optimizer.name} with batch_size={size}"
    return f"{who} needs a finite sum or gradient noise, which is not given here"


def _refusal_of_task(spec: RunSpec, task: Task) -> str:
    who, size = spec.optimizer.name, int(dict(spec.optimizer.params).get("batch_size", 0))
    if size > len(task.train):
        who = f"{who} with batch_size={size}"
        return f"{who} needs as many examples: {spec.problem.name} has {len(task.train)}"
    if spec.target_measure == "error" and (task.accuracy is None or task.validation is None):
        return f"a target of error needs a validation accuracy, and {spec.problem.name} has none"
    return ""


def horizon(spec: RunSpec) -> int:
    """Return the number of steps T that the budget allows; the problem is built if it must be."""
    size = int(dict(spec.optimizer.params).get("batch_size", 0))
    optimizer = find_optimizer(spec.optimizer.name)
    gradients = optimizer.gradients_per_step if isinstance(optimizer, UpdateRule) else 1
    built = build(spec.problem) if size else None
    cost = 1.0 if built is None or isinstance(built, Task) else cost_of_gradient(built, size)
    # A millionth of a step forgives b/n * (n/b) < 1.
    return math.floor(spec.budget / (cost * gradients) + 1e-6)


def schedule_factors(spec: RunSpec, steps: int) -> Factors:
    """Return what the schedule says of the steps 0 to T.

    Raises:
        SpecError: When the schedule does not fit the run.
    """
    if not 1 <= steps <= MAX_STEPS:
        size = dict(spec.optimizer.params).get("batch_size")
        name = spec.optimizer.name + (f" with batch_size={size}" if size else "")
        raise SpecError(f"budget {spec.budget:g} is {steps:g} steps of {name}, not 1 to 1e8")
    return factors_of(spec.schedule, steps)


def _end(spec: RunSpec, status: Status, message: str, batch: Batch) -> Run:
    return Run(spec=spec, status=status, message=message, engine=batch.engine, batch=batch.name)


@functools.cache
def code_of(problem: str, optimizer: str, schedule: str) -> str:
    """Return the fingerprint of the code that a run depends on.

    Args:
        problem: Name of the family or the user's problem.
        optimizer: Name of the optimizer.
        schedule: Name of the schedule.

    Returns:
        SHA-256 over that code, the engines, and the versions of the packages that they import.
    """
    method = find_optimizer(optimizer)
    engine = (
        "optbench.engines.step" if isinstance(method, StepMethod) else "optbench.engines.batched"
    )
    places = [
        engine,
        "optbench.engines.training.run",
        "optbench.optimizers.tuning",
        "numpy",
        "scipy",
        "torch",
    ]
    if isinstance(method, StepMethod):
        places += ["optbench.optimizers.from_torch", method.package]
    if not package_of(optimizer):
        places.append(_place(resolve("optimizer", OPTIMIZERS, optimizer)))
    places.append(_place(resolve("problem", FAMILIES, problem)))
    if schedule.startswith("torch.") and ":" not in schedule:
        places.append("optbench.schedules.from_torch")
    else:
        places.append(_place(resolve("schedule", SCHEDULES, schedule)))
    return fingerprint(place for place in places if place)


def _place(target: str) -> str:
    return target.rpartition(":")[0]
