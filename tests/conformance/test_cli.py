"""`optbench conform` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MINE = """
import torch


class Descent(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad)


class Half(Descent):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data.sub_(2 * group["lr"] * p.grad)


class Needy:
    def __init__(self, params, more):
        pass

    def step(self):
        pass
"""


def _conform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "mine.py").write_text(MINE)
    return subprocess.run(
        [sys.executable, "-m", "optbench", "conform", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def test_a_class_that_conforms_exits_0(tmp_path: Path) -> None:
    """The table goes to stdout, the verdict is its last line."""
    done = _conform(tmp_path, "mine.py:Descent", "--as", "gd")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "mine.py:Descent conforms to gd"
    assert done.stdout.startswith("check ")


def test_a_class_that_deviates_exits_1_and_is_named(tmp_path: Path) -> None:
    """JSON holds the verdict, the diagnosis and every check."""
    done = _conform(tmp_path, "mine.py:Half", "--as", "gd", "--json")
    told = json.loads(done.stdout)

    assert done.returncode == 1
    assert told["verdict"] == "deviates"
    assert told["diagnosis"]["text"] == "the gradient counts twice"
    assert {row["verdict"] for row in told["rows"]} >= {"deviates", "not applicable"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine.py:Descent"], "which equation is mine.py:Descent meant to be? --as one of: gd,"),
        (["mine.py:Descent", "--as", "gdd"], "unknown equation 'gdd'; did you mean gd"),
        (["mine.py:Needy", "--as", "gd"], "mine.py:Needy cannot be built: TypeError"),
        (["mine.py:Absent", "--as", "gd"], "unknown name in mine.py: 'Absent'"),
        (["nothing.py:X", "--as", "gd"], "no such file"),
        (["torch.Adamm"], "which equation is torch.Adamm meant to be?"),
        ([], "conform takes the name of one implementation, or --all"),
        (["torch.SGD", "--all"], "conform takes the name of one implementation, or --all"),
    ],
)
def test_bad_input_is_one_line_and_exits_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Nothing is run, and the line says what is wrong."""
    done = _conform(tmp_path, *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
