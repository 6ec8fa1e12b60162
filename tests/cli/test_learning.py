"""Learning problems as they are typed: options that reach the run, mistakes that stop it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optbench.core.training import Training
from optbench.store import open_store
from tests.cli.conftest import Command

TASK = """
import torch
from optbench import Pairs, Task, accuracy

torch.manual_seed(0)
X = torch.randn(40, 3)

def net(*, labels: int = 2):
    return Task(
        module=lambda: torch.nn.Linear(3, 2),
        loss=torch.nn.functional.cross_entropy,
        train=Pairs(X, (X.sum(1) > 0).long() * (labels - 1)),
        validation=Pairs(X, (X.sum(1) > 0).long()),
        accuracy=accuracy,
        batch_size=10,
        budget=12,
    )

def model():
    return torch.nn.Linear(3, 2)

def pictures():
    from optbench.data.library import load
    load("fashion-mnist"), load("a9a")
"""
RUN = ("run", "-o", "torch.SGD", "--lr", "0.1", "-j", "1", "-p")


@pytest.fixture(autouse=True)
def task(tmp_path: Path) -> None:
    """Write the file that the commands name."""
    (tmp_path / "mine.py").write_text(TASK)


def test_options_of_training_reach_the_store(optbench: Command, tmp_path: Path) -> None:
    """Flags are part of the stored spec; budget, dtype and targets are the task's own."""
    options = ("--accumulate", "2", "--evaluations", "3", "--sharpness", "--deterministic")
    done = optbench(*RUN, "mine.py:net", *options)
    with open_store(tmp_path / "results") as store:
        ((_, run),) = [(record.key, record.run) for record in store.read()]

    assert done.returncode == 0, done.stderr
    assert run.spec.training == Training(
        accumulate=2, evaluations=3, sharpness=True, deterministic=True
    )
    assert (run.spec.budget, run.spec.dtype, run.spec.targets) == (12.0, "float32", ())
    assert list(run.curve["step"]) == [0, 4, 8, 12]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("quadratic", "--precision", "bf16"), "precision: only learning problems take this"),
        (("mine.py:net", "--precision", "b16"), "unknown precision 'b16'; did you mean bf16"),
        (("mine.py:net", "--evaluations", "0"), "evaluations must be a whole number from 1 on"),
        (("mine.py:net", "--target", "1e-6"), "its targets are value="),
        (("mine.py:net:labels=4",), "targets go from 0 to 3 and Target 3 is out of bounds"),
        (("mine.py:model",), "mine.py:model returned a Linear; a problem's function takes"),
        (("mine.py:net", "-o", "adamw:weight_decay@baias=0"), "no parameter matches 'baias'"),
    ],
)
def test_mistakes_are_one_line(
    optbench: Command, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    """Exit status 2, one line on stderr, nothing run and nothing written."""
    done = optbench(*RUN, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_missing_data_is_said_with_the_commands(optbench: Command, tmp_path: Path) -> None:
    """Exit status 2, and the line can be copied."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "suite.toml").write_text(
        'about = "a"\nreference = "b"\n[[runs]]\noptimizers = ["adam"]\n'
        'problems = ["mine.py:pictures", "char_transformer"]\n'
    )
    empty = {**os.environ, "OPTBENCH_DATA": str(tmp_path / "empty")}
    done = optbench("run", "--suite", "./mine", env=empty)

    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    for name in ("fashion-mnist", "tinyshakespeare"):
        assert f"{name} is not here: optbench data fetch {name}" in done.stderr
