"""Adding, reading, and every way in which a file cannot be opened."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError, StoreError
from optbench.core.run import Status
from optbench.core.spec import RunSpec
from optbench.store import Damage, Record, check, open_store
from optbench.store.schema import RUNS

FINAL = [status for status in Status if status.is_final]
UNFINISHED = [status for status in Status if not status.is_final]


def numbers(records: list[Record]) -> list[int]:
    """Return the numbers of some runs."""
    return [record.run.spec.seed for record in records]


@pytest.mark.parametrize("status", FINAL)
def test_first_wins(tmp_path: Path, record: Callable[..., Record], status: Status) -> None:
    """A run that is there stays as it is, hits included, and need not be repeated."""
    with open_store(tmp_path) as store:
        store.add([record(1, status=status, message="first")])
        store.add([record(1, message="second", hits=()), record(1, message="third")])
        (read,) = store.read()

        assert (read.run.message, len(read.run.hits)) == ("first", 2)
        assert store.final_keys() == {read.key}


@pytest.mark.parametrize("status", UNFINISHED)
def test_failures_are_replaced(
    tmp_path: Path, record: Callable[..., Record], status: Status
) -> None:
    """A failed run is tried again, and the next outcome takes its place, hits included."""
    with open_store(tmp_path) as store:
        store.add([record(0), record(1, status=status), record(2)])
        assert store.final_keys() == {record(0).key, record(2).key}
        store.add([record(1, status=status, hits=(), message="again")])
        assert [r.run.message for r in store.read(keys=[record(1).key])] == ["again"]
        assert next(store.read(keys=[record(1).key])).run.hits == ()
        store.add([record(1, curve={})])

        assert store.final_keys() == {record(i).key for i in range(3)}
        assert numbers(list(store.read())) == [0, 1, 2]


def test_selections(tmp_path: Path, record: Callable[..., Record]) -> None:
    """Runs are found by key, by digest and by the problem's label; no match is no run."""
    records = [record(i, points=2) for i in range(600)]
    digests = [r.run.spec.digest for r in records[300:302]]
    with open_store(tmp_path) as store:
        store.add(records)

        assert numbers(list(store.read())) == list(range(600))
        assert numbers(list(store.read(keys=[r.key for r in records[590::-1]]))) == list(range(591))
        assert numbers(list(store.read(digests=digests))) == [300, 301]
        assert numbers(list(store.read(problem="problem-2"))) == list(range(2, 600, 5))
        assert numbers(list(store.read(problem="problem-1", digests=digests))) == [301]
        assert list(store.read(keys=[])) == list(store.read(problem="' OR 1=1 --")) == []


def test_unlabelled_problem(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A problem without a label is found by its spec's text."""
    spec = replace(record(1).run.spec, label="")
    with open_store(tmp_path) as store:
        store.add([record(1, spec=spec)])
        (read,) = store.read(problem=str(spec.problem))

        assert read.run.spec.label == ""


def test_table(tmp_path: Path, record: Callable[..., Record]) -> None:
    """An overview has the columns asked for, of every run; what is no column is refused."""
    with open_store(tmp_path) as store:
        store.add([record(3), record(1, curve={})])

        last = record(3).run.last("value")
        assert store.table("seed", "label", "last_value") == [
            (3, "problem-3", last),
            (1, "problem-1", None),
        ]
        with pytest.raises(OptbenchError, match="unknown column 'sede'; did you mean seed"):
            store.table("sede")


def test_newest(tmp_path: Path, record: Callable[..., Record]) -> None:
    """Of one spec the run made last counts, in whatever order they were stored."""
    with open_store(tmp_path) as store:
        store.add([record(1, code="b"), record(1, code="c"), record(2), record(1, code="a")])
        newest = store.newest()

        assert [(r.run.spec.seed, r.fingerprint) for r in newest.records] == [(1, "c"), (2, "a")]
        assert (newest.older, newest.damaged) == (2, [])
        assert store.newest(problem="problem-2").older == 0
        assert numbers(store.newest(digests=[record(1).run.spec.digest]).records) == [1]


def test_specs_of_before_targets_had_measures(
    tmp_path: Path, record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of that time is read, and is older than the same run of today, though named apart."""

    def as_it_was(spec: RunSpec) -> str:
        data = json.loads(now(spec)) | {"gradient_tolerance": 0.0}
        return json.dumps({key: data[key] for key in sorted(data) if key != "target_measure"})

    now = RunSpec.to_json
    with open_store(tmp_path) as store:
        with monkeypatch.context() as then:
            then.setattr(RunSpec, "to_json", as_it_was)
            store.add([record(1, code="a"), record(2, code="a")])
        assert numbers(list(store.read())) == [1, 2]
        store.add([record(1, code="b")])
        newest = store.newest()

        assert [(r.run.spec.seed, r.fingerprint) for r in newest.records] == [(2, "a"), (1, "b")]
        assert (newest.older, newest.damaged) == (1, [])
        assert check(tmp_path) == []


def test_environments_are_kept_once(tmp_path: Path, record: Callable[..., Record]) -> None:
    """Runs made under the same versions share one row of environments."""
    other = replace(record(9), environment={"torch": "2.11.0"})
    with open_store(tmp_path) as store:
        store.add([*(record(i) for i in range(9)), other])
        (count,) = store.connection.execute("SELECT count(*) FROM environments").fetchone()

        assert count == 2
        assert list(store.read())[-1].environment == {"torch": "2.11.0"}


def test_a_failed_batch_leaves_nothing(tmp_path: Path, record: Callable[..., Record]) -> None:
    """When one row of a batch cannot be stored, none of the batch is."""
    twice = record(3).run.hits[:1] * 2
    with open_store(tmp_path) as store:
        with pytest.raises(StoreError, match="UNIQUE constraint failed: hits"):
            store.add([record(1), record(2), record(3, hits=twice)])

        assert list(store.read()) == []
        store.add([record(1)])
        assert numbers(list(store.read())) == [1]


def test_reading_and_adding_in_turns(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A read that is under way does not stand in the way of an add on the same store."""
    with open_store(tmp_path) as store:
        store.add([record(i) for i in range(300)])
        for read in store.read():
            store.add([record(1000 + read.run.spec.seed, points=1)])

        assert len(store.final_keys()) == 600


def test_settings_of_the_file(tmp_path: Path) -> None:
    """The file says what it is: application id, schema version, write-ahead log."""
    with open_store(tmp_path / "deep" / "down") as store:
        pragma = {
            name: store.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "journal_mode", "synchronous")
        }
        busy = store.connection.execute("PRAGMA busy_timeout").fetchone()[0]

    assert pragma == {
        "application_id": int.from_bytes(b"optb", "big"),
        "user_version": 2,
        "journal_mode": "wal",
        "synchronous": 1,
    }
    assert busy == 30_000
    assert [path.name for path in (tmp_path / "deep" / "down").iterdir()] == ["results.db"]


def test_every_column_is_documented() -> None:
    """results/README.md explains each column of the table runs."""
    text = (Path(__file__).parents[2] / "results" / "README.md").read_text()

    missing = [name for name in RUNS if f"`{name}`" not in text and not name.startswith("last_")]
    assert missing == []


def make_foreign(path: Path) -> None:
    """Write another program's database."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE runs (key)")
    connection.close()


def make_newer(path: Path) -> None:
    """Write a results file of a later schema."""
    with open_store(path) as store:
        store.connection.execute("PRAGMA user_version = 3")


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p.write_text("lr = 0.1\n" * 50), "it is not an SQLite database"),
        (lambda p: p.write_text("short"), "it is not an SQLite database"),
        (make_foreign, "is an SQLite database of another program"),
        (make_newer, "newer optbench .schema 3, this one reads 2.; please upgrade"),
    ],
)
def test_wrong_files(
    tmp_path: Path, make: Callable[[Path], None], message: str, create: bool
) -> None:
    """What is no results file of ours is refused in one line and not touched."""
    path = tmp_path / "results.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message) as error:
        open_store(tmp_path, create=create)

    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_to_read(tmp_path: Path) -> None:
    """A folder without results and an empty file are told apart; to write, both will do."""
    with pytest.raises(StoreError, match=r"there are no results in .*: no file results\.db"):
        open_store(tmp_path, create=False)
    (tmp_path / "results.db").touch()
    with pytest.raises(StoreError, match="is empty: it holds no runs"):
        open_store(tmp_path, create=False)
    with open_store(tmp_path) as store:
        assert store.final_keys() == set()


def test_a_file_by_its_name(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A file is opened by its own name too, with characters that mean something in a URI."""
    path = tmp_path / "50% of #1?.db"
    with open_store(path) as store:
        store.add([record(1)])
    with open_store(path, create=False) as store:
        assert numbers(list(store.read())) == [1]

    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_cannot_write(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A store opened for reading refuses to add."""
    open_store(tmp_path).close()
    with open_store(tmp_path, create=False) as store, pytest.raises(StoreError, match="readonly"):
        store.add([record(1)])


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """A path that leads through a file is one clear line."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot use .*results\.db: Not a directory"):
        open_store(tmp_path / "file" / "results")


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written, with a results file in it."""
    folder = tmp_path / "sealed"
    open_store(folder).close()
    folder.chmod(0o555)
    is_root = os.access(folder, os.W_OK)
    if is_root and subprocess.run(["chattr", "+i", str(folder)], capture_output=True).returncode:
        pytest.skip("this user may write everywhere, and chattr +i does not work here")
    yield folder
    if is_root:
        subprocess.run(["chattr", "-i", str(folder)], check=True)
    folder.chmod(0o755)


def test_unwritable_folder(sealed: Path) -> None:
    """A folder that cannot be written is refused for writing at once, and can be read."""
    for path in (sealed, sealed / "new", sealed / "other.db"):
        with pytest.raises(StoreError, match=r"cannot (write|use) "):
            open_store(path)
    with open_store(sealed, create=False) as store:
        assert list(store.read()) == []


def test_locked_file(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A file that another process does not let go is one clear line."""
    with open_store(tmp_path) as store, open_store(tmp_path) as other:
        other.connection.execute("PRAGMA busy_timeout = 0")
        store.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="was locked by another process for 30 s"):
            other.add([record(1)])
        store.connection.execute("COMMIT")
        other.add([record(1)])


def test_damage_is_skipped_or_an_error(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A damaged row stops a read with the next step to take, or is left out and listed."""
    with open_store(tmp_path) as store:
        store.add([record(i) for i in range(3)])
        store.connection.execute("UPDATE runs SET message = 'forged' WHERE seed = 1")
        with pytest.raises(StoreError, match=r"row 2: checksum.*see: optbench verify-store /"):
            list(store.read())
        damaged: list[Damage] = []
        assert numbers(list(store.read(on_damage=damaged.append))) == [0, 2]
        newest = store.newest()

    assert [damage.key for damage in damaged] == [record(1).key]
    assert (numbers(newest.records), newest.damaged) == ([0, 2], damaged)
