"""How runs of a task end: budget, divergence, failure; what came before is kept."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optbench.core.run import Run, Status
from optbench.core.task import Pairs, Split, Task
from optbench.core.training import Training
from optbench.engines.execute import Setting, run_batch, schedule_factors
from optbench.engines.training.log import ROUNDING, Log, log_points
from optbench.engines.training.run import run_training
from optbench.executors.local import execute
from optbench.optimizers.find import find_optimizer
from tests.engines.training.problems import NET, batches_of, net, train

HERE = "tests.engines.training.test_endings"
EVENTS: dict[str, Callable[[Tensor], Tensor]] = {}


def _with_event(task: Task, at: int, event: Callable[[Tensor], Tensor]) -> Task:
    """Return the task with something else in the place of the loss of a training step."""
    step = [0]

    def module() -> nn.Module:
        step[0] = -1  # a run begins
        return task.module()

    def loss(output: Tensor, target: Tensor) -> Tensor:
        value = task.loss(output, target)
        is_step = output.requires_grad and len(target) == task.batch_size
        step[0] += is_step
        return event(value) if is_step and step[0] == at else value

    return replace(task, module=module, loss=loss, judged_by=task.loss)


def failing(*, kind: str = "error", at: int = 7) -> Task:
    """Return a task whose loss fails at a step."""
    return _with_event(net(), at, EVENTS[kind])


def _raises(error: BaseException) -> Callable[[Tensor], Tensor]:
    def event(value: Tensor) -> Tensor:
        raise error

    return event


EVENTS |= {
    "error": _raises(ArithmeticError("no loss today")),
    "memory": _raises(MemoryError("too much")),
    "gpu_memory": _raises(torch.OutOfMemoryError("CUDA out of memory")),
    "exit": _raises(SystemExit(3)),
    "nan": lambda value: value * torch.nan,
    "inf": lambda value: value + torch.inf,
    "large": lambda value: value + 1e4,
    "vector": lambda value: value.expand(2),
}


@pytest.mark.parametrize("text", ["torch.SGD:lr=0.1", "gd:lr=0.1"])
@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("error", Status.ERROR, "ArithmeticError: no loss today (test_endings.py"),
        ("memory", Status.OUT_OF_MEMORY, "MemoryError: too much"),
        ("gpu_memory", Status.OUT_OF_MEMORY, "OutOfMemoryError: CUDA out of memory"),
        ("exit", Status.ERROR, "SystemExit: 3"),
        ("vector", Status.ERROR, "RuntimeError: grad can be implicitly created only for scalar"),
    ],
)
def test_a_failure_is_a_status_and_the_curve_so_far_stays(
    kind: str, status: Status, said: str, text: str
) -> None:
    """The loss fails at step 7, log points are 0, 4, 8 and 12."""
    run = train(text, f"{HERE}:failing:kind={kind}", budget=12, training=Training(evaluations=3))

    assert run.status is status
    assert run.message.startswith(said)
    assert run.curve["step"].tolist() == [0, 4]
    assert np.isfinite(run.curve["value"]).all()
    assert run.first_bad_step is None


@pytest.mark.parametrize("text", ["torch.SGD:lr=1e-300", "gd:lr=1e-300"])
@pytest.mark.parametrize(
    ("kind", "status", "at"),
    [
        *[("nan", Status.NAN, at) for at in (0, 3, 4, 11)],
        *[("inf", Status.DIVERGED, at) for at in (0, 7)],
        *[("large", Status.DIVERGED, at) for at in (4, 7)],
    ],
)
def test_divergence_is_found_at_its_step(kind: str, status: Status, at: int, text: str) -> None:
    """Wherever between two log points, the first bad step is exact and the curve is cut there."""
    problem = f"{HERE}:failing:kind={kind},at={at}"
    run = train(text, problem, budget=12, training=Training(evaluations=3))

    assert (run.status, run.first_bad_step, run.message) == (status, at, "")
    assert run.curve["step"].tolist() == [s for s in (0, 4, 8) if s <= at]


def spoiled() -> Task:
    """Return a task whose loss is NaN at step 5, and fails on it at step 6."""
    return _with_event(_with_event(net(), 5, EVENTS["nan"]), 6, EVENTS["error"])


@pytest.mark.parametrize("text", ["torch.SGD:lr=1e-300", "gd:lr=1e-300"])
def test_a_failure_after_a_nan_is_the_nan(text: str) -> None:
    """What an optimizer raises because its numbers are bad is divergence, found at its step."""
    run = train(text, f"{HERE}:spoiled", budget=12, training=Training(evaluations=3))

    assert (run.status, run.first_bad_step, run.message) == (Status.NAN, 5, "")
    assert run.curve["step"].tolist() == [0, 4]


def test_a_huge_learning_rate_diverges() -> None:
    """From whatever the first step left: the run ends early, without a failure."""
    run = train("torch.SGD:lr=1e6", budget=500, training=Training(evaluations=50))

    assert run.status in (Status.DIVERGED, Status.NAN)
    assert run.first_bad_step is not None
    assert run.last("step") <= run.first_bad_step < 500


def judged_badly(*, at: int = 2) -> Task:
    """Return a task whose validation loss alone is NaN from an evaluation on."""
    task, seen = net(), [0]

    def judged(output: Tensor, target: Tensor) -> Tensor:
        seen[0] += len(target) == 10  # all of the validation data
        return task.loss(output, target) * (torch.nan if seen[0] > at else 1)

    return replace(task, judged_by=judged)


def test_a_validation_loss_that_is_nan_ends_a_run() -> None:
    """At the log point where it is seen, which is cut."""
    run = train(
        "torch.SGD:lr=0.1", f"{HERE}:judged_badly", budget=12, training=Training(evaluations=3)
    )

    assert (run.status, run.first_bad_step) == (Status.NAN, 8)
    assert run.curve["step"].tolist() == [0, 4]


def test_a_run_ends_once() -> None:
    """The first end counts; log points that come later are not the run's."""
    log = Log(rows=2)
    log.write(0, {"value": [1.0, 1.0]})
    log.end(1, 5, float("nan"))
    log.end(1, 7, 1.0)
    log.write(5, {"value": [1.0, float("nan")]})

    assert log.going == [0]
    assert log.ended == {1: ("nan", 5)}
    assert log.curve(1, ["value"])["step"].tolist() == [0]


@pytest.mark.parametrize(("horizon", "evaluations"), [(10, 3), (5, 20), (1, 1), (1000, 20)])
def test_log_points_are_evenly_spaced(horizon: int, evaluations: int) -> None:
    """They end at the horizon, none twice, and their distances differ by one at most."""
    points = log_points(horizon, evaluations)

    assert points[-1] == horizon
    assert len(points) == min(horizon, evaluations)
    assert np.ptp(np.diff([0, *points])) <= 1


@pytest.mark.parametrize("measure", ["value", "error"])
def test_targets_are_noted_and_end_no_run(measure: str) -> None:
    """The first log point at or below each; the run goes on, and is converged at its end."""
    options: dict[str, Any] = {"budget": 60, "training": Training(evaluations=6)}
    heights = train("torch.Adam:lr=0.05", **options)
    height = (
        heights.curve["value"] if measure == "value" else 1 - heights.trained["validation_accuracy"]
    )
    low = float(height.min())
    targets: tuple[str, ...] = (f"{measure}={low + 0.05:.6f}", f"{measure}={low:.12g}")
    if measure == "error":
        targets = (f"error={low:.6f}",)
    run = train("torch.Adam:lr=0.05", targets=targets, **options)

    levels = [float(target.partition("=")[2]) for target in targets]
    steps = [int(run.curve["step"][np.flatnonzero(height <= level + 2e-6)[0]]) for level in levels]
    assert [hit.step for hit in run.hits] == steps
    assert [hit.gradient_calls for hit in run.hits] == steps
    assert run.status is Status.CONVERGED
    assert run.last("step") == 60
    assert train("torch.Adam:lr=0.05", targets=("value=1e-9",), **options).hits == ()


def test_an_error_that_is_exactly_the_target_reaches_it() -> None:
    """1 - 0.9125 is above 0.0875 in floating point, and float32 means are not exact shares."""
    assert 1 - 0.9125 > 0.0875
    for n in (80, 400, 10000):
        mean = torch.tensor([1.0] * round(0.9125 * n) + [0.0] * round(0.0875 * n)).mean().item()
        assert 1 - mean <= 0.0875 + ROUNDING


@dataclass(frozen=True)
class Sealed:
    """Examples that nobody may touch before all steps are taken."""

    inner: Pairs
    steps: list[int]
    opened: list[int]

    def __len__(self) -> int:
        return len(self.inner)

    def to(self, device: torch.device, dtype: torch.dtype) -> Split:
        """Open, at the end only."""
        assert len(self.steps) == 12, "test data before the end"
        self.opened.append(1)
        return self.inner.to(device, dtype)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Only through `to`."""
        raise AssertionError("test data on the side")


@pytest.mark.parametrize("text", ["torch.SGD:lr=0.1", "gd:lr=0.1"])
def test_test_data_is_touched_at_the_end_only(text: str) -> None:
    """A split that fails when it is read early is read once, for the figures of the end."""
    task, steps, opened = net(), list[int](), list[int]()
    assert isinstance(task.test, Pairs)

    def loss(output: Tensor, target: Tensor) -> Tensor:
        steps.append(1)
        return task.loss(output, target)

    sealed = replace(task, loss=loss, judged_by=task.loss, test=Sealed(task.test, steps, opened))
    (batch,) = batches_of(text, budget=12)
    options = dict(batch.specs[0].optimizer.params)
    optimizer = find_optimizer(batch.specs[0].optimizer.name)
    factors = schedule_factors(batch.specs[0], 12)
    (run,), _ = run_training(sealed, optimizer, batch.specs, [options], factors)

    assert (run.status, len(opened)) == (Status.BUDGET, 1)
    assert np.isnan(run.trained["test_loss"][:-1]).all()
    assert np.isfinite([run.last("test_loss"), run.last("test_accuracy")]).all()


def bare() -> Task:
    """Return a task with training data alone."""
    return replace(net(), validation=None, test=None, accuracy=None)


@pytest.mark.parametrize("text", ["torch.Adam:lr=0.05", "adam:lr=0.05"])
def test_without_validation_data_runs_are_compared_by_the_training_loss(text: str) -> None:
    """What is not there is NaN; the value is the mean loss since the log point before."""
    run = train(text, f"{HERE}:bare", budget=20, training=Training(evaluations=4))

    assert run.status is Status.BUDGET
    np.testing.assert_array_equal(run.curve["value"], run.trained["train_loss"])
    assert np.isfinite(run.curve["value"][1:]).all()
    for column in ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy"):
        assert np.isnan(run.trained[column]).all()


def deadly(*, at: int = 5) -> Task:
    """Return a task that kills its process at a step, once."""

    def event(value: Tensor) -> Tensor:
        mark = Path(os.environ["OPTBENCH_TEST_MARK"])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return _with_event(net(), at, event)


def test_a_worker_killed_in_training_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch is tried again and ends well; the others do not notice."""
    monkeypatch.setenv("OPTBENCH_TEST_MARK", str(tmp_path / "mark"))
    batches = batches_of("torch.SGD:lr=0.1", f"{HERE}:deadly", budget=8)
    batches += batches_of("torch.SGD:lr=0.1", NET, budget=8)
    runs: list[Run] = [
        run for finished in execute(batches, jobs=2, setting=Setting()) for run in finished.runs
    ]

    assert (tmp_path / "mark").exists()
    assert [run.status for run in runs] == [Status.BUDGET] * 2


def test_a_failed_run_keeps_its_checkpoint_and_a_finished_one_does_not(tmp_path: Path) -> None:
    """Memory may be there the next time; an end that another try would repeat leaves nothing."""
    (batch,) = batches_of("torch.SGD:lr=0.1", NET, budget=8)
    kept = tmp_path / "kept"
    (late,) = run_batch(batch, Setting(timeout=1e-9, checkpoints=kept)).runs
    assert late.status is Status.TIMEOUT
    assert len(list(kept.iterdir())) == 1
    (run,) = run_batch(batch, Setting(checkpoints=kept)).runs

    assert run.status is Status.BUDGET
    assert not kept.exists()


def test_bf16_trains_on_a_cpu() -> None:
    """Parameters stay float32, losses are near those of full precision, and not the same."""
    full, half = (
        train("torch.Adam:lr=0.01", budget=30, training=Training(precision=precision))
        for precision in ("full", "bf16")
    )

    assert half.status is Status.BUDGET
    np.testing.assert_allclose(half.curve["value"], full.curve["value"], rtol=0.02)
    assert (half.curve["value"] != full.curve["value"]).any()


@pytest.mark.parametrize("text", ["torch.Adam:lr=0.01", "adam:lr=0.01"])
def test_deterministic_changes_nothing_on_a_cpu(text: str) -> None:
    """Not a bit, and the global setting is as it was."""
    plain = train(text, budget=6)
    careful = train(text, budget=6, training=Training(deterministic=True))

    np.testing.assert_array_equal(careful.curve["value"], plain.curve["value"])
    assert not torch.are_deterministic_algorithms_enabled()
