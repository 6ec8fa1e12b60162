"""`optbench rate`: the rates of stored runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

import optbench
from optbench.cli import cli
from optbench.core.errors import OptbenchError


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store of three runs."""
    folder = tmp_path_factory.mktemp("rates") / "results"
    optbench.run(
        ["quadratic:kappa=100", "power:p=4"], ["gd", "adam"], lr=0.5, budget=3000, results=folder
    )
    return folder


def rows(store: Path, *arguments: str) -> list[dict[str, object]]:
    """Return what `optbench rate --json` prints."""
    done = CliRunner().invoke(cli, ["rate", "--results", str(store), "--json", *arguments])
    assert done.exit_code == 0, done.output
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_json_is_one_array_with_an_object_a_run(store: Path) -> None:
    """Every run is there, with its kind, rate, error, window and theory."""
    found = rows(store)
    (descent,) = [row for row in found if row["kind"] == "geometric"]

    assert len(found) == 4
    assert descent["problem"] == "quadratic:kappa=100"
    assert descent["value"] == pytest.approx(-2 * math.log(1 - 0.005), rel=0.02)
    assert descent["theory"]["value"] == pytest.approx(-2 * math.log(1 - 0.005))  # type: ignore[index]
    assert {"error", "window", "measure", "reason", "rho", "steps_per_decade"} <= set(descent)


def test_runs_are_picked_by_problem_optimizer_and_digits(store: Path) -> None:
    """Names, labels and globs pick runs, and the first digits of a digest one of them."""
    assert len(rows(store, "-p", "power")) == 2
    assert len(rows(store, "-p", "power:p=4", "-o", "g*")) == 1
    (one,) = rows(store, "-p", "quadratic*", "-o", "gd")
    assert rows(store, str(one["run"])[:10]) == [one]


def test_a_users_optimizer_is_picked_by_its_name(tmp_path: Path) -> None:
    """A name with a colon in it, `file.py:Name`, is a name like any other."""
    (tmp_path / "own.py").write_text("from torch.optim import SGD\nclass Mine(SGD): pass\n")
    name, folder = f"{tmp_path}/own.py:Mine", tmp_path / "results"
    optbench.run("power:p=4", [name, "gd"], lr=0.5, budget=20, results=folder)

    (mine,), (other,) = rows(folder, "-o", name), rows(folder, "-o", "gd")
    assert str(mine["optimizer"]).startswith(f"{name}:")
    assert str(other["optimizer"]).startswith("gd:")


def test_the_table_has_a_row_a_run(store: Path) -> None:
    """The run's first digits, its kind and the rate in words."""
    done = CliRunner().invoke(cli, ["rate", "--results", str(store), "-p", "power", "-o", "gd"])

    assert done.exit_code == 0
    assert "power law" in done.stdout
    assert "t^(-2" in done.stdout
    assert rows(store, "-p", "power", "-o", "gd")[0]["run"][:10] in done.stdout  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "quadratc"], r"unknown problem 'quadratc'; did you mean quadratic\?"),
        (["-o", "adm"], r"unknown optimizer 'adm'; did you mean adam\?"),
        (["zzz"], r"unknown run 'zzz' \(known: none\)"),
    ],
)
def test_what_is_not_in_the_store_is_named(store: Path, arguments: list[str], message: str) -> None:
    """An unknown run, problem or optimizer is the caller's mistake, with the nearest names."""
    with pytest.raises(OptbenchError, match=message):
        CliRunner().invoke(
            cli, ["rate", "--results", str(store), *arguments], catch_exceptions=False
        )


def test_a_prefix_one_digit_off_has_near_names(store: Path) -> None:
    """The nearest digests are suggested."""
    name = str(rows(store)[0]["run"])[:10]
    wrong = name[:-1] + ("0" if name[-1] != "0" else "1")

    with pytest.raises(OptbenchError, match=f"did you mean {name}"):
        CliRunner().invoke(cli, ["rate", "--results", str(store), wrong], catch_exceptions=False)
