"""A run comes back from disk as it went there."""

from __future__ import annotations

import json
import math
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.run import DETERMINED, MEASURED, Hit, Run, Status
from optbench.core.spec import RunSpec, Spec
from optbench.store import Record, open_store
from optbench.store.record import decode, encode
from optbench.store.schema import METADATA, RUNS

COLUMNS = DETERMINED + MEASURED

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["'; DROP TABLE runs; --", "\0", "__import__('os').abort()", "\\ud800", 'a\r\n,"b', "NaN"]
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
anything = st.floats(width=64)
values = st.booleans() | st.integers() | numbers | texts


@st.composite
def specs(draw: st.DrawFn) -> RunSpec:
    """Any run spec, also such as no command line can spell."""
    part = st.builds(Spec.of, texts, st.dictionaries(texts, values, max_size=3))
    targets = draw(st.lists(st.floats(1e-12, 1), unique=True, max_size=3))
    plain, lr = draw(part), draw(st.sampled_from(["1/L", "polyak"]) | numbers)
    optimizer = Spec.of(plain.name, dict(plain.params) | {"lr": lr})
    return RunSpec(
        problem=draw(part),
        optimizer=optimizer,
        schedule=draw(part),
        budget=draw(st.floats(1, 1e6)),
        targets=tuple(sorted(targets, reverse=True)),
        seed=draw(st.integers() | st.integers(2**63 - 1, 2**64)),
        record_x=draw(st.booleans()),
        label=draw(texts),
    )


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any record: every status, curves with NaN and inf or none at all, points or none.

    A task may have added columns of any name.
    """
    n, dim = draw(st.integers(0, 4)), draw(st.integers(1, 3))
    column = st.lists(anything, min_size=n, max_size=n).map(np.array)
    points = st.lists(anything, min_size=n * dim, max_size=n * dim)
    targets = draw(st.lists(st.floats(1e-12, 1), unique=True, max_size=3))
    hit = st.builds(Hit, st.just(0.0), st.integers(0, 2**62), anything.map(lambda x: x + 0.0))
    run = Run(
        spec=draw(specs()),
        status=draw(st.sampled_from(Status)),
        message=draw(texts),
        first_bad_step=draw(st.none() | st.integers(0, 2**62)),
        curve={name: draw(column) for name in COLUMNS} if n else {},
        trained=draw(st.dictionaries(texts, column, max_size=3)),
        points=draw(st.none() | points.map(lambda x: np.reshape(x, (n, dim)))),
        hits=tuple(Hit(t, (h := draw(hit)).step, h.gradient_calls) for t in sorted(targets)[::-1]),
        hyper=draw(st.dictionaries(texts, anything, max_size=3)),
        facts=draw(st.dictionaries(texts, anything | st.booleans() | st.none(), max_size=3)),
        engine=draw(st.sampled_from(["batched", "step", "training", ""])),
        batch=draw(texts),
        seconds=draw(st.floats(0, 1e9)),
    )
    environment = draw(st.dictionaries(texts, texts, max_size=3))
    key = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
    return Record(run=run, key=key, fingerprint=key[::-1], environment=environment, created="2025")


@settings(max_examples=60)
@given(written=st.lists(records(), max_size=3, unique_by=lambda record: record.key))
def test_round_trip(written: list[Record], same: Callable[[Record, Record], None]) -> None:
    """What is read is what was added, for any run, in the same order."""
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        store.add(written)
        found = list(store.read())

        assert len(found) == len(written)
        for expected, actual in zip(written, found, strict=True):
            same(expected, actual)


@settings(max_examples=50)
@given(original=records())
def test_encoding_is_stable(original: Record) -> None:
    """A record that was read encodes to the bytes that it was read from."""
    first = encode(original)
    read = decode(first.row, first.hits, first.trained, original.environment)

    assert encode(read) == first


@settings(max_examples=50)
@given(original=records())
def test_json_is_strict(original: Record) -> None:
    """No stored JSON has the bare words NaN or Infinity, which other readers refuse."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    encoded = encode(original)
    for text in (*(encoded.row[name] for name in ("spec", "hyper", "facts")), encoded.environment):
        json.loads(text, parse_constant=refuse)


def test_columns_for_people(record: Callable[..., Record]) -> None:
    """The readable columns say what the spec and the end of the curve say."""
    number = record(7)
    row = encode(number).row

    assert row["spec_digest"] == number.run.spec.digest
    assert row["spec"] == number.run.spec.to_json()
    assert row["label"] == "problem-2"
    assert row["problem"] == "quadratic:dim=10,kappa=10.0"
    assert (row["method"], row["optimizer"], row["lr"]) == ("gd", "gd:lr=0.5", 0.5)
    assert (row["seed"], row["status"], row["n_points"]) == (7, "converged", 40)
    assert row["last_value"] == number.run.last("value")


def test_learning_rate_of_a_tuning(record: Callable[..., Record]) -> None:
    """The column lr holds the number behind a named tuning, NULL while that is unknown."""
    spec = RunSpec(problem=Spec("quadratic"), optimizer=Spec.of("gd", {"lr": "1/L"}))

    assert encode(record(1, spec=spec, hyper={"lr": 0.25})).row["lr"] == 0.25
    assert encode(record(1, spec=spec, hyper={})).row["lr"] is None


@pytest.mark.parametrize("column", [*RUNS])
def test_checksums_cover_every_column(record: Callable[..., Record], column: str) -> None:
    """A change of any column of a row, the measured ones included, is noticed."""
    original = record(1)
    points = np.ones((40, 2))
    original = replace(original, run=replace(original.run, points=points, first_bad_step=5))
    encoded = encode(original)
    changed = dict(encoded.row)
    value = changed[column]
    if isinstance(value, bytes):
        changed[column] = value[:-1] + bytes([value[-1] ^ 1])
    elif isinstance(value, str):
        changed[column] = value + " "
    else:
        changed[column] = (value or 0) + 1

    with pytest.raises(ValueError, match="checksum"):
        decode(changed, encoded.hits, encoded.trained, {})
    assert decode(encoded.row, encoded.hits, encoded.trained, {}).key == encoded.row["key"]


@pytest.mark.parametrize("change", [lambda h: h[:-1], lambda h: h[::-1], lambda h: ()])
def test_checksums_cover_hits(record: Callable[..., Record], change: Any) -> None:
    """A lost hit, or one of another run, is noticed."""
    encoded = encode(record(1))

    with pytest.raises(ValueError, match="checksum"):
        decode(encoded.row, change(encoded.hits), (), {})


@pytest.mark.parametrize(
    ("place", "other"), [(0, "test_losz"), (1, 0.25), (1, None), (2, 7), (3, b"\0" * 320)]
)
def test_checksums_cover_what_tasks_add(
    trained: Callable[..., Record], place: int, other: Any
) -> None:
    """A change of a column's name, last number, checksum or numbers is noticed."""
    encoded = encode(trained(1))
    first, second = encoded.trained
    changed = (*first[:place], other, *first[place + 1 :])

    for rows in ((changed, second), (second,), (first,), (second, first)):
        with pytest.raises(ValueError, match="checksum"):
            decode(encoded.row, encoded.hits, rows, {})
    assert decode(encoded.row, encoded.hits, encoded.trained, {}).key == encoded.row["key"]


def test_the_checksum_is_the_one_described(trained: Callable[..., Record]) -> None:
    """It is what the README says; without the columns of tasks it is that of version 1."""
    encoded = encode(trained(2, points=3))
    names = [name for name in METADATA if METADATA[name].startswith("TEXT")]
    whole = b"".join(encoded.row[name].encode() + b"\0" for name in names)
    for name in METADATA:
        if name not in names:
            whole += as_float(encoded.row[name])
    whole += b"".join(as_float(number) for hit in encoded.hits for number in hit)
    of_version_1 = replace(trained(2, points=3).run, trained={})

    assert encode(replace(trained(2), run=of_version_1)).row["crc32"] == zlib.crc32(whole)
    for name in ("test_loss", "validation_loss"):
        values = trained(2, points=3).run.trained[name]
        data = values.astype("<f8").tobytes()
        whole += name.encode() + b"\0" + as_float(values[-1]) + as_float(zlib.crc32(data))
    assert encoded.row["crc32"] == zlib.crc32(whole)


def as_float(number: float | None) -> bytes:
    """Return a number as eight bytes, the smallest first; NULL as NaN."""
    return struct.pack("<d", math.nan if number is None else number)


def test_columns_of_tasks_without_curves(trained: Callable[..., Record], tmp_path: Path) -> None:
    """Without curves a run still knows the last numbers of what a task added."""
    original = trained(3, trained={"sharpness": np.full(40, np.inf)})
    with open_store(tmp_path) as store:
        store.add([original, trained(4, points=0)])
        (read, empty) = store.read(curves=False)

    assert {name: values.tolist() for name, values in read.run.trained.items()} == {
        name: [values[-1]] for name, values in original.run.trained.items()
    }
    assert {name: len(values) for name, values in empty.run.trained.items()} == {
        "test_loss": 0,
        "validation_loss": 0,
    }


def test_columns_of_another_length_are_refused(
    trained: Callable[..., Record], tmp_path: Path
) -> None:
    """A column that has not the curve's points is the caller's mistake, and nothing is stored."""
    with open_store(tmp_path) as store:
        for wrong in (np.zeros(39), np.zeros((40, 1)), np.zeros(0)):
            with pytest.raises(ValueError, match=r"validation_loss has the shape .* 40 points"):
                store.add([trained(2), trained(1, trained={"validation_loss": wrong})])

        assert store.final_keys() == set()


def test_reading_without_curves(record: Callable[..., Record], tmp_path: Path) -> None:
    """Without curves a run still knows its last point, its hits and its status."""
    original = record(3)
    with open_store(tmp_path) as store:
        store.add([original, record(4, curve={})])
        (read, empty) = store.read(curves=False)

    assert {name: len(values) for name, values in read.run.curve.items()} == dict.fromkeys(
        COLUMNS, 1
    )
    assert [read.run.last(name) for name in COLUMNS] == [
        original.run.last(name) for name in COLUMNS
    ]
    assert read.run.hits == original.run.hits
    assert empty.run.curve == {}


def test_lone_surrogates_become_escapes(record: Callable[..., Record], tmp_path: Path) -> None:
    """A message that UTF-8 cannot hold (a file name, say) does not lose its batch."""
    with open_store(tmp_path) as store:
        store.add([record(1, message="no file caf\udce9")])
        (read,) = store.read()

    assert read.run.message == "no file caf\\udce9"


def test_numpy_and_float32_are_stored_as_float64(
    record: Callable[..., Record], tmp_path: Path
) -> None:
    """Numbers of numpy's types come back as plain ones of the same value."""
    curve = {name: np.arange(3, dtype=np.float32) for name in COLUMNS}
    hits = (Hit(np.float64(0.1), np.int64(3), np.float32(2.5)),)  # type: ignore[arg-type]
    with open_store(tmp_path) as store:
        store.add([record(1, curve=curve, hits=hits, hyper={"beta": np.float32(0.5)})])
        (read,) = store.read()

    assert read.run.last("value") == 2.0
    assert (read.run.hits, read.run.hyper) == ((Hit(0.1, 3, 2.5),), {"beta": 0.5})


def test_malformed_curves_are_refused(record: Callable[..., Record], tmp_path: Path) -> None:
    """A curve with a column missing or too short is the caller's mistake, and nothing is stored."""
    good = dict(record(1).run.curve)
    missing = {name: good[name] for name in COLUMNS[1:]}
    with open_store(tmp_path) as store:
        for curve in (missing, good | {"value": good["value"][:-1]}):
            with pytest.raises(ValueError, match=r"curve has the columns|inhomogeneous"):
                store.add([record(2), record(1, curve=curve)])

        assert store.final_keys() == set()
