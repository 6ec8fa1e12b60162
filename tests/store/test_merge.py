"""Merging is a union: idempotent, and in any order the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optbench.core.errors import StoreError
from optbench.core.run import Status
from optbench.store import Record, merge, open_store
from optbench.store.record import Encoded, encode


def make(path: Path, records: list[Record]) -> Path:
    """Write a results file."""
    with open_store(path) as store:
        store.add(records)
    return path


def content(path: Path) -> list[Encoded]:
    """Return everything in a file, whatever the order of its rows."""
    with open_store(path, create=False) as store:
        return sorted((encode(r) for r in store.read()), key=lambda e: str(e.row["key"]))


def test_union(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A merge has each run of the sources once, and a second one changes nothing."""
    records = [record(i) for i in range(600)]
    sources = [make(tmp_path / "a", records[:400]), make(tmp_path / "b.db", records[300:])]
    before = [path.read_bytes() for path in (tmp_path / "a" / "results.db", tmp_path / "b.db")]
    first = merge(sources, tmp_path / "all")
    merged = content(tmp_path / "all")
    second = merge([*sources, tmp_path / "all"], tmp_path / "all")

    assert (first.written, first.known, first.damaged) == (600, 100, [])
    assert (second.written, second.known) == (0, 700)
    assert merged == sorted(map(encode, records), key=lambda e: str(e.row["key"]))
    assert content(tmp_path / "all") == merged
    assert [p.read_bytes() for p in (tmp_path / "a" / "results.db", tmp_path / "b.db")] == before


def test_any_order(tmp_path: Path, record: Callable[..., Record]) -> None:
    """Different tries of one run: the same one stays in whatever order they come."""
    tries = [
        record(1, status=Status.ERROR, message="early failure"),
        replace(record(1, status=Status.TIMEOUT, hits=()), created="2025-02"),
        replace(record(1, message="first success"), created="2025-03"),
        replace(record(1, message="second success", curve={}), created="2025-04"),
        replace(record(1, message="at the same time"), created="2025-03"),
    ]
    sources = [make(tmp_path / f"{i}.db", [attempt]) for i, attempt in enumerate(tries)]

    def results(chosen: list[Path]) -> list[list[Encoded]]:
        found = []
        for number, order in enumerate(itertools.permutations(chosen)):
            target = tmp_path / f"{len(chosen)}-{number}"
            merge(order, target)
            found.append(content(target))
        return found

    failures = results(sources[:2])
    assert failures == [[encode(tries[1])]] * 2
    everything = results(sources[1:])
    assert everything == [everything[0]] * 24
    assert everything[0] in ([encode(tries[2])], [encode(tries[4])])


def test_damaged_rows_stay_behind(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A damaged row of a source is listed and not merged, the others are."""
    source = make(tmp_path / "a", [record(i) for i in range(5)])
    with open_store(source) as store:
        store.connection.execute("UPDATE runs SET curve = zeroblob(length(curve)) WHERE seed = 3")
    result = merge([source], tmp_path / "all")

    assert (result.written, result.known) == (4, 0)
    assert [(d.path, d.key) for d in result.damaged] == [(source / "results.db", record(3).key)]
    assert record(3).key not in {e.row["key"] for e in content(tmp_path / "all")}


def test_wrong_sources(tmp_path: Path, record: Callable[..., Record]) -> None:
    """A source that is no results file is found before anything is written."""
    source = make(tmp_path / "a", [record(1)])
    (tmp_path / "notes.txt").write_text("nothing of the kind")
    for wrong in (tmp_path / "notes.txt", tmp_path / "missing"):
        with pytest.raises(StoreError, match=r"not an SQLite database|there are no results"):
            merge([source, wrong], tmp_path / "all")

    assert not (tmp_path / "all").exists()
