"""Stacks of models: the same numbers as one by one, for less."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from optbench.core.run import Run, Status
from optbench.core.task import Task, Windows
from optbench.core.training import Training
from optbench.engines.execute import run_batch
from optbench.engines.planner import Batch
from optbench.models.transformer import Transformer
from tests.engines.training.problems import NET, batches_of, same, stopped

DIGITS = "image_classifier"
LETTERS = "tests.engines.training.test_stacked:letters"


def letters(*, length: int = 600) -> Task:
    """Return a transformer of 2 layers on a text whose next letter depends on the two before."""
    tokens = torch.zeros(length, dtype=torch.int64)
    tokens[1] = 1
    for i in range(2, length):
        tokens[i] = (3 * tokens[i - 1] + tokens[i - 2] + i // 7) % 11

    def loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())

    return Task(
        module=lambda: Transformer(vocabulary=11, context=8, layers=2, heads=2, width=16),
        loss=loss,
        train=Windows(tokens[:500], 8),
        validation=Windows(tokens[500:], 8, stride=8),
        batch_size=4,
        budget=100,
        replacement=True,
        stacks=("cpu", "cuda"),
    )


def stack(optimizer: str, problem: str, **settings: Any) -> Batch:
    """Return the one batch that a text with several learning rates makes."""
    (batch,) = batches_of(optimizer, problem, **settings)
    assert len(batch.specs) > 1
    return batch


def alone(batch: Batch) -> list[Run]:
    """Run each run of a stack by itself."""
    return [run_batch(Batch("training", (spec,))).runs[0] for spec in batch.specs]


def trained_with(batch: Batch, **options: Any) -> Batch:
    """Return a batch with other options of training."""
    training = Training(**options)
    specs = tuple(dataclasses.replace(spec, training=training) for spec in batch.specs)
    return Batch(batch.engine, specs)


@pytest.mark.parametrize(
    ("problem", "optimizer"),
    [
        (DIGITS, "heavy_ball:lr=1e-3/1e-2/3e-2"),
        (DIGITS, "lion:lr=1e-5/1e-4/3e-4"),
        (DIGITS, "sophia_h:lr=1e-4/1e-3"),
        (LETTERS, "adamw:lr=1e-4/3e-3,clip_norm=1"),
        (LETTERS, "muon:lr=1e-3/1e-2"),
        (LETTERS, "schedule_free_sgd:lr=1e-2/.3"),
    ],
)
def test_a_stack_learns_what_its_runs_learn_one_by_one(problem: str, optimizer: str) -> None:
    """Every recorded loss and norm of 100 steps agrees to 1e-3 relative, in float32."""
    batch = trained_with(stack(optimizer, problem, budget=100, dtype="float32"), evaluations=10)
    stacked = run_batch(batch).runs
    finals = [run.last("train_loss") for run in stacked]
    for run, single in zip(stacked, alone(batch), strict=True):
        assert run.status is single.status is Status.BUDGET, run.message
        for name in ("train_loss", "validation_loss", "update_ratio"):
            np.testing.assert_allclose(run.trained[name], single.trained[name], rtol=1e-3)
        np.testing.assert_allclose(
            run.curve["gradient_norm"], single.curve["gradient_norm"], rtol=1e-2
        )
    assert len({round(loss, 4) for loss in finals}) == len(finals), "the rates make a difference"


@pytest.mark.parametrize("optimizer", ["adamw:lr=1e-4/3e-3", "muon:lr=1e-3/1e-2"])
def test_a_stack_differs_from_single_runs_by_rounding_only(optimizer: str) -> None:
    """In float64 the losses of a transformer agree to 1e-11."""
    batch = stack(optimizer, LETTERS, budget=20, dtype="float64")
    for run, single in zip(run_batch(batch).runs, alone(batch), strict=True):
        np.testing.assert_allclose(run.curve["value"], single.curve["value"], rtol=1e-11)


@pytest.mark.parametrize("order", [1, -1])
def test_runs_that_diverge_do_not_disturb_the_others(order: int) -> None:
    """Whether the runs that end are the last rows or the first, the others go on as if alone."""
    batch = stack("heavy_ball:lr=1e-3/1e-2/1e4/1e6/1e8", DIGITS, budget=60)
    batch = Batch("training", batch.specs[::order])
    runs = run_batch(batch).runs
    rates = [run.hyper["lr"] for run in runs]
    for rate, run, single in zip(rates, runs, alone(batch), strict=True):
        assert run.status is single.status
        assert (run.status is Status.BUDGET) == (rate < 1)
        assert run.first_bad_step == single.first_bad_step
        assert len(run.curve["step"]) == len(single.curve["step"])
        np.testing.assert_allclose(run.curve["value"], single.curve["value"], rtol=1e-3)
        if rate < 1:
            assert math.isfinite(run.last("test_loss"))
            assert run.last("test_accuracy") == pytest.approx(single.last("test_accuracy"))


def test_a_stack_shrinks_once_half_of_its_runs_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gradients are taken of 5 models at first and of 2 after the others have diverged."""
    from optbench.engines.training.objective import Objective

    sizes: list[int] = []
    derivatives = Objective.derivatives

    def counted(self: Objective, x: torch.Tensor, *batch: torch.Tensor) -> Any:
        sizes.append(len(x))
        return derivatives(self, x, *batch)

    monkeypatch.setattr(Objective, "derivatives", counted)
    run_batch(stack("heavy_ball:lr=1e-3/1e-2/1e4/1e6/1e8", DIGITS, budget=60))
    assert sizes[0] == 5
    assert sizes[-1] == 2
    assert sorted(sizes, reverse=True) == sizes


@pytest.mark.parametrize("after", [2, 20, 45])
def test_a_shrunk_stack_goes_on_from_its_checkpoint(tmp_path: Path, after: int) -> None:
    """Stopped before or after it shrank, a stack ends with the bits of one that was not."""
    batch = stack("adamw:lr=1e-3/1e-2/1e7/1e8/1e9,weight_decay=.1", NET, budget=60)
    whole = run_batch(batch).runs
    resumed = stopped(batch, tmp_path, after)()
    assert {run.status for run in whole} > {Status.BUDGET}
    assert all(map(same, whole, resumed))


@pytest.mark.parametrize("precision", ["full", "bf16"])
def test_accumulated_parts_make_the_gradient_of_the_batch(precision: str) -> None:
    """A stack whose batches are cut into 3 parts of unequal size learns the same, to rounding."""
    batch = stack("heavy_ball:lr=1e-3/1e-2", DIGITS, budget=30)
    runs = run_batch(trained_with(batch, precision=precision)).runs
    parts = run_batch(trained_with(batch, precision=precision, accumulate=3)).runs
    tolerance = 1e-5 if precision == "full" else 1e-2
    for run, cut in zip(runs, parts, strict=True):
        np.testing.assert_allclose(cut.curve["value"], run.curve["value"], rtol=tolerance)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("default::DeprecationWarning", "error::UserWarning")
@pytest.mark.parametrize("problem", [DIGITS, LETTERS])
@pytest.mark.parametrize(
    "optimizer", ["torch.AdamW:lr=1e-3", "adamw:lr=1e-3", "adamw:lr=1e-3/3e-3"]
)
def test_a_compiled_model_learns_the_same_and_is_compiled_once(
    problem: str, optimizer: str
) -> None:
    """Losses agree to 1e-3 relative, and all steps go through one graph."""
    import torch._dynamo

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    (batch,) = batches_of(optimizer, problem, budget=40, dtype="float32")
    compiled = run_batch(trained_with(batch, compile=True)).runs
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    for run, eager in zip(compiled, run_batch(batch).runs, strict=True):
        assert run.status is Status.BUDGET, run.message
        np.testing.assert_allclose(run.curve["value"], eager.curve["value"], rtol=1e-3)
