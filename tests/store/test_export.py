"""Exported tables say what the store says, in every format."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optbench.core.errors import OptbenchError, StoreError
from optbench.core.run import DETERMINED, MEASURED, TRAINED, TRAINED_MEASURED, Status
from optbench.store import FORMATS, Record, Store, export, open_store

COLUMNS = DETERMINED + MEASURED
TABLES = ("csv", "parquet")
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


@pytest.mark.parametrize("format", TABLES)
def test_round_trip(store: Store, records: list[Record], tmp_path: Path, format: str) -> None:
    """Every number of every run is in the tables, to the last bit."""
    paths = export([store], tmp_path / "out", format)
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


@pytest.mark.parametrize("format", TABLES)
def test_an_empty_store(tmp_path: Path, format: str) -> None:
    """A store without runs gives tables without rows."""
    with open_store(tmp_path / "store") as store:
        paths = export([store], tmp_path / "out", format)

    assert [rows(path) for path in paths] == [[], [], []]


def test_json_is_strict_and_whole(store: Store, records: list[Record], tmp_path: Path) -> None:
    """Every run is an object with its curve, to the last bit; what is not finite is null or a word.

    A parser that refuses bare NaN and Infinity reads it.
    """
    (path,) = export([store], tmp_path / "out", "json")
    found = json.loads(path.read_text(), parse_constant=refused)

    assert path.name == "runs.json"
    assert [one["key"] for one in found] == [record.key for record in records]
    for one, record in zip(found, records, strict=True):
        run = record.run
        assert one["spec"] == json.loads(run.spec.to_json())
        assert one["message"] == run.message.replace("\udc80", "?")
        assert [(h["target"], h["step"], h["gradient_calls"]) for h in one["hits"]] == [
            (hit.target, hit.step, hit.gradient_calls) for hit in run.hits
        ]
        assert one["curve"].keys() == run.curve.keys()
        for name, values in run.curve.items():
            read = [math.nan if v is None else float(v) for v in one["curve"][name]]
            np.testing.assert_array_equal(read, values)
    assert found[299]["curve"]["value"] == [1.0, None, "inf"]
    assert found[299]["last_value"] == "inf"
    assert found[299]["hyper"] == {"lr": "inf"}
    assert found[300]["seconds"] is None
    assert found[0]["environment"]["torch"] == "2.13.0"


def refused(word: str) -> float:
    """Fail on what strict JSON does not have."""
    raise AssertionError(f"{word} in JSON")


def test_json_of_an_empty_store(tmp_path: Path) -> None:
    """A store without runs is an empty array."""
    with open_store(tmp_path / "store") as store:
        (path,) = export([store], tmp_path / "out", "json")

    assert json.loads(path.read_text()) == []


def test_json_has_the_columns_of_tasks(trained: Callable[..., Record], tmp_path: Path) -> None:
    """The curve of a task has what the task adds to it."""
    record = trained(1, points=3)
    with open_store(tmp_path / "store") as store:
        store.add([record])
        (path,) = export([store], tmp_path / "out", "json")
    (found,) = json.loads(path.read_text(), parse_constant=refused)

    losses = record.run.trained["validation_loss"]
    assert found["curve"]["validation_loss"] == losses.tolist()
    assert found["curve"]["test_loss"][:2] == [None, None]


def test_several_stores_are_one(record: Callable[..., Record], tmp_path: Path) -> None:
    """A run that two stores have is exported once, and digests pick runs."""
    stores = [open_store(tmp_path / name) for name in ("a", "b")]
    stores[0].add([record(1), record(2)])
    stores[1].add([record(2), record(3)])
    runs, _, curves = export(stores, tmp_path / "all", "csv")
    digest = record(2).run.spec.digest
    some, *_ = export(stores, tmp_path / "some", "csv", digests={digest})

    assert [row["seed"] for row in rows(runs)] == ["1", "2", "3"]
    assert len(rows(curves)) == 3 * 40
    assert [row["spec_digest"] for row in rows(some)] == [digest]


@pytest.mark.parametrize("format", FORMATS)
def test_every_column_is_documented(
    trained: Callable[..., Record], record: Callable[..., Record], tmp_path: Path, format: str
) -> None:
    """The columns that `results/README.md` lists for a file are those that are written to it."""
    with open_store(tmp_path / "store") as store:
        every = {name: np.zeros(40) for name in TRAINED + TRAINED_MEASURED}
        store.add([record(1), trained(2, trained=every)])
        paths = export([store], tmp_path / "out", format)
    runs, *others = paths
    if format == "json":
        first, second = json.loads(runs.read_text())
        of_tasks = [f"last_{name}" for name in every]
        assert [*documented("runs"), *documented("runs.json")] == [
            *(name for name in first if name not in ("hits", "curve")),
            *of_tasks,
            *("hits", "curve"),
        ]
        assert documented("hits")[2:] == [*first["hits"][0]]
        assert documented("curves")[1:] == [*second["curve"]]
    for path in paths if format != "json" else others:
        assert documented(path.stem) == [*rows(path)[0]]


def documented(file: str) -> list[str]:
    """Return the names in the first column of a table in the README."""
    text = (Path(__file__).parents[2] / "results" / "README.md").read_text()
    section = re.split(r"\n#+ ", text[text.index(f"### File `{file}`") :])[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_a_failed_export_leaves_the_old_one(store: Store, tmp_path: Path) -> None:
    """Export stops at a damaged row, the files of before stay, and nothing else is left behind."""
    export([store], tmp_path / "out", "csv")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    store.connection.execute("UPDATE runs SET message = 'forged' WHERE seed = 299")
    with pytest.raises(StoreError, match="row 299"):
        export([store], tmp_path / "out", "csv")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before

    export([store], tmp_path / "out", "csv", on_damage=lambda _: None)
    assert len(rows(tmp_path / "out" / "runs.csv")) == 300


def test_unknown_format(store: Store, tmp_path: Path) -> None:
    """A format that does not exist is named with those that do."""
    with pytest.raises(OptbenchError, match="unknown format 'parket'; did you mean parquet"):
        export([store], tmp_path / "out", "parket")


def test_without_pyarrow(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow CSV works, and Parquet says what to install."""
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptbenchError, match=r"pip install 'optbench\[parquet\]'"):
        export([store], tmp_path / "out", "parquet")

    assert list((tmp_path / "out").iterdir()) == []
    export([store], tmp_path / "out", "csv")


def test_a_folder_that_is_a_file(store: Store, tmp_path: Path) -> None:
    """A target that is a file is one clear line."""
    (tmp_path / "out").write_text("precious")
    with pytest.raises(StoreError, match=r"cannot use .*out: File exists"):
        export([store], tmp_path / "out", "csv")
