"""The record of runs of a task: what holds at the log points, and where a run ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optbench.core.run import (
    DETERMINED,
    MEASURED,
    TRAINED,
    TRAINED_MEASURED,
    Hit,
    Run,
    Status,
)
from optbench.core.spec import RunSpec
from optbench.core.task import Task

DIVERGED_AT = 1e3
"""A minibatch loss this many times the larger of the first one and 1 is divergence."""

ROUNDING = 1e-6
"""By how much a target of error may be missed: a mean of float32 numbers is no exact share."""

_COLUMNS = ("gradient_calls", "hvp_calls", "value", "gradient_norm", "lr", "seconds")
_KEPT = (*_COLUMNS, *TRAINED, *TRAINED_MEASURED)


def log_points(horizon: int, evaluations: int) -> list[int]:
    """Return the log points after the start: evenly spaced, the last of them the horizon T."""
    return sorted({max(1, round(horizon * i / evaluations)) for i in range(1, evaluations + 1)})


@dataclass
class Log:
    """What is known of B runs that advance together.

    Attributes:
        rows: Number of runs B.
        steps: The log points so far.
        columns: Column to one array (B,) a log point.
        ended: Row to status and first bad step, of the runs that diverged.
        last: Row to the number of its log points.
        first: The first minibatch's loss of each run, (B,).
    """

    rows: int
    steps: list[int] = field(default_factory=list)
    columns: dict[str, list[list[float]]] = field(default_factory=lambda: {k: [] for k in _KEPT})
    ended: dict[int, tuple[str, int]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    first: list[float] = field(default_factory=list)
    _losses: list[Tensor] = field(default_factory=list)

    def take(self, losses: Tensor) -> None:
        """Keep the minibatch losses (B,) of a step, on their device until a log point."""
        self._losses.append(losses)

    def judge(self, step: int) -> np.ndarray:
        """Look at the losses since the last log point, and end the runs that diverged.

        Args:
            step: The log point.

        Returns:
            The runs' mean losses, (B,).
        """
        losses = torch.stack(self._losses).double().cpu().numpy()
        self._losses.clear()
        if not self.first:
            self.first = losses[0].tolist()
        first = np.nan_to_num(np.abs(self.first), nan=1.0, posinf=1.0)
        bound = DIVERGED_AT * np.maximum(first, 1.0)
        bad = ~(losses <= bound)
        for row in np.flatnonzero(bad.any(axis=0)).tolist():
            at = int(bad[:, row].argmax())
            self.end(row, step - len(losses) + at, losses[at, row])
        mean: np.ndarray = losses.mean(axis=0)
        return mean

    def lost(self) -> bool:
        """Say whether the last losses of all runs are no numbers; waits for the device."""
        return not bool(self._losses[-1].isfinite().any())

    def settle(self, step: int) -> None:
        """Judge the losses before a step at which the runs ended without a log point."""
        if self._losses:
            self.judge(step)

    def end(self, row: int, step: int, value: float) -> None:
        """End a run that has not ended before, at the first step whose value is a bad one."""
        if row not in self.ended:
            status = Status.NAN if math.isnan(value) else Status.DIVERGED
            self.ended[row] = (status.value, step)
            self.last[row] = len(self.steps)

    @property
    def going(self) -> list[int]:
        """The rows that have not ended."""
        return [row for row in range(self.rows) if row not in self.ended]

    def write(self, step: int, values: Mapping[str, Sequence[float]]) -> None:
        """Write down a log point: every column's numbers (B,); those not given are NaN."""
        self.steps.append(step)
        unknown = [math.nan] * self.rows
        for name, column in self.columns.items():
            column.append([float(v) for v in values.get(name, unknown)])

    def amend(self, values: Mapping[str, Sequence[float]]) -> None:
        """Replace what the last log point has in some columns."""
        for name, numbers in values.items():
            self.columns[name][-1] = [float(v) for v in numbers]

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "steps": list(self.steps),
            "columns": {name: list(column) for name, column in self.columns.items()},
            "ended": {str(row): list(end) for row, end in self.ended.items()},
            "last": {str(row): n for row, n in self.last.items()},
            "first": list(self.first),
            "waiting": torch.stack(self._losses) if self._losses else None,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self.steps, self.first = list(state["steps"]), list(state["first"])
        self.columns = {name: list(column) for name, column in state["columns"].items()}
        self.ended = {int(row): (end[0], end[1]) for row, end in state["ended"].items()}
        self.last = {int(row): n for row, n in state["last"].items()}
        waiting = state["waiting"]
        self._losses = [] if waiting is None else list(waiting)

    def curve(self, row: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return one run's columns, up to where it ended."""
        n = self.last.get(row, len(self.steps))
        curve = {"step": np.array(self.steps[:n], dtype=np.float64)}
        for name in names:
            if name != "step":
                kept = self.columns.get(name)
                values = [math.nan] * n if kept is None else [point[row] for point in kept[:n]]
                curve[name] = np.array(values, dtype=np.float64)
        return curve


def collect(
    log: Log,
    task: Task,
    specs: Sequence[RunSpec],
    *,
    hyper: Sequence[Mapping[str, float]],
    dim: int,
    status: Status,
    message: str,
    batch: str,
    state_bytes: float | None,
    seconds: float,
) -> list[Run]:
    """Make the runs of a finished log.

    Args:
        log: The record.
        task: What was trained.
        specs: The runs, one a row.
        hyper: The numbers behind each run's hyperparameters.
        dim: Number of parameters.
        status: Of the runs that did not diverge.
        message: Said of these.
        batch: Name of the batch.
        state_bytes: Size of the optimizer's state, in bytes per parameter.
        seconds: Time of all of them together.

    Returns:
        One run a spec.
    """
    facts = {
        "dim": float(dim),
        "state_bytes": state_bytes,
        "examples": float(len(task.train)),
    }
    runs = []
    for row, (spec, numbers) in enumerate(zip(specs, hyper, strict=True)):
        curve = log.curve(row, (*DETERMINED, *MEASURED))
        curve["value_calls"] = np.zeros(len(curve["step"]))
        trained = log.curve(row, (*TRAINED, *TRAINED_MEASURED))
        del trained["step"]
        ended, bad = log.ended.get(row, (status.value, None))
        hits = _hits(spec, curve, trained)
        reached = ended == Status.BUDGET and spec.targets and len(hits) == len(spec.targets)
        runs.append(
            Run(
                spec=spec,
                status=Status.CONVERGED if reached else Status(ended),
                message="" if row in log.ended else message,
                first_bad_step=bad,
                curve=curve,
                trained=trained,
                hits=hits,
                hyper=numbers,
                facts=facts,
                engine="training",
                batch=batch,
                seconds=seconds / len(specs),
            )
        )
    return runs


def _hits(
    spec: RunSpec, curve: Mapping[str, np.ndarray], trained: Mapping[str, np.ndarray]
) -> tuple[Hit, ...]:
    """Return the first log points at which the targets were reached."""
    error = spec.target_measure == "error"
    height = 1 - ROUNDING - trained["validation_accuracy"] if error else curve["value"]
    hits = []
    for target in spec.targets:
        reached = np.flatnonzero(height <= target)
        if len(reached):
            at = int(reached[0])
            hits.append(Hit(target, int(curve["step"][at]), float(curve["gradient_calls"][at])))
    return tuple(hits)
