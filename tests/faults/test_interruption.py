"""Killed, interrupted, out of space, in company: nothing is lost and the bits stay the same."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import small_disk
from tests.engines.test_batches import same_bits
from tests.faults.conftest import finish, rows, start, stored

KILLS = 20


@pytest.fixture
def reference(suite: Path, tmp_path: Path) -> Path:
    """Return the store of one undisturbed run in one process."""
    done = finish(suite, tmp_path / "reference", "-j", "1")
    assert done.returncode == 0, done.stderr
    return tmp_path / "reference"


def _same(a: Path, b: Path) -> bool:
    left, right = stored(a), stored(b)
    return left.keys() == right.keys() and all(
        same_bits(run, right[key]) for key, run in left.items()
    )


def test_kill_at_any_moment_then_resume(suite: Path, tmp_path: Path, reference: Path) -> None:
    """After 20 kill -9 at random moments the finished suite has the bits of the undisturbed one."""
    results, moments = tmp_path / "killed", random.Random(0)
    total, kills = len(stored(reference)), 0
    while kills < KILLS:
        process = start(suite, results, "-j", moments.choice("12"))
        goal = rows(results) + moments.choice([0, 1, 10, 30, 60])
        # The goal is reached by the process's own progress; a random bit of spinning comes on top.
        while process.poll() is None and rows(results) < min(goal, total):
            pass
        for _ in range(moments.randrange(200)):
            rows(results)
        ended = process.poll() is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if rows(results):
            stored(results)  # raises when a row is not whole
        kills += 1
        if ended:
            results = tmp_path / f"killed-{kills}"  # it was done: the next kills need work to do
    done = finish(suite, results, "-j", "2")

    assert done.returncode == 0, done.stderr
    assert _same(results, reference)


def test_any_number_of_jobs_stores_the_same_bits(
    suite: Path, tmp_path: Path, reference: Path
) -> None:
    """One process and two leave stores that agree in every determined bit."""
    done = finish(suite, tmp_path / "two", "-j", "2")

    assert done.returncode == 0, done.stderr
    assert _same(tmp_path / "two", reference)


def test_two_commands_may_write_at_once(suite: Path, tmp_path: Path, reference: Path) -> None:
    """Two processes on one store both finish; every run is there once, with the same bits."""
    results = tmp_path / "shared"
    processes = [start(suite, results, "-j", "1") for _ in range(2)]
    outputs = [process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "locked" not in str(outputs)
    assert _same(results, reference)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_suite_says_how_to_go_on(
    suite: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """Ctrl-C and SIGTERM keep what is finished, leave no process, and say what is left."""
    results = tmp_path / "interrupted"
    process = start(suite, results, "-j", "2")
    while process.poll() is None and rows(results) == 0:
        pass
    process.send_signal(number)
    _, err = process.communicate()

    assert process.returncode == status
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert stored(results)
    assert _is_gone(process.pid)


def test_workers_do_not_outlive_their_parent(suite: Path, tmp_path: Path) -> None:
    """A parent that is killed alone takes its workers and their server with it."""
    process = start(suite, tmp_path / "orphans", "-j", "2")
    while process.poll() is None and rows(tmp_path / "orphans") == 0:
        pass
    process.kill()
    process.communicate()

    assert _is_gone(process.pid)


def _is_gone(group: int) -> bool:
    """Wait until nothing of a process group runs any more, for a bounded number of looks."""
    for _ in range(20_000):
        if not any(_members(group)):
            return True
        os.sched_yield()
    return False


def _members(group: int) -> Iterator[str]:
    """Yield the states of a group's processes that have not ended (Linux's /proc)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                yield state


def test_a_full_disk_is_one_line_and_the_rest_is_kept(
    suite: Path, tmp_path: Path, reference: Path
) -> None:
    """A disk that fills up stops the run with one line; with space again it ends like any other."""
    with small_disk(tmp_path / "disk", "700k") as disk:
        done = finish(suite, disk, "-j", "1")
        kept = len(stored(disk))
        subprocess.run(
            ["mount", "-o", "remount,size=64m", str(disk)], check=True, capture_output=True
        )
        resumed = finish(suite, disk, "-j", "1")
        same = _same(disk, reference)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "full" in done.stderr
    assert "runs were kept" in done.stderr
    assert kept > 0
    assert resumed.returncode == 0, resumed.stderr
    assert same
