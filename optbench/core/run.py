"""What comes out of a run: a status, a trajectory, the exact hits of its targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from optbench.core.spec import RunSpec

if TYPE_CHECKING:
    import numpy as np

DETERMINED = (
    "step",
    "gradient_calls",
    "value_calls",
    "hvp_calls",
    "value",
    "suboptimality",
    "gradient_norm",
    "distance",
    "lr",
)
"""Columns of a trajectory that the spec decides, bit for bit."""

MEASURED = ("seconds",)
"""Columns that a clock decides: never in a hash, never in an equality."""

TRAINED = (
    "epoch",
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "update_ratio",
    "sharpness",
)
"""Columns that a task adds to a trajectory, decided by the spec on one machine.

`epoch` is examples seen over training examples; `train_loss` the mean of the minibatch losses since
the log point before; the test columns have a number at the run's end only; `update_ratio` is
|x_t - x_(t-1)|/|x_(t-1)|; `sharpness` the largest eigenvalue of the training loss's Hessian. For a
task `value` is the validation loss (the training loss where there is no validation data), and
`gradient_norm` that of the minibatch gradient of the step that led there, before clipping.
"""

TRAINED_MEASURED = ("examples_per_second", "peak_memory")
"""Columns that a task adds and a clock or an allocator decides; memory in bytes."""


class Status(StrEnum):
    """How a run ended. A run that failed is a result with a status, not a gap."""

    CONVERGED = "converged"
    BUDGET = "budget"
    DIVERGED = "diverged"
    NAN = "nan"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    REFUSED = "refused"
    ERROR = "error"

    @property
    def is_failure(self) -> bool:
        """Whether the harness, the machine or the user's code failed: exit status 1."""
        return self in (Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.ERROR)

    @property
    def is_final(self) -> bool:
        """Whether another try would end the same way, so that a stored run is not repeated."""
        return not self.is_failure


@dataclass(frozen=True)
class Hit:
    """The first step at which a target was reached.

    Attributes:
        target: Level of the spec's `target_measure`.
        step: First step t at which the measure is at or below it.
        gradient_calls: Gradient evaluations spent before x_t was reached, in full gradients.
    """

    target: float
    step: int
    gradient_calls: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run's result.

    Attributes:
        spec: What was run.
        status: How it ended.
        message: Why, in one line; empty when there is nothing to say.
        first_bad_step: First step whose value was not finite or beyond the divergence bound.
        curve: Column name (see `DETERMINED`, `MEASURED`) to array of shape (points,), float64, at
            strictly increasing steps; `value` at step t is f(x_t), the calls are those spent to
            reach x_t. NaN where a column is unknown (no f*, no x*).
        trained: What a task adds to the curve: column name (see `TRAINED`, `TRAINED_MEASURED`) to
            array of shape (points,); empty for other problems.
        points: The logged x_t, shape (points, d), where the spec asks for them.
        hits: First passage below each target that was reached, exact to the step.
        hyper: The numbers behind the optimizer's parameters (tunings resolved).
        facts: The problem's scalar facts, `radius`, the start's distance to the solution set,
            `online`, whether losses are shown one by one or points are projected, and
            `state_bytes`, the size of the optimizer's state in bytes per variable.
        engine: `batched`, `step` or `training`.
        batch: Name of the batch it travelled in, and its row there.
        seconds: Time of the run; in a batch, the batch's time divided by its rows.
    """

    spec: RunSpec
    status: Status
    message: str = ""
    first_bad_step: int | None = None
    curve: Mapping[str, np.ndarray] = field(default_factory=dict)
    trained: Mapping[str, np.ndarray] = field(default_factory=dict)
    points: np.ndarray | None = None
    hits: tuple[Hit, ...] = ()
    hyper: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float | bool | None] = field(default_factory=dict)
    engine: str = ""
    batch: str = ""
    seconds: float = 0.0

    def last(self, column: str) -> float:
        """Return a column's value at the end of the run; NaN when there is no curve."""
        values = self.curve.get(column, self.trained.get(column))
        return float("nan") if values is None or len(values) == 0 else float(values[-1])

    def hit(self, target: float) -> Hit | None:
        """Return the first passage below a target, or None when it was not reached."""
        return next((hit for hit in self.hits if hit.target == target), None)
