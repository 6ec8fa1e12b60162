"""`optbench verify`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from optbench.__main__ import main
from optbench.cli import cli
from tests.cli.conftest import Command

OWN = r"""
import torch

class Plain(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad

class Loud(Plain):
    def step(self, closure=None):
        print("a line from a step")
        super().step()

class Rude(Plain):
    def step(self, closure=None):
        raise ValueError("red \x1b[31m, and on\ntwo lines")

class Twice(Plain):
    def __init__(self, params, lr):
        super().__init__(params, 2 * lr)
"""


def test_the_table_names_what_was_checked(optbench: Command) -> None:
    """Id, sentence, both numbers, tolerance and verdict on stdout; exit status 0."""
    done = optbench("verify", "gd-03", "HB-01")
    assert done.returncode == 0, done.stderr
    for word in ("GD-03", "HB-01", "theory", "measured", "tightness", "PASS"):
        assert word in done.stdout


def test_json_is_one_array(optbench: Command) -> None:
    """One object a row, on stdout alone."""
    done = optbench("verify", "HB-01", "--json")
    (row,) = json.loads(done.stdout)
    assert row["id"] == "HB-01"
    assert row["verdict"] == "PASS"
    assert abs(row["measured"] - row["theory"]) <= 3e-7 * row["theory"]


def test_a_users_optimizer_is_held_to_the_claims(optbench: Command, tmp_path: Path) -> None:
    """The right one passes, the one with a wrong factor fails with status 1."""
    (tmp_path / "own.py").write_text(OWN)
    assert optbench("verify", "GD-03", "--optimizer", "own.py:Plain").returncode == 0
    done = optbench("verify", "GD-03", "HB-01", "--optimizer", "own.py:Twice")
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "HB-01 SKIPPED: own.py:Twice takes no momentum=, which this needs" in done.stdout


def test_figures_and_page_are_written(optbench: Command, tmp_path: Path) -> None:
    """A file for each figure, and a page with the second page of textbooks beside it."""
    done = optbench("verify", "GD-03", "--figures", "fig", "--html", "-o", "page")
    assert done.returncode == 0, done.stderr
    assert any("GD-03" in path.name for path in (tmp_path / "fig").iterdir())
    assert "GD-03" in (tmp_path / "page" / "index.html").read_text()
    assert (tmp_path / "page" / "textbooks.html").is_file()


def test_quick_names_what_it_leaves_out(optbench: Command) -> None:
    """A long claim is listed on stderr and not run; nothing left to run is bad input."""
    done = optbench("verify", "PEP-05", "HB-01", "--quick")
    assert done.returncode == 0
    assert "left out, because they take long: PEP-05" in done.stderr
    assert "PEP-05" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("GD-3",), "did you mean GD-03"),
        (("GD-03", "--optimizer", "torch.SDG"), "SGD"),
        (("GD-03", "--optimizer", "torch.SGD:lrr=1"), "did you mean lr"),
        (("GD-03", "--optimizer", "torch.SGD:lr=1"), "leave lr= out"),
        (("GD-03", "--optimizer", ""), "is not a spec"),
        (("GD-03", "--optimizer", "nowhere.py:X"), "no such file"),
        (("PEP-05", "--quick"), "nothing to check; left out, because they take long: PEP-05"),
        (("HB-01", "--optimizer", "torch.Adam"), "no claim can be checked of torch.Adam"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...],
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Unknown claims and optimizers are named with what is near; exit status 2."""
    monkeypatch.setattr(sys, "argv", ["optbench", "verify", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()

    last = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    assert last.startswith("optbench: ")
    assert hint in last


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_an_optimizer_prints_is_not_among_the_data(
    optbench: Command, tmp_path: Path, jobs: str
) -> None:
    """It goes to stderr, from this process and from its workers: stdout is JSON alone."""
    (tmp_path / "own.py").write_text(OWN)
    done = optbench("verify", "GD-01b", "--optimizer", "own.py:Loud", "--json", "-j", jobs)
    (row,) = json.loads(done.stdout)
    assert row["verdict"] == "PASS"
    assert "a line from a step" in done.stderr


def test_a_reason_is_one_line_without_control_characters(optbench: Command, tmp_path: Path) -> None:
    """What an optimizer raises cannot colour the terminal."""
    (tmp_path / "own.py").write_text(OWN)
    done = optbench("verify", "GD-01b", "--optimizer", "own.py:Rude", "-j", "1")
    assert done.returncode == 1
    assert "ValueError: red \ufffd[31m, and on two lines (own.py:" in done.stdout


def test_missing_extras_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are skipped with what to install, and the exit status stays 0."""
    monkeypatch.setattr("optbench.theory.verify.EXTRAS", {"pepit": "no_such_module"})
    done = CliRunner().invoke(cli, ["verify", "PEP-01", "-j", "1"])
    assert done.exit_code == 0
    assert 'PEP-01 SKIPPED: needs pip install "optbench[pepit]"' in done.output


def test_a_closed_stdout_or_a_reader_that_leaves_is_no_mistake(tmp_path: Path) -> None:
    """`>&-` and `| head` end with status 0 and without a traceback."""
    command = f"{sys.executable} -m optbench verify GD-01b --json -j 1"
    for line in (f"{command} >&-", f"set -o pipefail; {command} | true"):
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "Traceback" not in done.stderr
