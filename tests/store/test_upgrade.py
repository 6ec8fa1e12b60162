"""A file of version 1 is read as it is, and becomes one of version 2 when it is written to."""

from __future__ import annotations

import csv
import itertools
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from optbench.core.errors import StoreError
from optbench.core.run import Status
from optbench.store import Record, check, export, merge, open_store, salvage
from optbench.store.record import encode
from optbench.store.schema import STATEMENTS, UPGRADES

Maker = Callable[..., Record]
Same = Callable[[Record, Record], None]


def schema_of(path: Path) -> tuple[int, set[str]]:
    """Return a file's version and its tables and indexes, as SQL, read without our own code."""
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    statements = {sql for (sql,) in found}
    connection.close()
    return version, statements


@pytest.fixture
def old(tmp_path: Path, record: Maker, older: Callable[[Path], Path]) -> Path:
    """A file of version 1 with three runs."""
    path = tmp_path / "old.db"
    with open_store(path) as store:
        store.add([record(i) for i in range(3)])
    return older(path)


def test_reading_changes_nothing(old: Path, record: Maker, same: Same, tmp_path: Path) -> None:
    """A file of version 1 is read, checked, exported and saved from, and keeps its bytes."""
    before = old.read_bytes()
    with open_store(old, create=False) as store:
        for expected, actual in zip(map(record, range(3)), store.read(), strict=True):
            same(expected, actual)
        assert store.trained_columns() == []
        export([store], tmp_path / "out", "csv")
    assert check(old) == []
    assert salvage(old, tmp_path / "saved.db").saved == 3

    assert old.read_bytes() == before
    assert schema_of(old)[0] == 1
    assert "validation" not in (tmp_path / "out" / "curves.csv").read_text().splitlines()[0]


def test_opening_for_writing_changes_no_version(old: Path) -> None:
    """Only what is written upgrades the file: one that is opened and closed stays as it was."""
    open_store(old).close()

    assert schema_of(old)[0] == 1


def test_writing_upgrades(old: Path, record: Maker, trained: Maker, same: Same) -> None:
    """After the first write the file is what a new one is, and every run is there."""
    with open_store(old) as store, open_store(old, create=False) as reader:
        store.add([trained(7)])
        expected = [*map(record, range(3)), trained(7)]
        for one in (store, reader):
            for wanted, actual in zip(expected, one.read(), strict=True):
                same(wanted, actual)

    assert schema_of(old) == (2, {sql for sql in STATEMENTS if sql.startswith("CREATE")})
    assert check(old) == []


def test_a_write_that_fails_upgrades_nothing(old: Path, trained: Maker) -> None:
    """Upgrade and runs are one transaction: without the runs there is no new version."""

    def rows() -> object:
        yield encode(trained(7))
        raise RuntimeError

    with open_store(old) as store, pytest.raises(RuntimeError):
        store.write(rows(), "false")  # type: ignore[arg-type]

    assert schema_of(old)[0] == 1
    assert check(old) == []


WRITER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import make_trained
from optbench.store import open_store
path, first, after = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
store = open_store(path)
count = 0
def trace(statement):
    global count
    count += 1
    if count == after:
        os.kill(os.getpid(), signal.SIGKILL)
store.connection.set_trace_callback(trace)
print("ready", flush=True)
sys.stdin.readline()
store.add([make_trained(first + i) for i in range(2)])
print(count, flush=True)
"""


def start(path: Path, first: int, after: int = 0) -> subprocess.Popen[str]:
    """Start a process that adds two runs once it is told to, and kills itself at a statement."""
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent)]
    command += [str(path), str(first), str(after)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


def test_two_processes_upgrade_at_once(old: Path) -> None:
    """Four writers that find version 1 together all store their runs, and one of them upgrades."""
    processes = [start(old, 100 * number) for number in range(1, 5)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [0] * 4
    with open_store(old, create=False) as store:
        found = sorted(r.run.spec.seed for r in store.read())
    assert found == [0, 1, 2, *(100 * n + i for n in range(1, 5) for i in range(2))]
    assert schema_of(old) == (2, {sql for sql in STATEMENTS if sql.startswith("CREATE")})
    assert check(old) == []


def test_killed_during_the_upgrade(old: Path, tmp_path: Path) -> None:
    """A kill at any statement leaves version 1 with its runs, or version 2 with the new ones."""
    data, seen = old.read_bytes(), set()
    for after in itertools.count(1):
        path = tmp_path / f"{after}.db"
        path.write_bytes(data)
        with start(path, 100, after) as process:
            process.communicate("go\n")
        with open_store(path, create=False) as store:
            found = len(list(store.read()))
        assert check(path) == []
        seen.add((schema_of(path)[0], found))
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL

    assert after > len(UPGRADES[1]) + 4
    assert seen == {(1, 3), (2, 5)}


def test_a_file_that_cannot_be_written(old: Path, record: Maker, same: Same) -> None:
    """A read-only file of version 1 in a read-only folder is read, and refuses to be written."""
    old.chmod(0o444)
    old.parent.chmod(0o555)
    try:
        with open_store(old, create=False) as store:
            for expected, actual in zip(map(record, range(3)), store.read(), strict=True):
                same(expected, actual)
            with pytest.raises(StoreError):
                store.add([record(9)])
        if not os.access(old, os.W_OK):
            with pytest.raises(StoreError, match=r"cannot (write|use)"):
                open_store(old).add([record(9)])
    finally:
        old.parent.chmod(0o755)

    assert schema_of(old)[0] == 1


def test_a_newer_file_whose_header_is_in_the_log(tmp_path: Path, record: Maker) -> None:
    """A file that another process has just made newer is refused, to read and to write."""
    with open_store(tmp_path) as store, open_store(tmp_path) as other:
        other.connection.execute("PRAGMA user_version = 3")
        with pytest.raises(StoreError, match=r"newer optbench .schema 3, this one reads 2.;"):
            store.add([record(1)])
        with pytest.raises(StoreError, match=r"newer optbench .schema 3, this one reads 2.;"):
            open_store(tmp_path, create=False)


def test_merging_across_versions(old: Path, record: Maker, trained: Maker, same: Same) -> None:
    """An old file into a new one and a new one into an old one: the same runs, each whole."""
    new, copy = old.parent / "new.db", old.parent / "copy.db"
    extra = {"a_later_column": np.array([math.nan, math.inf] * 20)}
    with open_store(new) as store:
        store.add([trained(5, trained=extra), trained(6)])
    copy.write_bytes(old.read_bytes())
    merge([old], new)
    merge([new], copy)

    assert schema_of(old)[0] == 1
    expected = {r.key: r for r in (*map(record, range(3)), trained(5, trained=extra), trained(6))}
    for path in (new, copy):
        assert schema_of(path)[0] == 2
        with open_store(path, create=False) as store:
            found = list(store.read())
            names = ["validation_loss", "test_loss", "a_later_column"]
            assert store.trained_columns() == names
        assert len(found) == len(expected)
        for actual in found:
            same(expected[actual.key], actual)


def test_another_try_takes_its_columns_with_it(tmp_path: Path, trained: Maker) -> None:
    """A failed run that is replaced leaves none of its columns behind."""
    extra = {"sharpness": np.ones(40)}
    with open_store(tmp_path) as store:
        store.add([trained(1, status=Status.ERROR, trained=extra), trained(2)])
        store.add([trained(1)])

        assert store.trained_columns() == ["validation_loss", "test_loss"]
        assert len(list(store.read())) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trained SET data = zeroblob(length(data)) WHERE name = 'validation_loss'",
        "UPDATE trained SET data = substr(data, 9) WHERE name = 'validation_loss'",
        "UPDATE trained SET last = 0 WHERE name = 'test_loss'",
        "UPDATE trained SET last = NULL WHERE name = 'test_loss'",
        "UPDATE trained SET name = 'test' WHERE name = 'test_loss'",
        "UPDATE trained SET name = x'ff' WHERE name = 'test_loss'",
        "UPDATE trained SET crc32 = crc32 + 1",
        "DELETE FROM trained WHERE name = 'test_loss'",
        "INSERT INTO trained SELECT run, 'more', last, crc32, data FROM trained LIMIT 1",
        "UPDATE trained SET data = 'text'",
    ],
)
def test_damage(tmp_path: Path, trained: Maker, record: Maker, change: str) -> None:
    """Whatever happens to a task's columns is found; the run stays behind, the others don't."""
    with open_store(tmp_path / "a.db") as store:
        store.add([trained(1), record(3)])
        store.connection.execute(change)

    assert [damage.key for damage in check(tmp_path / "a.db")] == [trained(1).key]
    saved = salvage(tmp_path / "a.db", tmp_path / "b.db")
    merged = merge([tmp_path / "a.db"], tmp_path / "c.db")
    assert [d.key for d in saved.damaged] == [d.key for d in merged.damaged] == [trained(1).key]
    for path in (tmp_path / "b.db", tmp_path / "c.db"):
        with open_store(path, create=False) as store:
            assert [r.key for r in store.read()] == [record(3).key]


def test_exported_columns(tmp_path: Path, trained: Maker, record: Maker) -> None:
    """Tables have the columns of tasks, at their rows; elsewhere they say that there is nothing."""
    extra = {"a_later_column": np.arange(40.0)}
    records = [trained(1, trained=extra), record(2), trained(3, points=2), trained(4, points=0)]
    with open_store(tmp_path / "store") as store:
        store.add([*records, record(5, curve={})])
        runs, _, curves = export([store], tmp_path / "out", "csv")
    with runs.open(encoding="utf-8") as file:
        ends = list(csv.DictReader(file))
    with curves.open(encoding="utf-8") as file:
        points = list(csv.DictReader(file))

    names = ["validation_loss", "test_loss", "a_later_column"]
    assert list(ends[0])[-3:] == [f"last_{name}" for name in names]
    assert list(points[0])[-3:] == names
    assert [float(row["last_validation_loss"] or "nan") for row in ends] == pytest.approx(
        [r.run.last("validation_loss") for r in (*records, record(5))], nan_ok=True
    )
    for name in names:
        expected = [
            r.run.trained[name]
            if name in r.run.trained
            else np.full(len(r.run.curve["step"]), np.nan)
            for r in records
        ]
        np.testing.assert_array_equal([float(p[name]) for p in points], np.concatenate(expected))
