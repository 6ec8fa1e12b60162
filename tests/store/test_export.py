"""Exported tables say what the store says, in every format."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optbench.core.errors import OptbenchError, StoreError
from optbench.core.run import DETERMINED, MEASURED, Status
from optbench.store import FORMATS, Record, Store, export, open_store

COLUMNS = DETERMINED + MEASURED
HOSTILE = '=HYPERLINK("x"), \'é\r\n\0'


@pytest.fixture
def records(record: Callable[..., Record]) -> list[Record]:
    """Runs with a curve that is not finite, without a curve, with words that need quoting."""
    bad = {name: np.array([1.0, math.nan, math.inf]) for name in COLUMNS}
    return [
        *(record(i, points=i % 20 + 1) for i in range(1, 300)),
        record(500, curve=bad, status=Status.DIVERGED, first_bad_step=2, hyper={"lr": math.inf}),
        record(501, curve={}, hits=(), message=HOSTILE, status=Status.ERROR, seconds=math.nan),
    ]


@pytest.fixture
def store(tmp_path: Path, records: list[Record]) -> Store:
    """A store with those runs."""
    store = open_store(tmp_path / "store")
    store.add(records)
    return store


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a table back as text, or as what Parquet says."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    parquet = pytest.importorskip("pyarrow.parquet")
    table: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return table


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(store: Store, records: list[Record], tmp_path: Path, format: str) -> None:
    """Every number of every run is in the tables, to the last bit."""
    paths = export(store, tmp_path / "out", format)
    runs, hits, curves = map(rows, paths)
    assert [path.name for path in paths] == [f"{n}.{format}" for n in ("runs", "hits", "curves")]
    assert sorted((tmp_path / "out").iterdir()) == sorted(paths)

    assert [(r["key"], r["status"], r["message"]) for r in runs] == [
        (r.key, r.run.status.value, r.run.message) for r in records
    ]
    assert {json.loads(r["environment"])["torch"] for r in runs} == {"2.13.0"}
    assert [json.loads(r["hyper"])["lr"] for r in runs] == [0.5] * 299 + ["inf", 0.5]
    assert [
        (r["key"], float(r["target"]), int(r["step"]), float(r["gradient_calls"])) for r in hits
    ] == [(r.key, h.target, h.step, h.gradient_calls) for r in records for h in r.run.hits]
    assert {r["measure"] for r in hits} == {"suboptimality"}
    assert [c["key"] for c in curves] == [
        r.key for r in records for _ in r.run.curve.get("step", ())
    ]
    for name in COLUMNS:
        expected = np.concatenate([r.run.curve[name] for r in records if r.run.curve])
        np.testing.assert_array_equal([float(c[name]) for c in curves], expected)


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_store(tmp_path: Path, format: str) -> None:
    """A store without runs gives tables without rows."""
    with open_store(tmp_path / "store") as store:
        paths = export(store, tmp_path / "out", format)

    assert [rows(path) for path in paths] == [[], [], []]


def test_a_failed_export_leaves_the_old_one(store: Store, tmp_path: Path) -> None:
    """Export stops at a damaged row, the files of before stay, and nothing else is left behind."""
    export(store, tmp_path / "out", "csv")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    store.connection.execute("UPDATE runs SET message = 'forged' WHERE seed = 299")
    with pytest.raises(StoreError, match="row 299"):
        export(store, tmp_path / "out", "csv")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before

    export(store, tmp_path / "out", "csv", on_damage=lambda _: None)
    assert len(rows(tmp_path / "out" / "runs.csv")) == 300


def test_unknown_format(store: Store, tmp_path: Path) -> None:
    """A format that does not exist is named with those that do."""
    with pytest.raises(OptbenchError, match="unknown format 'parket'; did you mean parquet"):
        export(store, tmp_path / "out", "parket")


def test_without_pyarrow(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow CSV works, and Parquet says what to install."""
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptbenchError, match=r"pip install 'optbench\[parquet\]'"):
        export(store, tmp_path / "out", "parquet")

    assert list((tmp_path / "out").iterdir()) == []
    export(store, tmp_path / "out", "csv")


def test_a_folder_that_is_a_file(store: Store, tmp_path: Path) -> None:
    """A target that is a file is one clear line."""
    (tmp_path / "out").write_text("precious")
    with pytest.raises(StoreError, match=r"cannot use .*out: File exists"):
        export(store, tmp_path / "out", "csv")
