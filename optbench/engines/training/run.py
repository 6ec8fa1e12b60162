"""Trains one batch of runs of a task, from the start or from a checkpoint, to its end."""

from __future__ import annotations

import contextlib
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
from optbench.engines.seeded import seed_all, seeded
from optbench.engines.step import failure
from optbench.engines.training.batches import Batches
from optbench.engines.training.checkpoint import Checkpoint
from optbench.engines.training.classes import ClassStepper
from optbench.engines.training.deterministic import deterministic
from optbench.engines.training.evaluation import NOTHING, evaluate, sharpness
from optbench.engines.training.interruption import NEVER, InterruptedRunError, Interruption
from optbench.engines.training.log import Log, collect, log_points
from optbench.engines.training.objective import Objective
from optbench.engines.training.random_state import random_state, set_random_state, undisturbed
from optbench.engines.training.rules import RuleStepper
from optbench.engines.training.stepper import Stepper
from optbench.optimizers.foreign.holdings import UnkeepableError
from optbench.optimizers.foreign.quiet import quiet

Progress = Callable[[float, int], None]
"""Told at log points: the share of the steps that is done, and the number of runs."""


PATIENCE = 10.0
"""Seconds beyond the limit after which a step that does not return is broken off."""

PEEK = 16
"""Steps after which a CPU looks whether a run is lost; a GPU would have to wait for it."""


def unheard(share: float, runs: int) -> None:
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
    interruption: Interruption = NEVER,
) -> tuple[list[Run], Span]:
    """Train a model, or one for each of several learning rates as a stack.

    Args:
        task: What is learned.
        optimizer: How.
        specs: The runs; they differ in numbers of an update rule only.
        hyper: The numbers behind each run's hyperparameters.
        factors: What the schedule says of each step.
        batch: Name of the batch.
        timeout: Seconds after which the runs stop where they are; asked again, they go on from
            there where there is a checkpoint.
        checkpoint: Where the runs are kept while they go on, and are taken up again. It stays when
            they end in a way that another try may mend.
        progress: Told how far the runs are.
        interruption: When it comes, the runs are saved after the step.

    Returns:
        One result a spec, and when the engine started and ended.

    Raises:
        OptbenchError: When the optimizer refuses the task.
        InterruptedRunError: When they were interrupted.
    """
    first, started = specs[0], time.monotonic()
    numbers = [
        {key: float(v) for key, v in values.items() if not isinstance(v, str)} for values in hyper
    ]
    foreign = isinstance(optimizer, StepMethod) and bool(optimizer.package)
    with seeded(first.seed), quiet(on=foreign), deterministic(first.training, first.device):

        def new() -> _Training:
            seed_all(first.seed)
            if first.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            return _Training(task, optimizer, first, hyper, numbers, factors, checkpoint, progress)

        training = _taken_up(new, checkpoint)
        status, message = Status.BUDGET, ""
        try:
            # The loop looks at the clock itself; the deadline is for a step that never returns.
            with deadline(timeout + PATIENCE):
                training.advance(interruption, until=started + timeout)
        except OptbenchError:
            raise
        except TimeUpError:
            status, message = Status.TIMEOUT, f"stopped after {timeout:g} s"
        except (Exception, SystemExit, GeneratorExit) as error:  # whatever an optimizer raises
            status, message = failure(error)
        training.settle()
    if checkpoint is not None and status.is_final:
        checkpoint.remove()
    runs = collect(
        training.log,
        task,
        specs,
        hyper=numbers,
        dim=sum(p.numel() for p in training.objective.parameters),
        status=status,
        message=message or training.note,
        batch=batch,
        state_bytes=training.state_bytes,
        seconds=training.clock.seconds,
    )
    return runs, (started, time.monotonic())


def _taken_up(new: Callable[[], _Training], checkpoint: Checkpoint | None) -> _Training:
    """Return a training where its checkpoint stands, or at the start."""
    kept = None if checkpoint is None else checkpoint.load()
    training = new()
    if kept is None:
        return training
    try:
        training.resume(kept)
    except Exception:  # it is of another make: whatever was already taken from it is dropped
        return new()
    return training


@dataclass
class _Clock:
    """Seconds of training: evaluation, checkpoints and start-up are outside."""

    device: torch.device
    seconds: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _lap: float = 0.0

    def start(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> None:
        """Stop when the device has done what it was asked."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds += time.monotonic() - self._since

    def lap(self) -> float:
        """Return the seconds since the last call."""
        before, self._lap = self._lap, self.seconds
        return self._lap - before


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
        size = shown.batch_size or task.batch_size
        if spec.training.accumulate > size:
            parts = spec.training.accumulate
            raise OptbenchError(f"accumulate={parts} is more parts than a batch of {size} has")
        self.batches = Batches(
            task,
            spec.seed,
            size=size,
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
        self._dtype = dtype
        self._validation = None if task.validation is None else task.validation.to(device, dtype)
        self._train = task.train.to(device, dtype) if spec.training.sharpness else None
        self._checkpoint, self._progress = checkpoint, progress
        self.log, self.clock = Log(rows=len(numbers)), _Clock(device)
        self.state_bytes: float | None = None
        self.note = ""
        self._next = 0

    def advance(self, interruption: Interruption, *, until: float) -> None:
        """Take steps until the horizon, or until all runs have diverged or time is up.

        Raises:
            InterruptedRunError: After the step in which an interruption came.
            TimeUpError: After the step in which the clock went past `until`.
        """
        horizon = len(self.factors.lr) - 1
        due = set(log_points(horizon, self.spec.training.evaluations))
        if not self.log.steps:
            self._look(0, None, 0)
        waits = self.clock.device.type == "cpu"
        since = 0  # steps since the log point before, or since the runs were taken up
        self.clock.lap()
        self.clock.start()
        for t in range(self._next, horizon):
            if not self.log.going:
                return
            if self.stepper.gradients + 1 > self.spec.budget * (1 + 1e-12):
                # Closures may ask for many gradients a step; they are paid for like all others.
                self._close(t, since)
                break
            logs = t + 1 in due
            self.log.take(self.stepper.step(t, look=logs))
            self._next = t + 1
            since += 1
            if logs:
                self.clock.stop()
                self._look(t + 1, self.log.judge(t + 1).tolist(), since)
                self._progress((t + 1) / horizon, self.log.rows)
                self.stepper.keep(self.log.going)
                since = 0
                self.clock.start()
            elif waits and t % PEEK == 0 and self.log.lost():
                return
            late = time.monotonic() >= until
            if interruption or late or (self._checkpoint is not None and self._checkpoint.due):
                self.clock.stop()
                self._keep()
                if interruption:
                    raise InterruptedRunError
                if late:
                    raise TimeUpError
                self.clock.start()
        self._test()

    def _close(self, step: int, since: int) -> None:
        """Write the last log point of runs that end before the horizon, where it is not there."""
        if since:
            self.clock.stop()
            self._look(step, self.log.judge(step).tolist(), since, looked=False)

    def settle(self) -> None:
        """Judge what came after the last log point, where the device still answers."""
        with contextlib.suppress(Exception):
            self.log.settle(self._next)

    def _look(
        self, step: int, losses: Sequence[float] | None, steps: int, *, looked: bool = True
    ) -> None:
        """Write down a log point, and end the runs whose validation loss is no number."""
        if self.state_bytes is None and step:  # its state is there from the first step on
            self.state_bytes = self.stepper.state_bytes()
            self._rehearse()
        rows = self.log.rows
        values: dict[str, list[float]] = {
            name: [math.nan] * rows
            for name in ("validation_loss", "validation_accuracy", "sharpness")
        }
        for row in self.log.going:
            with undisturbed(self.clock.device), self.stepper.standing(row) as objective:
                found = evaluate(self.task, objective, self._validation)
                values["validation_loss"][row], values["validation_accuracy"][row] = found
                if self._train is not None:
                    values["sharpness"][row] = sharpness(objective, self._train)
            if self._validation is not None and not math.isfinite(found.loss):
                self.log.end(row, step, found.loss)
        if losses is not None:
            values["train_loss"] = list(losses)
            if looked:
                values["gradient_norm"] = self.stepper.gradient_norm.tolist()
                values["update_ratio"] = self.stepper.update_ratio.tolist()
            speed = rows * steps * self.batches.size / self.clock.lap()
            values["examples_per_second"] = [speed] * rows
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
        test = None if self.task.test is None else self.task.test.to(self.clock.device, self._dtype)
        figures: dict[str, list[float]] = {"test_loss": [], "test_accuracy": []}
        for row in range(self.log.rows):
            found = NOTHING
            if row in self.log.going:
                with undisturbed(self.clock.device), self.stepper.standing(row) as objective:
                    found = evaluate(self.task, objective, test)
            for name, value in zip(figures, found, strict=True):
                figures[name].append(value)
        self.log.amend(figures)

    def _rehearse(self) -> None:
        """Say early whether the runs can be kept, whenever that will be needed."""
        try:
            self.stepper.state()
        except UnkeepableError as error:
            if self._checkpoint is not None:
                name = self.spec.optimizer.name
                self.note = f"an interrupted run of {name} starts anew: {error}"
            self._checkpoint = None

    def _keep(self) -> None:
        """Save the runs as they stand between two steps, if that can be."""
        self._rehearse()
        if self._checkpoint is not None:
            self.note = self._checkpoint.save(self._state())

    def _state(self) -> dict[str, Any]:
        """Return all that the coming steps depend on."""
        return {
            "step": self._next,
            "stepper": self.stepper.state(),
            "log": self.log.state(),
            "seconds": self.clock.seconds,
            "state_bytes": self.state_bytes,
            "random": random_state(self.clock.device),
        }

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Go back to where `_state` was called."""
        self.stepper.load(kept["stepper"])
        self.log.load(kept["log"])
        self.clock.seconds, self.state_bytes = kept["seconds"], kept["state_bytes"]
        self._next = kept["step"]
        set_random_state(kept["random"], self.clock.device)


def _peak_memory(device: torch.device) -> float:
    """Return the largest memory so far, in bytes: allocated on the GPU, or resident on the CPU."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
