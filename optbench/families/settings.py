"""How a problem is run: as was asked for, or else as it says itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.core.target import read_targets
from optbench.core.task import Task
from optbench.core.training import PLAIN, Training

BUDGET = 1000.0
"""Gradient evaluations of a run of a function."""

TARGETS = (1e-2, 1e-4, 1e-6, 1e-8)
"""Relative suboptimalities that a run of a function reports; it stops at the last."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a request says of runs, None where the problem decides.

    Attributes:
        budget: Gradient evaluations; of a task, of minibatches.
        targets: Levels as `read_targets` takes them.
        dtype: `float64` or `float32`.
        record: `log` or `every`.
        record_x: Whether points are kept; None keeps those of functions in two dimensions.
        training: How a task is trained.
    """

    budget: float | None = None
    targets: Sequence[float | str] | None = None
    dtype: str | None = None
    record: str = "log"
    record_x: bool | None = None
    training: Training = PLAIN


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What runs of one problem have in common; the fields are those of `RunSpec`."""

    budget: float
    target_measure: str
    targets: tuple[float, ...]
    dtype: str
    record: str
    record_x: bool
    training: Training


def settle(name: str, problem: Problem | Task, asked: Settings) -> Settled:
    """Fill in what was left to the problem.

    Args:
        name: The problem's name, for messages.
        problem: The problem.
        asked: What was asked for.

    Raises:
        SpecError: When what was asked for, or a task's own setting, does not fit the problem.
    """
    task = problem if isinstance(problem, Task) else None
    own = (task.budget, task.targets) if task else (BUDGET, TARGETS)
    try:
        budget = check_budget(own[0] if asked.budget is None else asked.budget)
        measure, targets = read_targets(own[1] if asked.targets is None else asked.targets)
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from error
    if task:
        _check_task(name, task, asked, measure if targets else "")
    else:
        _check_function(name, asked, measure)
    in_plane = isinstance(problem, Problem) and problem.facts.dim == 2
    return Settled(
        budget=budget,
        target_measure=measure,
        targets=targets,
        dtype=asked.dtype or ("float32" if task else "float64"),
        record=asked.record,
        record_x=in_plane if asked.record_x is None else asked.record_x,
        training=asked.training,
    )


def check_budget(budget: float) -> float:
    """Return a budget that is in range.

    Raises:
        SpecError: When it is not.
    """
    if not 1 <= budget <= 1e12:
        raise SpecError(f"budget must be from 1 to 1e12 gradient evaluations, got {budget:g}")
    return float(budget)


def _check_function(name: str, asked: Settings, measure: str) -> None:
    options = ", ".join(asked.training.options())
    if options:
        raise SpecError(f"{options}: only learning problems take this, and {name} is none")
    if measure == "error":
        raise SpecError(f"a target of error needs a learning problem, and {name} is none")


def _check_task(name: str, task: Task, asked: Settings, measure: str) -> None:
    if measure not in ("", "value", "error"):
        raise SpecError(
            f"{name} is a learning problem: its targets are value= (the validation loss) or "
            f"error= (1 - accuracy), not {measure}"
        )
    if measure == "error" and (task.accuracy is None or task.validation is None):
        lacking = "accuracy" if task.accuracy is None else "validation data"
        raise SpecError(f"a target of error needs {lacking}, and {name} has none")
    if asked.record == "every":
        raise SpecError(f"{name} is a learning problem: ask for evaluations, not for every step")
    if asked.record_x:
        raise SpecError(f"points are kept of functions only, and {name} is a learning problem")
    if asked.training.precision == "bf16" and asked.dtype == "float64":
        raise SpecError("precision bf16 keeps parameters in float32: it does not go with float64")
