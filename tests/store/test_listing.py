"""Specs are listed before runs are read: a damaged one is named, whatever stands in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from optbench.core.errors import StoreError
from optbench.store import Record, list_runs, open_store


def forge(folder: Path, column: str, value: str) -> None:
    """Put an SQL expression in the place of a cell of the second row."""
    with closing(sqlite3.connect(folder / "results.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET {column} = {value} WHERE id = 2")


@pytest.fixture
def three(tmp_path: Path, record: Callable[..., Record]) -> Path:
    """A store of three runs."""
    with open_store(tmp_path) as store:
        store.add([record(number) for number in range(3)])
    return tmp_path


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("spec", "'{'"),
        ("spec", "'[]'"),
        ("spec", "'{\"a\":1}'"),
        ("spec", "X'ffd4'"),
        ("spec", "CAST(X'ffd4' AS TEXT)"),
        ("spec", "replace(spec, 'seed\":1', 'seed\":7')"),
        ("spec_digest", "X'ffd4'"),
        ("spec_digest", "CAST(X'ffd4' AS TEXT)"),
        ("spec_digest", "'another'"),
        ("label", "X'ffd4'"),
    ],
)
def test_a_row_of_which_nobody_can_tell_is_named(three: Path, column: str, value: str) -> None:
    """The others are listed; a run is not silently missing because its digest is damaged."""
    forge(three, column, value)
    with open_store(three, create=False) as store:
        found, damaged = list_runs(store)

    assert [run.spec.seed for run in found] == [0, 2]
    assert [damage.where for damage in damaged] == ["row 2"]


def test_the_newest_are_found_beside_a_damaged_date(three: Path) -> None:
    """A date that is bytes cannot be ordered among texts; it is damage and no crash."""
    forge(three, "created", "X'ffd4'")
    with open_store(three, create=False) as store:
        newest = store.newest()

    assert len(newest.records) == 2
    assert [damage.where for damage in newest.damaged] == ["row 2"]


def test_a_structure_that_is_no_text_is_damage(three: Path) -> None:
    """SQLite quotes the bytes in its message, which Python cannot read."""
    path = three / "results.db"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"runs_unfinished ON runs (", b"runs_unfinished ON ru\xd4s ("))

    with pytest.raises(StoreError, match=r"is damaged.*verify-store"):
        open_store(path, create=False)


def test_a_store_is_what_is_listed(three: Path) -> None:
    """Digests and keys are those of the records."""
    with open_store(three, create=False) as store:
        found, damaged = list_runs(store)
        records = list(store.read())

    assert not damaged
    assert [(run.digest, run.key, run.spec) for run in found] == [
        (record.run.spec.digest, record.key, record.run.spec) for record in records
    ]
