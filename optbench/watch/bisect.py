"""Which commit changed an exact metric, in another project's repository.

The repository is only read: commits are checked out in a temporary clone that shares its objects,
and each is measured in a process of its own that has that tree first on its path. One that hangs is
left out like one that does not import: measuring GOOD says how long it takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optbench.core.errors import OptbenchError, unknown
from optbench.nightly.exact import judge_exact
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Row, Value
from optbench.nightly.summary import shown
from optbench.watch.repository import commit_of, git

SOURCES = ("src", "")
"""Folders of a tree that packages are looked for in, before what is installed."""

PATIENCE, LEAST = 20.0, 60.0
"""A commit may take so many times as long as the good one, and so many seconds at least: more than
a slower optimizer, a cold disk or a busy machine makes of a few seconds."""


@dataclass(frozen=True)
class Question:
    """What is looked for.

    Attributes:
        metric: An exact metric, `steps_to_target` say.
        request: Fields of the `Request` of the run.
        good: A commit.
        bad: A later one, where the metric is another.
        repository: A folder of the project.
    """

    metric: str
    request: Mapping[str, Any]
    good: str
    bad: str
    repository: Path


@dataclass(frozen=True)
class Answer:
    """What was found.

    Attributes:
        suspects: The commits one of which changed the metric: one, unless those around it could
            not be measured.
        subject: First line of the message of the only suspect.
        before: The metric before.
        after: The metric with the change.
        verdict: Whether that is worse or better.
        commits: Commits between the two, the bad one included.
        measured: How many were measured, the two among them.
        skipped: Those that could not be, and why.
    """

    suspects: tuple[str, ...]
    subject: str
    before: Value
    after: Value
    verdict: Verdict
    commits: int
    measured: int
    skipped: Mapping[str, str]


class CannotRunError(OptbenchError):
    """An end of the range cannot be measured."""


def bisect(question: Question, heard: Callable[[str], None] = lambda line: None) -> Answer:
    """Find the commit that changed a metric.

    Along a branch, merges count as one change. Commits that cannot be measured are left out, as
    `git bisect skip` does. A change that other rounding alone would make is none.

    Args:
        question: What is looked for.
        heard: Told of every commit that was measured, in a line.

    Returns:
        What was found.

    Raises:
        OptbenchError: For bad input, and when there is nothing to be found.
        CannotRunError: When the good or the bad commit cannot be measured.
    """
    good, commits = _range(question)
    with tempfile.TemporaryDirectory(prefix="optbench-bisect-") as folder:
        trial = _Trial(question, Path(folder) / "tree", heard)
        before, after = trial.end("GOOD", good), trial.end("BAD", commits[-1])
        if not _differs(before, after):
            raise OptbenchError(
                f"{question.metric} is the same at both ends: "
                f"{shown(before.value)} and {shown(after.value)}"
            )

        def changed(commit: str) -> bool | None:
            row = trial.row(commit)
            if row is not None:
                return _differs(before, row)
            heard(f"{commit[:10]} skipped: {trial.skipped[commit]}")
            return None

        low, high = _search(commits, changed)
        return _answer(question, [good, *commits], low, high, trial)


def _range(question: Question) -> tuple[str, list[str]]:
    """Return the good commit, and those after it up to the bad one, oldest first."""
    ends = {}
    for name, text in (("GOOD", question.good), ("BAD", question.bad)):
        commit = commit_of(question.repository, text)
        if commit is None:
            raise OptbenchError(f"{name}: {text!r} is no commit of {question.repository}")
        ends[name] = commit
    good, bad = ends["GOOD"], ends["BAD"]
    if git(question.repository, "merge-base", "--is-ancestor", good, bad) is None or good == bad:
        raise OptbenchError(f"{question.good} does not come before {question.bad}")
    listed = git(question.repository, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}")
    return good, (listed or bad).split()


class _Trial:
    """Measures commits, each once, in a clone of its own."""

    def __init__(self, question: Question, tree: Path, heard: Callable[[str], None]) -> None:
        self._question, self._tree, self._heard = question, tree, heard
        self.rows: dict[str, Row] = {}
        self.skipped: dict[str, str] = {}
        self._limit: float | None = None
        origin = str(question.repository.resolve())
        top = git(question.repository, "rev-parse", "--show-toplevel") or origin
        command = ["git", "clone", "--quiet", "--shared", "--no-checkout", top, str(tree)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OptbenchError(f"git cannot clone {top}: {' '.join(done.stderr.split())}")

    def end(self, name: str, commit: str) -> Row:
        """Return the metric of an end of the range.

        Raises:
            CannotRunError: When it cannot be measured.
        """
        row = self.row(commit)
        if row is None:
            raise CannotRunError(f"{name} {commit[:10]}: {self.skipped[commit]}")
        return row

    def row(self, commit: str) -> Row | None:
        """Return the metric of a commit, or None when it cannot be measured."""
        if commit not in self.rows and commit not in self.skipped:
            self._measure(commit)
        return self.rows.get(commit)

    def _measure(self, commit: str) -> None:
        for command in (
            ("checkout", "--quiet", "--force", "--detach", commit),
            ("clean", "-ffdxq"),
        ):
            if git(self._tree, *command) is None:
                self.skipped[commit] = f"git {command[0]} failed"
                return
        began = time.monotonic()
        found = _ask(self._tree, self._question.request, self._limit)
        if self._limit is None:  # the first is GOOD
            self._limit = max(LEAST, PATIENCE * (time.monotonic() - began))
        if "error" in found:
            self.skipped[commit] = found["error"]
            return
        rows, metric = found["rows"], self._question.metric
        if metric not in rows:
            raise unknown("metric", metric, rows)
        cell = rows[metric]
        self.rows[commit] = Row(
            key=Key("", "", "", metric),
            value=cell["value"],
            spread=tuple(cell["spread"]),
            floor=cell["floor"],
        )
        self._heard(f"{commit[:10]} {metric} = {shown(cell['value'])}")


def _ask(tree: Path, request: Mapping[str, Any], limit: float | None) -> dict[str, Any]:
    """Measure in a tree; bytecode is never written, since a later commit's could be as old.

    Args:
        tree: The tree.
        request: What is run.
        limit: Seconds that it may take; None for any.

    Returns:
        `rows`, as `optbench.watch.measure` prints them, or `error`.
    """
    path = [str(tree / source) for source in SOURCES if (tree / source).is_dir()]
    path += filter(None, [os.environ.get("PYTHONPATH")])
    with subprocess.Popen(
        [sys.executable, "-m", "optbench.watch.measure", json.dumps(request)],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that what it starts can be ended with it
    ) as process:
        try:
            printed, complaints = process.communicate(timeout=limit)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return {"error": f"not done after {limit:.0f} s, far longer than GOOD takes"}
            raise
    try:
        found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (complaints.strip().splitlines() or ["nothing was printed"])[-1]
        return {"error": f"exit status {process.returncode}: {last}"}
    return found


def _differs(before: Row, after: Row) -> bool:
    return judge_exact(before, after, same_arithmetic=True).verdict.is_change


def _search(commits: Sequence[str], changed: Callable[[str], bool | None]) -> tuple[int, int]:
    """Search a list whose last commit is changed.

    Returns:
        Places, one more than those in the list (0 is the good commit): of the last that is as it
        was, and of the first that is changed; those between cannot be measured.
    """
    low, high = 0, len(commits)
    unknown_places: set[int] = set()
    while True:
        inner = [p for p in range(low + 1, high) if p not in unknown_places]
        if not inner:
            return low, high
        middle = min(inner, key=lambda place: abs(2 * place - low - high))
        verdict = changed(commits[middle - 1])
        if verdict is None:
            unknown_places.add(middle)
        elif verdict:
            high = middle
        else:
            low = middle


def _answer(
    question: Question, commits: Sequence[str], low: int, high: int, trial: _Trial
) -> Answer:
    before, after = trial.rows[commits[low]], trial.rows[commits[high]]
    suspects = tuple(commits[low + 1 : high + 1])
    subject = git(question.repository, "log", "-1", "--format=%s", suspects[-1]) or ""
    return Answer(
        suspects=suspects,
        subject=subject if len(suspects) == 1 else "",
        before=before.value,
        after=after.value,
        verdict=judge_exact(before, after, same_arithmetic=True).verdict,
        commits=len(commits) - 1,
        measured=len(trial.rows),
        skipped=trial.skipped,
    )
