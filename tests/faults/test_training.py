"""Learning runs that are killed, interrupted or fail: they go on to the same bits, or say why."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.training.problems import same
from tests.faults.conftest import stored

TASK = '''
import os, signal
from pathlib import Path
import torch
from torch import nn
from optbench.core.task import Pairs, Task, accuracy

import optbench.engines.training.checkpoint as checkpoint

checkpoint.Checkpoint.due = True  # at every step
PLAN = Path(os.environ.get("OPTBENCH_TEST_PLAN", "/nonexistent"))


def noted(output, target):
    """The loss, which sends its process a signal when the step is one that the plan names."""
    if output.requires_grad and PLAN.is_file():
        steps, number = PLAN.read_text().split()
        (PLAN.with_name("seen")).open("a").write(".")
        if len(PLAN.with_name("seen").read_text()) == int(steps):
            PLAN.unlink()
            PLAN.with_name("seen").unlink()
            os.kill(os.getpid(), int(number))
    return nn.functional.cross_entropy(output, target)


def net():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 6, generator=generator)
    y = torch.randint(0, 3, (90,), generator=generator)
    return Task(
        module=lambda: nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 3)
        ),
        loss=noted,
        train=Pairs(x[:60], y[:60]),
        validation=Pairs(x[60:], y[60:]),
        accuracy=accuracy,
        judged_by=nn.functional.cross_entropy,
        batch_size=8,
        budget=16,
    )
'''

OPTIMIZERS = ("torch.AdamW", "schedulefree.AdamWScheduleFree", "muon")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """Return a user's file with a problem that can kill its own process."""
    path = tmp_path / "mine.py"
    path.write_text(TASK)
    return path


def _command(
    task: Path, results: str, *options: str, at: int = 0, number: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, or to the signal that comes at a step."""
    plan_ = task.with_name("plan")
    if at:
        plan_.write_text(f"{at} {number}")
    flags = [word for text in OPTIMIZERS for word in ("-o", text)]
    command = [sys.executable, "-m", "optbench", "run", "-p", f"{task}:net", *flags]
    command += ["--lr", "0.01", "--no-report", "--results", results, *options]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=task.parent,
        env=os.environ | {"OPTBENCH_TEST_PLAN": str(plan_)},
    )


def _same_store(task: Path, a: str, b: str) -> bool:
    left, right = stored(task.parent / a), stored(task.parent / b)
    return left.keys() == right.keys() and all(same(run, right[k]) for k, run in left.items())


def test_killed_at_any_step_a_run_ends_with_the_same_bits(task: Path) -> None:
    """SIGKILL, SIGTERM and Ctrl-C at random steps, in this process and in a worker."""
    whole = _command(task, "whole", "-j", "1")
    assert whole.returncode == 0, whole.stderr
    moments, ends = random.Random(0), []
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        at = moments.randrange(1, 16)
        done = _command(task, "killed", "-j", "1", at=at, number=number)
        ends.append(done.returncode)
        assert "Traceback" not in done.stderr
        assert list((task.parent / "killed" / "checkpoints").glob("*.pt"))
    _command(task, "killed", "-j", "2", at=moments.randrange(1, 8), number=signal.SIGKILL)
    done = _command(task, "killed", "-j", "2")

    assert ends == [-signal.SIGKILL, 128 + signal.SIGTERM, 130]
    assert done.returncode == 0, done.stderr
    assert _same_store(task, "killed", "whole")
    assert not (task.parent / "killed" / "checkpoints").exists()
