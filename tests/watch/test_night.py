"""Nights of somebody else's project: what changes is told, what breaks is said, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optbench.cli import cli
from optbench.core.errors import OptbenchError
from optbench.nightly.history import append, read_curve, read_history
from optbench.nightly.record import Night
from optbench.watch.night import prepare, watch
from tests.disks import small_disk
from tests.nightly.nights import night
from tests.watch.project import ROUNDED, SLOWER, SUITE, Project

SMALL = """
about = "small"
reference = "none"
budget = 20
targets = [1e-2, 1e-9]

[[runs]]
problems = ["quadratic:dim=5,kappa=10"]
optimizers = ["gd:lr=0.05"]
seeds = 2

[nightly]
roundings = 2
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a checkout without a repository."""
    made = Project(tmp_path / "checkout")
    made.write()
    return made


def _nights(project: Project) -> tuple[Night, ...]:
    return read_history(project.folder / "results" / "history").nights


def _verdicts(summary: dict[str, Any], optimizer: str = "mylib.sgd:SGD:lr=0.5") -> dict[str, str]:
    series: Iterable[dict[str, Any]] = summary["series"]
    return {row["metric"]: row["verdict"] for row in series if row["optimizer"] == optimizer}


def test_a_change_of_the_project_is_told_once_and_with_its_size(project: Project) -> None:
    """Nothing to say, no change, no change with other rounding, a regression, no change."""
    status, first = project.nightly()
    assert (status, first["verdict"], first["commit"]) == (0, "insufficient_data", None)

    project.git("init", "--quiet")
    one = project.commit("the beginning")
    status, second = project.nightly()
    assert (status, second["verdict"], second["commit"]) == (0, "no_change", one)

    project.write(ROUNDED)
    status, third = project.nightly()
    assert (status, third["dirty"]) == (0, True)
    assert _verdicts(third)["steps_to_target"] == "no_change"

    project.write(SLOWER)
    two = project.commit("slower")
    status, fourth = project.nightly()
    assert (status, fourth["commit"], fourth["subject"]) == (1, two, "slower")
    assert _verdicts(fourth)["steps_to_target"] == "regression"
    assert set(_verdicts(fourth, "gd:lr=0.5").values()) == {"no_change"}
    row = next(row for row in fourth["series"] if row["verdict"] == "regression")
    assert row["change"] == pytest.approx(0.11, abs=0.05)

    assert [night.commit for night in _nights(project)] == [None, one, one, two]
    project.git("tag", "v1", one)
    assert project.nightly("--against", "v1")[0] == 1
    assert project.nightly()[0] == 0


def test_other_rounding_pages_nobody(project: Project) -> None:
    """The same step, rounded otherwise, moves the last point by its last digits only."""
    short = SUITE.replace("budget = 200", "budget = 40")
    project.write(suite=short)
    project.nightly()
    project.write(ROUNDED, short)
    status, second = project.nightly()

    assert status == 0
    assert _verdicts(second)["final_suboptimality"] == "rounding"


def test_what_no_longer_imports_is_said_and_the_rest_is_measured(project: Project) -> None:
    """Exit 3 with the reason; the others have their row, and the series goes on afterwards."""
    project.nightly()
    project.write("raise RuntimeError")
    (project.folder / "mylib" / "algebra.py").write_text("import no_such_module\n")
    status, broken = project.nightly()
    project.write(SLOWER)
    after, repaired = project.nightly()

    assert status == 3
    assert broken["failures"][0].startswith("mylib.sgd:SGD: cannot import mylib.sgd")
    assert "no_such_module" in broken["failures"][0]
    assert set(_verdicts(broken, "gd:lr=0.5").values()) == {"no_change"}
    assert {key["optimizer"] for key in broken["gone"]} == {"mylib.sgd:SGD:lr=0.5"}
    assert (after, _verdicts(repaired)["steps_to_target"]) == (1, "regression")


def test_a_step_that_raises_is_a_regression_with_its_reason(project: Project) -> None:
    """What imports and then breaks has a status, and a note says why."""
    project.nightly()
    project.write("raise ValueError('broken tonight')")
    status, summary = project.nightly()

    assert status == 1
    assert _verdicts(summary)["status"] == "regression"
    assert any("broken tonight" in note for note in summary["notes"])


def test_a_hyperparameter_that_is_gone_is_the_projects_doing(project: Project) -> None:
    """Known from former nights it could not be run; in a new suite it is bad input."""
    project.nightly()
    source = (project.folder / "mylib" / "sgd.py").read_text().replace("lr", "rate")
    (project.folder / "mylib" / "sgd.py").write_text(source)
    status, summary = project.nightly()
    fresh = project.run("nightly", "--suite", "./optbench.toml", "--history", "elsewhere")

    assert (status, len(summary["failures"])) == (3, 1)
    assert "lr" in summary["failures"][0]
    assert (fresh.returncode, fresh.stdout) == (2, "")
    assert "lr" in fresh.stderr.splitlines()[-1]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a suite that takes no time, in an empty current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL)
    return tmp_path / "small.toml"


def _watch(suite: Path, **options: Any) -> Any:
    return watch(prepare(str(suite), suite.parent / "history", **options))


def test_a_night_has_rows_spreads_and_curves(small: Path) -> None:
    """Two seeds are two series; every run has been repeated with other rounding, and is drawn."""
    found = _watch(small)
    rows = found.night.rows

    assert {row.key.problem.rpartition(" seed ")[2] for row in rows} > {"1"}
    assert {len(row.spread) for row in rows} == {2}
    finals = [row for row in rows if row.key.metric == "final_suboptimality"]
    assert all(len({row.value, *row.spread}) > 1 for row in finals)
    assert {row.spread[0] - row.value < 1e-10 for row in finals} == {True}
    assert all(read_curve(small.parent / "history", row.curve) for row in rows)


def test_always_afresh(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store full of runs in results/ is neither read nor written."""
    monkeypatch.setattr("optbench.store.file.Store.read", None)
    monkeypatch.setattr("optbench.store.open_store", None)

    assert _watch(small).night.rows
    assert not (small.parent / "results").exists()


def test_a_clock_that_went_backwards_is_said(small: Path) -> None:
    """Tonight is compared with the last night all the same, and keeps the note."""
    first = _watch(small).night
    ahead = night(1, *first.rows, date="2099-01-01T00:00:00+00:00", id="20990101T000000Z-a")
    append(small.parent / "history", replace(ahead, suite="small"))
    found = _watch(small)

    assert any("clock went backwards" in note for note in found.night.notes)
    assert found.against is not None
    assert found.against.id == "20990101T000000Z-a"


def test_nights_are_compared_with_the_last_one_made_whatever_the_clock_said(small: Path) -> None:
    """A night of 2099 is the last but once: nights after it have its date behind them."""
    first = _watch(small).night
    ahead = night(1, *first.rows, date="2099-01-01T00:00:00+00:00", id="20990101T000000Z-a")
    append(small.parent / "history", replace(ahead, suite="small"))
    nights = [_watch(small) for _ in range(3)]

    assert [found.against.id for found in nights[1:]] == [found.night.id for found in nights[:-1]]
    assert all("2099" not in found.night.date for found in nights)


def _fill(disk: Path) -> None:
    """Write until there is no space left."""
    with (disk / "log").open("wb", buffering=0) as log, contextlib.suppress(OSError):
        while True:
            log.write(bytes(4096))


def test_a_disk_that_fills_up_during_a_night_does_not_cost_it(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's log takes every byte while steps are measured; the night is kept whole."""
    with small_disk(tmp_path / "disk", "20m") as disk:
        monkeypatch.setattr("optbench.watch.night._check", lambda *arguments: _fill(disk))
        made = watch(prepare(str(small), disk / "history"))
        history = read_history(disk / "history")
        drawn = [read_curve(disk / "history", row.curve) for row in made.night.rows]

    assert ([found.id for found in history.nights], history.left_out) == ([made.night.id], ())
    assert all(drawn)


def test_a_night_that_cannot_be_kept_could_not_run(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit status 3, and no part of it in the history."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "optbench.watch.night._check", lambda *a: monkeypatch.setattr(os, "replace", full)
    )
    done = CliRunner().invoke(cli, ["nightly", "--suite", str(small)])

    assert done.exit_code == 3
    assert (
        "could not be added to results/history: [Errno 28] No space" in done.stderr.splitlines()[-1]
    )
    assert [p for p in Path("results").rglob("*") if p.is_file()] == []


def test_a_verdict_without_pages_is_told_and_kept(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the pages cannot be written the night has been measured all the same."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("optbench.report.publish._move", full)
    done = CliRunner().invoke(cli, ["nightly", "--suite", str(small), "--json"])

    assert done.exit_code == 3
    assert done.stderr.splitlines()[-1].endswith("reports/nightly: No space left on device")
    assert json.loads(done.stdout)["night"] == read_history(Path("results/history")).nights[0].id


def test_what_the_history_could_not_give_is_named(small: Path) -> None:
    """A damaged night is left out, and the summary says so."""
    first = _watch(small).night
    path = small.parent / "history" / f"{first.id}.json"
    path.write_text(path.read_text().replace("budget", "buffet"))
    found = _watch(small)

    assert found.against is None
    assert any(path.name in note and "checksum" in note for note in found.notes)


def test_a_new_series_does_not_disturb_the_others(small: Path) -> None:
    """A suite that has grown compares what it had, starts what is new, and says so."""
    _watch(small)
    small.write_text(SMALL.replace('"gd:lr=0.05"', '"gd:lr=0.05", "gd:lr=0.04"'))
    found = _watch(small)
    verdicts = {(j.key.optimizer, str(j.verdict)) for j in found.judgements}

    assert verdicts == {("gd:lr=0.05", "no_change"), ("gd:lr=0.04", "insufficient_data")}
    assert any("suite has changed" in note for note in found.notes)


def test_a_series_that_is_defined_otherwise_starts_anew(small: Path) -> None:
    """Twice the budget is another question, and no improvement."""
    _watch(small)
    small.write_text(SMALL.replace("budget = 20", "budget = 40"))
    found = _watch(small)

    assert {str(judgement.verdict) for judgement in found.judgements} == {"insufficient_data"}
    assert "starts anew" in found.judgements[0].reason


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"gd:lr=0.05"', '"gd:rate=0.05"', "rate"),
        ('"gd:lr=0.05"', '"gdd:lr=0.05"', "did you mean gd"),
        ("roundings", "rondings", "did you mean roundings"),
        ("[nightly]", '[nightly]\nclaims = ["GD-99"]', "GD-99"),
        ("[nightly]", '[nightly]\nconform = ["torch.Adam as adan"]', "did you mean adam"),
        ("[nightly]", '[nightly]\ntimed = ["adam:beta=3"]', "beta"),
        ("seeds = 2", '[[runs]]\nproblems="quadratic:dim=5,kappa=10"\noptimizers="gd:lr=0.05"\n'
         "budget=30", "two runs of gd:lr=0.05"),
    ],
)  # fmt: skip
def test_bad_input_is_said_before_anything_runs(
    small: Path, old: str, new: str, complaint: str
) -> None:
    """Each mistake in the suite is one line, and leaves no night behind."""
    small.write_text(SMALL.replace(old, new))
    with pytest.raises(OptbenchError, match=complaint):
        prepare(str(small), small.parent / "history")

    assert not read_history(small.parent / "history").nights


def test_a_night_that_is_not_there_is_bad_input(small: Path) -> None:
    """The message says which nights there are."""
    first = _watch(small).night
    with pytest.raises(OptbenchError, match=f"'v9'.*1: {first.id} to {first.id}"):
        prepare(str(small), small.parent / "history", against="v9")


def test_a_night_on_which_nothing_runs_is_kept_with_its_reason(small: Path) -> None:
    """It has no rows, is exit 3, and is no past for the next night to be held against."""
    first = _watch(small).night
    small.write_text(SMALL.replace("gd:lr=0.05", "no_such_package.sgd:SGD"))
    broken = _watch(small)
    small.write_text(SMALL)
    after = _watch(small)

    assert (broken.exit, broken.night.rows) == (3, ())
    assert "no_such_package" in broken.night.failures[0]
    assert (after.against.id, str(after.verdict)) == (first.id, "no_change")
    assert len(read_history(small.parent / "history").nights) == 3


def test_two_nightlies_at_once_are_both_kept(small: Path) -> None:
    """Neither waits for the other, neither fails, and each is a night of its own."""
    command = [sys.executable, "-m", "optbench", "nightly", "--suite", str(small)]
    both = [
        subprocess.Popen([*command, "-o", f"pages-{n}"], stdout=subprocess.PIPE) for n in range(2)
    ]
    printed = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    nights = read_history(small.parent / "results" / "history").nights
    assert len({found.id for found in nights}) == 2
    assert all(b"insufficient_data" in text or b"no_change" in text for text in printed)


def test_the_summary_is_written_where_it_is_asked_for(project: Project) -> None:
    """What is printed as JSON is also in the folder of the report."""
    _, printed = project.nightly("-o", "pages")

    assert json.loads((project.folder / "pages" / "summary.json").read_text()) == printed
