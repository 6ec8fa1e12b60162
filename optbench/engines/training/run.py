"""Trains one batch of runs of a task, from the start or from a checkpoint, to its end."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Gradients, Optimizer, StepMethod, missing_in_training
from optbench.core.parameters import Value
from optbench.core.run import Run, Status
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec
from optbench.core.task import Task
from optbench.engines.deadline import TimeUpError, deadline
from optbench.engines.recorder import Span
from optbench.engines.seeded import seeded
from optbench.engines.step import failure
from optbench.engines.training.batches import Batches
from optbench.engines.training.checkpoint import Checkpoint, Interruption, interruptible
from optbench.engines.training.classes import ClassStepper
from optbench.engines.training.evaluation import evaluate, sharpness
from optbench.engines.training.log import Log, collect, log_points
from optbench.engines.training.objective import Objective
from optbench.engines.training.rules import RuleStepper
from optbench.engines.training.stepper import Stepper
from optbench.optimizers.foreign.quiet import quiet

Progress = Callable[[int, int], None]
"""Told at log points: steps done, steps in all."""


def unheard(done: int, total: int) -> None:
    """Tell nobody."""


def run_training(
    task: Task,
    optimizer: Optimizer,
    specs: Sequence[RunSpec],
    hyper: Sequence[Mapping[str, Value]],
    factors: Factors,
    *,
    batch: str = "",
    timeout: float = math.inf,
    checkpoint: Checkpoint | None = None,
    progress: Progress = unheard,
) -> tuple[list[Run], Span]:
    """Train a model, or one for each of several learning rates as a stack.

    Args:
        task: What is learned.
        optimizer: How.
        specs: The runs; they differ in numbers of an update rule only.
        hyper: The numbers behind each run's hyperparameters.
        factors: What the schedule says of each step.
        batch: Name of the batch.
        timeout: Seconds after which the runs stop where they are.
        checkpoint: Where the runs are kept while they go on, and are taken up again.
        progress: Told how far the runs are.

    Returns:
        One result a spec, and when the engine started and ended.

    Raises:
        OptbenchError: When the optimizer refuses the task.
    """
    first, started = specs[0], time.monotonic()
    numbers = [
        {key: float(v) for key, v in values.items() if not isinstance(v, str)} for values in hyper
    ]
    foreign = isinstance(optimizer, StepMethod) and bool(optimizer.package)
    with seeded(first.seed), quiet(on=foreign):
        training = _Training(task, optimizer, first, hyper, numbers, factors, checkpoint, progress)
        status, message = Status.BUDGET, ""
        try:
            with deadline(timeout), interruptible() as interruption:
                training.advance(interruption)
        except OptbenchError:
            raise
        except TimeUpError:
            status, message = Status.TIMEOUT, f"stopped after {timeout:g} s"
        except (Exception, SystemExit, GeneratorExit) as error:  # whatever an optimizer raises
            status, message = failure(error)
    if checkpoint is not None:
        checkpoint.remove()
    runs = collect(
        training.log,
        task,
        specs,
        hyper=numbers,
        dim=sum(p.numel() for p in training.objective.parameters),
        status=status,
        message=message,
        batch=batch,
        state_bytes=training.state_bytes,
        seconds=training.clock.seconds,
    )
    return runs, (started, time.monotonic())


@dataclass
class _Clock:
    """Seconds of training: evaluation, checkpoints and start-up are outside."""

    device: torch.device
    seconds: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> float:
        """Stop when the device has done what it was asked, and return the seconds since start."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        passed = time.monotonic() - self._since
        self.seconds += passed
        return passed


class _Training:
    """A batch on its way."""

    def __init__(
        self,
        task: Task,
        optimizer: Optimizer,
        spec: RunSpec,
        hyper: Sequence[Mapping[str, Value]],
        numbers: Sequence[Mapping[str, float]],
        factors: Factors,
        checkpoint: Checkpoint | None,
        progress: Progress,
    ) -> None:
        options = dict(spec.optimizer.params)
        device, dtype = torch.device(spec.device), getattr(torch, spec.dtype)
        self.task, self.spec, self.factors, self.numbers = task, spec, factors, numbers
        self.objective = Objective(task, task.module().to(device, dtype), spec.training)
        lacking = missing_in_training(spec.optimizer.name, optimizer.needs, self.objective.layout)
        if lacking:
            raise OptbenchError(lacking)
        shown = Gradients.of(options)
        self.batches = Batches(
            task,
            spec.seed,
            size=shown.batch_size or task.batch_size,
            sampling=shown.sampling,
            device=device,
            dtype=dtype,
        )
        self.stepper: Stepper
        if isinstance(optimizer, StepMethod):
            self.stepper = ClassStepper(
                optimizer, spec.optimizer.name, self.objective, self.batches, hyper[0], factors
            )
        else:
            names = (task.seed, spec.seed)
            self.stepper = RuleStepper(
                optimizer, self.objective, self.batches, options, numbers, factors, names
            )
        self._splits = {
            name: None if split is None else split.to(device, dtype)
            for name, split in (("validation", task.validation), ("test", task.test))
        }
        self._train = task.train.to(device, dtype) if spec.training.sharpness else None
        self._checkpoint, self._progress = checkpoint, progress
        self.log, self.clock = Log(rows=len(numbers)), _Clock(device)
        self.state_bytes: float | None = None
        self._next = 0

    def advance(self, interruption: Interruption) -> None:
        """Take steps until the horizon, or until all runs have diverged or time is up."""
        horizon = len(self.factors.lr) - 1
        due = set(log_points(horizon, self.spec.training.evaluations))
        if not self._resume():
            self._look(0, None, 0.0, 0)
        since = 0  # log point before, or where the runs were taken up
        self.clock.start()
        for t in range(self._next, horizon):
            logs = t + 1 in due
            self.log.take(self.stepper.step(t, look=logs))
            since += 1
            if logs:
                seconds = self.clock.stop()
                if self.state_bytes is None:
                    self.state_bytes = self.stepper.state_bytes()
                self._look(t + 1, self.log.judge(t + 1).tolist(), seconds, since)
                self._progress(t + 1, horizon)
                if not self.log.going:
                    return
                since = 0
                self.clock.start()
            if self._checkpoint is not None and (interruption or self._checkpoint.due):
                self.clock.stop()
                self._checkpoint.save(self._state(t + 1))
                self.clock.start()
            if interruption:
                return
        self._test()

    def _look(self, step: int, losses: Sequence[float] | None, seconds: float, steps: int) -> None:
        """Write down a log point."""
        rows, going = self.log.rows, self.log.going
        values: dict[str, list[float]] = {
            name: [math.nan] * rows
            for name in ("validation_loss", "validation_accuracy", "sharpness")
        }
        for row in going:
            with self.stepper.standing(row) as objective:
                found = evaluate(self.task, objective, self._splits["validation"])
                values["validation_loss"][row], values["validation_accuracy"][row] = found
                if self._train is not None:
                    values["sharpness"][row] = sharpness(objective, self._train)
        if losses is not None:
            values["train_loss"] = list(losses)
            values["gradient_norm"] = self.stepper.gradient_norm.tolist()
            values["update_ratio"] = self.stepper.update_ratio.tolist()
            values["examples_per_second"] = [rows * steps * self.batches.size / seconds] * rows
        unknown = [math.nan] * rows
        measured = "validation_loss" if self.task.validation is not None else "train_loss"
        values["value"] = values.get(measured, unknown)
        factor = float(self.factors.lr[step])
        values["lr"] = [numbers.get("lr", math.nan) * factor for numbers in self.numbers]
        shared = {
            "gradient_calls": self.stepper.gradients,
            "hvp_calls": self.stepper.products,
            "seconds": self.clock.seconds / rows,
            "epoch": self.stepper.gradients * self.batches.size / self.batches.examples,
            "peak_memory": _peak_memory(self.clock.device),
        }
        self.log.write(step, values | {name: [value] * rows for name, value in shared.items()})

    def _test(self) -> None:
        """Evaluate the runs that got to the end on the test examples."""
        figures: dict[str, list[float]] = {"test_loss": [], "test_accuracy": []}
        for row in range(self.log.rows):
            found = (math.nan, math.nan)
            if row in self.log.going:
                with self.stepper.standing(row) as objective:
                    found = evaluate(self.task, objective, self._splits["test"])
            for name, value in zip(figures, found, strict=True):
                figures[name].append(value)
        self.log.amend(figures)

    def _state(self, step: int) -> dict[str, Any]:
        """Return all that the coming steps depend on."""
        device = self.clock.device
        return {
            "step": step,
            "stepper": self.stepper.state(),
            "log": self.log.state(),
            "seconds": self.clock.seconds,
            "state_bytes": self.state_bytes,
            "random": torch.get_rng_state(),
            "cuda_random": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def _resume(self) -> bool:
        """Go back to the last checkpoint; say whether there is one."""
        kept = None if self._checkpoint is None else self._checkpoint.load(self.clock.device)
        if kept is None:
            return False
        self.stepper.load(kept["stepper"])
        self.log.load(kept["log"])
        self.clock.seconds, self.state_bytes = kept["seconds"], kept["state_bytes"]
        self._next = kept["step"]
        torch.set_rng_state(kept["random"])
        if kept["cuda_random"] is not None:
            torch.cuda.set_rng_state(kept["cuda_random"], self.clock.device)
        return True


def _peak_memory(device: torch.device) -> float:
    """Return the largest memory so far, in bytes: allocated on the GPU, or resident on the CPU."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
