"""The program as it is typed: what it prints, where it writes, how it exits."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from optbench.cli.options import left_out
from optbench.store import Damage
from tests.cli.conftest import Command

SMALL = ["run", "-p", "quadratic:dim=5", "-o", "gd", "--lr", "0.1/0.5", "--budget", "50", "-j", "1"]


def test_a_run_prints_a_table_and_stores_its_runs(optbench: Command, tmp_path: Path) -> None:
    """The table goes to stdout, the runs to results/results.db, and no report is made unasked."""
    done = optbench(*SMALL)

    assert done.returncode == 0, done.stderr
    assert "best lr" in done.stdout
    assert "2 new" in done.stdout
    assert (tmp_path / "results" / "results.db").is_file()
    assert not (tmp_path / "reports").exists()


def test_a_second_run_does_nothing(optbench: Command) -> None:
    """What is there is not run again, and the same table comes from the store."""
    first, second = optbench(*SMALL, "--json"), optbench(*SMALL, "--json")
    a, b = json.loads(first.stdout), json.loads(second.stdout)

    assert (a["new"], b["new"]) == (2, 0)
    assert a["summary"] == b["summary"]
    assert b["engine_seconds"] == 0


def test_changed_code_runs_again_and_the_older_runs_stay(optbench: Command, tmp_path: Path) -> None:
    """An edit in a helper of a user's optimizer makes new runs; the old ones are counted."""
    (tmp_path / "factor.py").write_text("FACTOR = 1.0\n")
    (tmp_path / "mine.py").write_text(
        "from factor import FACTOR\n"
        "class Mine:\n"
        "    def __init__(self, params, lr=0.1):\n"
        "        self.params, self.lr = list(params), lr\n"
        "    def step(self):\n"
        "        for p in self.params:\n"
        "            p.data -= FACTOR * self.lr * p.grad\n"
    )
    command = ["run", "-p", "quadratic:dim=5", "-o", "mine.py:Mine", "--budget", "20", "--json"]
    first = json.loads(optbench(*command).stdout)
    (tmp_path / "factor.py").write_text("FACTOR = 1.0  # the same\n")
    comment = json.loads(optbench(*command).stdout)
    (tmp_path / "factor.py").write_text("FACTOR = 2.0\n")
    changed = json.loads(optbench(*command).stdout)

    assert [r["new"] for r in (first, comment, changed)] == [1, 0, 1]
    assert [r["older"] for r in (first, comment, changed)] == [0, 0, 1]
    assert changed["summary"][0]["final"] < first["summary"][0]["final"]


def test_a_dry_run_plans_and_touches_nothing(optbench: Command, tmp_path: Path) -> None:
    """The plan tells runs, engines and time, and leaves no file behind."""
    done = optbench(*SMALL, "--dry-run")

    assert done.returncode == 0
    assert "batched" in done.stdout
    assert "2 runs in 1 batches" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_one_page(optbench: Command, tmp_path: Path) -> None:
    """--report writes a page that names problem and optimizer."""
    done = optbench(*SMALL, "--report", "page")
    page = (tmp_path / "page" / "index.html").read_text()

    assert done.returncode == 0, done.stderr
    assert "page/index.html" in done.stdout
    assert "quadratic:dim=5" in page


def test_a_users_suite_problem_and_optimizer(optbench: Command, tmp_path: Path) -> None:
    """A suite folder of one's own, with a problem and an optimizer from one's own files."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "suite.toml").write_text(
        'about = "a"\nreference = "b"\nbudget = 30\n[[runs]]\n'
        'problems = ["bowl.py:bowl"]\noptimizers = ["rule.py:RULE"]\nlr = [0.1, "1/L"]\n'
    )
    (tmp_path / "bowl.py").write_text(
        "from optbench import Facts, problem_from_function\n"
        "def bowl(*, steepness: float = 3.0):\n"
        "    facts = Facts(dim=2, smoothness=2 * steepness, f_star=0.0)\n"
        "    return problem_from_function(\n"
        "        lambda x: steepness * (x * x).sum(-1), [1.0, 1.0], facts=facts)\n"
    )
    (tmp_path / "rule.py").write_text(
        "from optbench import UpdateRule\n"
        "def step(x, state, oracle, t, *, lr=0.1):\n"
        '    """x+ = x - lr g."""\n'
        "    return x - lr * oracle.gradient(x), state\n"
        "RULE = UpdateRule(step=step)\n"
    )
    done = optbench("run", "--suite", "./mine", "--json", "-j", "1")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statuses"] == {"converged": 2}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("run", "--problem is missing"),
        ("run -p quadratic", "--optimizer is missing"),
        ("run --suite convx", "unknown suite 'convx'; did you mean convex"),
        ("run --suite ./nowhere", "no suite at ./nowhere"),
        ("run --suite convex --lr 1", "--lr does not go with --suite"),
        ("run -p quadratik -o gd", "unknown problem 'quadratik'; did you mean quadratic"),
        ("run -p quadratic -o admm", "unknown optimizer 'admm'"),
        ("run -p quadratic -o torch.Adma", "did you mean torch.Adam"),
        ("run -p quadratic -o gd -s cosin", "unknown schedule 'cosin'; did you mean cosine"),
        ("run -p quadratic:kapa=1 -o gd", "did you mean kappa"),
        ("run -p quadratic:kappa=0.5 -o gd", "kappa must be in [1, inf), got 0.5"),
        ("run -p quadratic -o gd --lr -1", "lr must be in (0, inf)"),
        ("run -p quadratic -o gd --lr nan", "lr must be a number or a tuning"),
        ("run -p quadratic -o gd --lr 1..0:5", "low < high"),
        ("run -p huber:T=0 -o gd", "T must be in"),
        ("run -p quadratic -o gd --budget 0", "budget must be"),
        ("run -p quadratic -o gd --budget nan", "budget must be"),
        ("run -p quadratic -o gd --seeds 0", "seeds must be at least 1"),
        ("run -p quadratic -o gd --target 2", "target must be in"),
        ("run -p quadratic -o gd --jobs 0", "jobs"),
        ("run -p quadratic -o gd --timeout -3", "timeout"),
        ("run -p quadratic -o gd --device tpu", "unknown device 'tpu'"),
        ("run -p quadratic -o gd --dtype half", "unknown dtype 'half'"),
        ("run -p quadratic -o gd -s cosine:steps=5000", "longer than the run of 1000"),
        ("run -p quadratic -o gd -s warmup_cosine:warmup=5000", "longer than the schedule"),
        ("run -p missing.py:f -o gd", "no such file"),
        ("run -p quadratic -o missing.py:Opt", "no such file"),
        ("run -p quadratic -o math:pi", "an optimizer is a class"),
        ("run -p math:pi -o gd", "a problem is a Problem"),
        ("run -p quadratic -o gd --bugdet 3", "--budget"),
        ("rnu", "No such command 'rnu'"),
        ("show quadratik", "did you mean quadratic"),
        ("show quadratic:kappa=0", "kappa must be"),
        ("list everything", "everything"),
        ("report nowhere -o out", "nowhere"),
        ("verify-store nowhere", "nowhere"),
        ("export out nowhere", "nowhere"),
        ("merge nowhere --into there", "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(
    optbench: Command, tmp_path: Path, arguments: str, complaint: str
) -> None:
    """Exit status 2, one line on stderr that names the thing, no traceback, nothing written."""
    done = optbench(*arguments.split())

    assert done.returncode == 2, done.stderr + done.stdout
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not list(tmp_path.rglob("*.db"))


def test_an_absent_gpu_is_said_before_anything_runs(optbench: Command) -> None:
    """--device cuda without a GPU is bad input."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = optbench(*SMALL, "--device", "cuda")

    assert done.returncode == 2
    assert "torch finds no GPU" in done.stderr


def test_a_file_in_the_folders_place_is_bad_input(optbench: Command, tmp_path: Path) -> None:
    """A store that cannot be made is said before anything runs."""
    (tmp_path / "results").write_text("in the way")
    done = optbench(*SMALL)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "results" in done.stderr


@pytest.mark.parametrize(
    ("body", "status"), [("raise RuntimeError('no')", 1), ("p.data *= 1e200", 0)]
)
def test_failures_exit_1_and_divergence_does_not(
    optbench: Command, tmp_path: Path, body: str, status: int
) -> None:
    """An optimizer that raises is a failure, one that diverges a result; the others still run."""
    (tmp_path / "bad.py").write_text(
        "class Bad:\n"
        "    def __init__(self, params, lr=0.1):\n"
        "        self.params = list(params)\n"
        "    def step(self):\n"
        f"        for p in self.params:\n            {body}\n"
    )
    done = optbench(*SMALL, "-o", "bad.py:Bad", "--json")

    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["runs"] == 4


def test_show_tells_formula_source_parameters_and_facts(optbench: Command) -> None:
    """What a user needs to know of a problem and of an optimizer before running them."""
    problem = optbench("show", "quadratic:kappa=1e4").stdout
    optimizer = optbench("show", "adam").stdout
    card = json.loads(optbench("show", "logistic-breast-cancer", "--json").stdout)[0]

    for text in ("kappa", "[1, inf)", "10000", "strong_convexity", "0.0001", "log_uniform"):
        assert text in problem
    for text in ("Kingma and Ba 2015", "beta2", "0.999", "[0, 1)", "m+ ="):
        assert text in optimizer
    assert card["facts"]["strong_convexity"] == 1e-3
    assert 0 < card["computed"]["f_star"] < 1e-12
    assert card["reference"]


@pytest.mark.parametrize("kind", ["problems", "optimizers", "schedules", "suites"])
def test_lists_have_names_and_lines(optbench: Command, kind: str) -> None:
    """Every listed name can be shown."""
    listed = json.loads(optbench("list", kind, "--json").stdout)

    assert all(entry["about"] for entry in listed)
    shown = optbench("show", listed[-1]["name"] if kind != "optimizers" else "adam")
    assert shown.returncode == 0, shown.stderr


def test_a_closed_pipe_is_no_mistake(tmp_path: Path) -> None:
    """`optbench list problems | head -1` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m optbench list problems | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_store_commands_work_together(optbench: Command, tmp_path: Path) -> None:
    """Runs from two stores are merged, verified, exported and reported."""
    optbench(*SMALL, "--results", "a")
    optbench(*SMALL, "-o", "heavy_ball", "--results", "b")
    merged = optbench("merge", "a", "b", "--into", "c")
    verified = optbench("verify-store", "c")
    exported = optbench("export", "tables", "c")
    reported = optbench("report", "c", "-o", "page")

    assert "4 runs added" in merged.stdout
    assert "every run is whole" in verified.stdout
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".csv"}
    assert (tmp_path / "page" / "index.html").is_file()
    for done in (merged, verified, exported, reported):
        assert done.returncode == 0, done.stderr


def test_a_report_says_what_it_leaves_out(optbench: Command, tmp_path: Path) -> None:
    """Of two runs one is damaged: the page has the other, the damage is named, the exit is 1."""
    optbench(*SMALL)
    path = tmp_path / "results" / "results.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET message = 'not mine' WHERE lr = 0.5")
    connection.close()
    done = optbench("report", "-o", "page")

    assert done.returncode == 1
    assert done.stdout == "page/index.html\n"
    assert done.stderr.count("\n") == 1
    assert "optbench: left out: results/results.db: row 2" in done.stderr
    assert "1 run on 1 problem" in (tmp_path / "page" / "index.html").read_text()


def test_of_much_damage_the_first_is_named_and_the_rest_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """75 damaged rows are five lines and one more, not 75; up to five each has its line."""
    for count, lines in ((5, 5), (75, 6)):
        damaged = [Damage(path=Path("r.db"), where=f"row {i}", reason="torn") for i in range(count)]
        with pytest.raises(click.exceptions.Exit):
            left_out(damaged)
        told = capsys.readouterr().err.splitlines()
        assert len(told) == lines
        assert told[4] == "optbench: left out: r.db: row 4: torn"
    assert "70 more" in told[5]


def test_a_damaged_store_is_named_and_kept(optbench: Command, tmp_path: Path) -> None:
    """A run on a damaged file says so, changes nothing, and verify-store saves what can be read."""
    optbench(*SMALL)
    path = tmp_path / "results" / "results.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    verified = optbench("verify-store", "--salvage", "saved")

    assert verified.returncode == 1
    assert "Traceback" not in verified.stderr
    assert path.read_bytes() == bytes(data)


def test_numbers_printed_as_json_are_json(optbench: Command) -> None:
    """NaN and infinity never reach the output; what is unknown is null."""
    done = optbench("run", "-p", "saddle", "-o", "gd", "--lr", "3", "--json", "-j", "1")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(done.stdout, parse_constant=refuse)
