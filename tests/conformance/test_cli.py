"""`optbench conform` as it is typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from optbench.__main__ import main

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


@pytest.fixture
def conform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs the command in a folder with `mine.py`: status, stdout, stderr.

    In this process: a new one takes seconds to load torch.
    """
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["optbench", "conform", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


Conform = Callable[..., tuple[int, str, str]]


def test_a_class_that_conforms_exits_0(conform: Conform) -> None:
    """The table goes to stdout, the verdict is its last line."""
    status, out, err = conform("mine.py:Descent", "--as", "gd")

    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "mine.py:Descent conforms to gd"
    assert out.startswith("check ")


def test_a_class_that_deviates_exits_1_and_is_named(conform: Conform) -> None:
    """JSON holds the verdict, the diagnosis and every check."""
    status, out, _ = conform("mine.py:Half", "--as", "gd", "--json")
    told = json.loads(out)

    assert status == 1
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
def test_bad_input_is_one_line_and_exits_2(
    arguments: list[str], said: str, conform: Conform
) -> None:
    """Nothing is run, and the line says what is wrong."""
    status, out, err = conform(*arguments)

    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
