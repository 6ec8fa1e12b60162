"""The commit that changed a metric is found, in a repository that is only read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from optbench.core.errors import OptbenchError
from optbench.nightly.judgement import Verdict
from optbench.watch import bisect as module
from optbench.watch.bisect import CannotRunError, Question, bisect
from optbench.watch.repository import commit_of
from tests.watch.project import PLAIN, ROUNDED, SLOWER, Project

COMMITS = 40
PLANTED = 27
"""The commit that makes steps shorter, counted from 0."""

BROKEN = (19, 30)
"""Commits whose package does not import."""

REQUEST = {
    "problems": ["quadratic:dim=10,kappa=10"],
    "optimizers": ["mylib.sgd:SGD:lr=0.5"],
    "targets": [1e-2, 1e-6],
    "budget": 300,
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    """Return a project of forty commits: one rounds otherwise, one is slower, two are broken."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.folder.joinpath("README").write_text("")
    project.git("init", "--quiet")
    commits = []
    for number in range(COMMITS):
        step = SLOWER if number >= PLANTED else ROUNDED if number >= 10 else PLAIN
        project.write(step)
        if number in BROKEN:
            (project.folder / "mylib" / "algebra.py").write_text("import no_such_module\n")
        (project.folder / "README").write_text(f"{number}\n")
        commits.append(project.commit(f"change {number}"))
    return project, commits


def _state(folder: Path) -> dict[str, bytes]:
    """Return everything in a folder, the repository's own files among it, but for git's index."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "index"
    }


def test_the_planted_change_is_found(history: tuple[Project, list[str]]) -> None:
    """Among forty commits, past broken ones and one that rounds; and nothing there is touched."""
    project, commits = history
    (project.folder / "mylib" / "sgd.py").write_text("work in progress")
    (project.folder / "untracked.py").write_text("")
    before = _state(project.folder)
    done = project.run(
        "bisect", "-p", "quadratic:dim=10,kappa=10", "-o", "mylib.sgd:SGD:lr=0.5",
        "--target", "1e-2", "--target", "1e-6", "--budget", "300", "--json",
        commits[0], commits[-1],
    )  # fmt: skip
    found = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (found["suspects"], found["subject"]) == ([commits[PLANTED]], f"change {PLANTED}")
    assert found["verdict"] == "regression"
    assert found["after"] == pytest.approx(found["before"] / 0.9, rel=0.02)
    assert (found["commits"], found["measured"] <= 9) == (39, True)
    assert set(found["skipped"]) == {commits[19], commits[30]} & set(found["skipped"])
    assert all("no_such_module" in why for why in found["skipped"].values())
    assert before == _state(project.folder)


def _faked(values: str, monkeypatch: pytest.MonkeyPatch, history: list[str]) -> None:
    """Have commits measured by letters: `.` as it was, `x` changed, `?` cannot be measured."""
    letters = dict(zip(history, values, strict=False))

    def ask(tree: Path, request: object, limit: float | None) -> dict[str, object]:
        commit = commit_of(tree, "HEAD")
        letter = letters[str(commit)]
        if letter == "?":
            return {"error": "does not import"}
        value = 100 if letter == "." else 150
        cell: dict[str, object] = {"value": value, "spread": [], "floor": 0.0}
        return {"rows": {"steps_to_target": cell}}

    monkeypatch.setattr(module, "_ask", ask)


@pytest.mark.parametrize("values", [".x", "..x", ".xx", ".......xx", ".xxxxxxx", "..??..xx?x"])
def test_every_place_is_found(
    history: tuple[Project, list[str]], values: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first and the last commit of the range as well as any other, skipped ones around it."""
    project, commits = history
    _faked(values, monkeypatch, commits)
    last = commits[len(values) - 1]
    found = bisect(Question("steps_to_target", {}, commits[0], last, project.folder))

    assert found.suspects == (commits[values.index("x")],)
    assert (found.before, found.after, found.verdict) == (100, 150, Verdict.REGRESSION)


def test_skipped_commits_around_the_change_are_all_suspects(
    history: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever cannot be measured between the two sides may have made the change."""
    project, commits = history
    _faked("...??xx", monkeypatch, commits)
    found = bisect(Question("steps_to_target", {}, commits[0], commits[6], project.folder))

    assert found.suspects == tuple(commits[3:6])
    assert set(found.skipped) == set(commits[3:5])


def test_ends_that_cannot_be_measured_are_said(
    history: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad commit that does not import has no metric to look for."""
    project, commits = history
    _faked("..x?", monkeypatch, commits)

    with pytest.raises(CannotRunError, match=r"BAD .*does not import"):
        bisect(Question("steps_to_target", {}, commits[0], commits[3], project.folder))


def test_nothing_is_measured_after_a_good_commit_that_cannot_be(
    history: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the question costs one measurement, and is told once."""
    project, commits = history
    _faked("?.", monkeypatch, commits)
    heard: list[str] = []

    with pytest.raises(CannotRunError, match=r"GOOD .*does not import"):
        bisect(
            Question("steps_to_target", {}, commits[0], commits[1], project.folder), heard.append
        )
    assert heard == []


@pytest.mark.parametrize(
    ("good", "bad", "metric", "complaint"),
    [
        ("no-such-tag", "HEAD", "steps_to_target", "GOOD: 'no-such-tag' is no commit"),
        ("HEAD", "--force", "steps_to_target", "BAD: '--force' is no commit"),
        ("HEAD", "HEAD~5", "steps_to_target", "HEAD does not come before HEAD~5"),
        ("HEAD", "HEAD", "steps_to_target", "does not come before"),
        ("HEAD~5", "HEAD", "steps_to_taget", "did you mean steps_to_target"),
        ("HEAD~39", "HEAD~38", "steps_to_target", "the same at both ends: 100 and 100"),
    ],
)
def test_questions_without_an_answer(
    history: tuple[Project, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    good: str,
    bad: str,
    metric: str,
    complaint: str,
) -> None:
    """Each is one line, before or after two measurements."""
    project, commits = history
    _faked("." * 10 + "x" * 30, monkeypatch, commits)

    with pytest.raises(OptbenchError, match=complaint):
        bisect(Question(metric, {}, good, bad, project.folder))


HANGS = """
import subprocess
subprocess.Popen(["sh", "-c", "exec > alive; sleep 30; echo survived"])
while True:
    pass
"""


def test_a_commit_that_hangs_is_left_out(tmp_path: Path) -> None:
    """It is ended with all that it has started."""
    (tmp_path / "sitecustomize.py").write_text(HANGS)
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    found = module._ask(tmp_path, REQUEST, limit=2.0)
    os.set_blocking(reader, True)
    heard = os.read(reader, 100)
    os.close(reader)

    assert found == {"error": "not done after 2 s, far longer than GOOD takes"}
    assert heard == b""


@pytest.mark.parametrize(("seconds", "limit"), [(1.0, 60.0), (50.0, 1000.0)])
def test_patience_is_a_multiple_of_what_good_takes(
    history: tuple[Project, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    limit: float,
) -> None:
    """GOOD takes as long as it likes; a task of minutes may become slower by a lot."""
    project, commits = history
    _faked(".x", monkeypatch, commits)
    asked, limits = module._ask, []
    moments = iter([0.0, seconds, 100.0])

    def ask(tree: Path, request: Mapping[str, Any], limit: float | None) -> dict[str, Any]:
        limits.append(limit)
        return asked(tree, request, limit)

    monkeypatch.setattr(module, "_ask", ask)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    bisect(Question("steps_to_target", {}, commits[0], commits[1], project.folder))

    assert limits == [None, limit]


def test_outside_a_repository(tmp_path: Path) -> None:
    """Nothing to bisect is bad input."""
    with pytest.raises(OptbenchError, match="is no commit of"):
        bisect(Question("steps_to_target", REQUEST, "a", "b", tmp_path))
