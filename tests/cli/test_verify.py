"""`optbench verify`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command

OWN = """
import torch

class Plain(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad

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


def test_bad_input_is_one_line(optbench: Command) -> None:
    """Unknown claims and optimizers are named with what is near; exit status 2."""
    for arguments, hint in (
        (("GD-3",), "did you mean GD-03"),
        (("GD-03", "--optimizer", "torch.SDG"), "SGD"),
        (("GD-03", "--optimizer", "torch.SGD:lrr=1"), "did you mean lr"),
        (("GD-03", "--optimizer", "nowhere.py:X"), "no such file"),
        (("HB-01", "--optimizer", "torch.Adam"), "nothing was checked"),
    ):
        done = optbench("verify", *arguments)
        assert done.returncode == 2, arguments
        assert hint in done.stderr
        assert "Traceback" not in done.stderr
