"""Training on a GPU: the same examples, nearly the same losses, and no waiting between looks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optbench.core.run import Status
from optbench.core.training import Training
from optbench.engines.execute import Setting, run_batch
from optbench.engines.planner import Batch
from optbench.engines.training.batches import Batches
from tests.engines.training.problems import NET, batches_of, net, same, stopped, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here"),
]

HARD = f"{NET}:norm=true,noisy=true"
OPTIMIZERS = ["torch.AdamW:lr=0.01,clip_norm=1", "adamw:lr=0.01,clip_norm=1", "muon:lr=0.01"]


@contextlib.contextmanager
def _float32_in_full() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def test_batches_are_the_same_bits_on_a_gpu() -> None:
    """Examples and what is drawn for them, over several blocks and epochs."""
    task = net(noisy=True)
    own, moved = (
        Batches(task, 0, size=7, sampling="epochs", device=torch.device(name), dtype=torch.float32)
        for name in ("cpu", "cuda")
    )
    for t in (0, 1, 63, 64, 200):
        for a, b in zip(own.at(t), moved.at(t), strict=True):
            assert torch.equal(a, b.cpu())


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_a_gpu_trains_as_a_cpu_does(text: str) -> None:
    """Fifty steps with batch norm and augmentation: losses agree to 1e-4."""
    options: dict[str, Any] = {"budget": 50, "training": Training(evaluations=10)}
    with _float32_in_full():
        cpu, gpu = (train(text, HARD, device=device, **options) for device in ("cpu", "cuda"))

    assert gpu.status is Status.BUDGET
    np.testing.assert_allclose(gpu.curve["value"], cpu.curve["value"], rtol=1e-4)
    np.testing.assert_allclose(gpu.trained["train_loss"], cpu.trained["train_loss"], rtol=1e-4)
    assert 0 < gpu.last("peak_memory") < 1e9


@pytest.mark.parametrize("text", [*OPTIMIZERS, "schedulefree.AdamWScheduleFree:lr=0.01"])
def test_a_run_goes_on_to_the_same_bits_in_deterministic_mode(text: str, tmp_path: Path) -> None:
    """Dropout included; the global setting is as it was."""
    if text.startswith("schedulefree"):
        pytest.importorskip("schedulefree")
    (batch,) = batches_of(
        text,
        f"{HARD},drop=0.2",
        budget=12,
        device="cuda",
        training=Training(evaluations=3, deterministic=True),
    )
    (whole,) = run_batch(batch).runs
    (run,) = stopped(batch, tmp_path, after=5)()

    assert whole.status is Status.BUDGET
    assert same(run, whole)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_steps_between_log_points_do_not_wait_for_the_device(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch raises at any synchronisation inside a step, except one that is looked at."""
    from optbench.engines.training.classes import ClassStepper
    from optbench.engines.training.rules import RuleStepper

    taken = []
    for stepper in (ClassStepper, RuleStepper):
        plain: Any = stepper.step

        def step(self: Any, t: int, *, look: bool, plain: Any = plain) -> Any:
            torch.cuda.set_sync_debug_mode("default" if look or t == 0 else "error")
            try:
                taken.append(t)
                return plain(self, t, look=look)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        monkeypatch.setattr(stepper, "step", step)
    run = train(text, HARD, budget=80, device="cuda", training=Training(evaluations=2))

    assert (run.status, run.message) == (Status.BUDGET, "")
    assert len(taken) == 80


@pytest.mark.parametrize("text", ["torch.AdamW:lr=0.01", "adamw:lr=0.01"])
@pytest.mark.parametrize("training", [Training(precision="bf16"), Training(compile=True)])
def test_other_ways_to_compute_stay_close(text: str, training: Training) -> None:
    """bf16 and compiled runs have nearly the losses of a plain one."""
    plain = train(text, budget=20, device="cuda")
    run = train(text, budget=20, device="cuda", training=training)

    assert run.status is Status.BUDGET
    np.testing.assert_allclose(run.curve["value"], plain.curve["value"], rtol=0.02)


def test_a_stack_is_its_runs_one_by_one() -> None:
    """Eight learning rates as one stacked model, over 100 steps."""
    options: dict[str, Any] = {"budget": 100, "device": "cuda"}
    with _float32_in_full():
        (stack,) = batches_of("adam:lr=1e-4..1e-2:8", **options)
        together = run_batch(stack).runs
        alone = [run_batch(Batch("training", (spec,))).runs[0] for spec in stack.specs]

    assert len(stack.specs) == 8
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.curve["value"], b.curve["value"], rtol=1e-3)


def test_too_little_memory_is_a_status_and_the_next_run_is_well() -> None:
    """A model that no GPU holds."""
    wide = "tests.engines.training.test_gpu:wide"
    (batch,) = batches_of("torch.SGD:lr=0.1", wide, budget=3, device="cuda")
    (run,) = run_batch(batch, Setting()).runs

    assert run.status is Status.OUT_OF_MEMORY
    assert train("torch.SGD:lr=0.1", budget=3, device="cuda").status is Status.BUDGET


def wide() -> Any:
    """Return a task whose forward pass in training asks for a petabyte."""
    from dataclasses import replace

    task = net()

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if output.is_cuda and output.requires_grad:
            torch.empty(2**50, dtype=torch.uint8, device=output.device)
        return task.loss(output, target)

    return replace(task, loss=loss, judged_by=task.loss)
