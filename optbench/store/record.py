"""A stored run, and its translation to and from one row of the table `runs`.

A row carries two checksums: `crc32` over every readable column, the hits and what `trained` says of
its columns, `blob_crc32` over the curve and the points; each column of `trained` has one of its
own. So what is read is verified even where the curves are left on disk.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optbench.core.run import Hit, Run, Status
from optbench.core.spec import RunSpec
from optbench.store.schema import CURVE, NUMBERS, TEXTS

Row = dict[str, Any]
"""Column of `runs` to the value that SQLite keeps."""

HitRow = tuple[float, int, float | None]
"""Target, step, gradient calls; the largest target first."""

TrainedRow = tuple[str, float | None, int, bytes | None]
"""Name of a column, its last number, the checksum of its numbers, and the numbers themselves, None
where they were left on disk; in the order of the names."""

_LITTLE_ENDIAN = np.dtype("<f8")
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, kw_only=True)
class Record:
    """A run as it is kept.

    Attributes:
        run: The result.
        key: SHA-256, in hexadecimal, of the spec's digest and the code's fingerprint.
        fingerprint: Fingerprint of the code that the run depends on.
        environment: Versions, processor, threads, git revision ...; kept once for all runs that
            share it.
        created: When the run ended, UTC, ISO 8601.
    """

    run: Run
    key: str
    fingerprint: str
    environment: Mapping[str, str]
    created: str


@dataclass(frozen=True)
class Encoded:
    """A record as rows of the four tables."""

    row: Row
    hits: tuple[HitRow, ...]
    trained: tuple[TrainedRow, ...]
    environment: str


def encode(record: Record) -> Encoded:
    """Translate a record into rows.

    Raises:
        ValueError: When the curve has other columns than `CURVE`, or lengths that differ, also from
            those of the columns of `trained`.
    """
    run, spec = record.run, record.run.spec
    curve, points = _curve(run), _points(run)
    spec_json, environment = spec.to_json(), _canonical(dict(record.environment))
    blobs = {"curve": curve.tobytes(), "points": None if points is None else points.tobytes()}
    last = curve[:, -1].tolist() if curve.shape[1] else [math.nan] * len(CURVE)
    row: Row = {
        "key": record.key,
        "spec_digest": hashlib.sha256(spec_json.encode()).hexdigest(),
        "label": _text(spec.problem_label),
        "problem": _text(str(spec.problem)),
        "method": _text(spec.optimizer.name),
        "optimizer": _text(str(spec.optimizer)),
        "lr": _real(run.hyper.get("lr", dict(spec.optimizer.params).get("lr"))),
        "schedule": _text(str(spec.schedule)),
        "seed": spec.seed if -(2**63) <= spec.seed < 2**63 else None,
        "dtype": spec.dtype,
        "device": spec.device,
        "status": run.status.value,
        "message": _text(run.message),
        "first_bad_step": None if run.first_bad_step is None else int(run.first_bad_step),
        "engine": run.engine,
        "batch": _text(run.batch),
        "seconds": _real(run.seconds),
        "n_points": curve.shape[1],
        **{f"last_{name}": _real(value) for name, value in zip(CURVE, last, strict=True)},
        "created": record.created,
        "fingerprint": record.fingerprint,
        "environment": environment_id(environment),
        "spec": spec_json,
        "hyper": _numbers(run.hyper),
        "facts": _numbers(run.facts),
        "points_dim": None if points is None else points.shape[1],
        "blob_crc32": _blob_crc32(blobs),
    }
    hits, trained = _hits(run), _trained(run, curve.shape[1])
    row |= {"crc32": _crc32(row, hits, trained)} | blobs
    return Encoded(row, hits, trained, environment)


def decode(
    row: Row,
    hits: Sequence[HitRow],
    trained: Sequence[TrainedRow],
    environment: Mapping[str, str],
) -> Record:
    """Translate rows back into a record, and verify the checksums of what is there.

    Args:
        row: With the blobs; or without, and the curve has its last point only, and no `points`.
        hits: The run's rows of the table `hits`.
        trained: The run's rows of the table `trained`, with or without their numbers, likewise.
        environment: The run's environment.

    Returns:
        The record; its arrays are read-only.

    Raises:
        ValueError: When a checksum does not match, or the row is not what `encode` writes.
    """
    try:
        if _crc32(row, hits, trained) != row["crc32"]:
            raise ValueError("checksum of the row, its hits or its trained columns does not match")
        if "curve" in row and _blob_crc32(row) != row["blob_crc32"]:
            raise ValueError("checksum of the curve does not match")
        for name, _, crc32, data in trained:
            if data is not None and zlib.crc32(data) != crc32:
                raise ValueError(f"checksum of the column {name} does not match")
        return Record(
            run=_run(row, hits, trained),
            key=row["key"],
            fingerprint=row["fingerprint"],
            environment=environment,
            created=row["created"],
        )
    except (TypeError, KeyError, AttributeError, RecursionError, struct.error) as error:
        raise ValueError(f"not a run: {type(error).__name__}: {error}") from error


def _run(row: Row, hits: Sequence[HitRow], trained: Sequence[TrainedRow]) -> Run:
    label = "" if row["label"] == row["problem"] else row["label"]
    return Run(
        spec=RunSpec.from_json(row["spec"], label=label),
        status=Status(row["status"]),
        message=row["message"],
        first_bad_step=row["first_bad_step"],
        curve=_read_curve(row),
        trained=_read_trained(row, trained),
        points=_read_points(row),
        hits=tuple(Hit(target, step, _nan(calls)) for target, step, calls in hits),
        hyper=dict(_read_numbers(row["hyper"])),
        facts=dict(_read_numbers(row["facts"])),
        engine=row["engine"],
        batch=row["batch"],
        seconds=_nan(row["seconds"]),
    )


def environment_id(text: str) -> str:
    """Return the name of an environment: SHA-256 of its JSON, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


@functools.lru_cache(maxsize=256)
def read_environment(name: str, text: str) -> Mapping[str, str] | None:
    """Read an environment's JSON.

    Returns:
        The environment, shared and so not to be changed; None when the text is not what has that
        name.
    """
    try:
        values = json.loads(text) if environment_id(text) == name else None
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _curve(run: Run) -> np.ndarray:
    """Return the curve as one array of shape (columns, points)."""
    if not run.curve:
        return np.empty((len(CURVE), 0))
    if set(run.curve) != set(CURVE):
        raise ValueError(f"a curve has the columns {', '.join(CURVE)}, got {', '.join(run.curve)}")
    return np.array([run.curve[name] for name in CURVE], dtype=_LITTLE_ENDIAN)


def _read_curve(row: Row) -> dict[str, np.ndarray]:
    if not row["n_points"]:
        return {}
    if "curve" in row:
        values = np.frombuffer(row["curve"], _LITTLE_ENDIAN).reshape(len(CURVE), row["n_points"])
    else:
        values = np.array([[row[f"last_{name}"]] for name in CURVE], dtype=float)
    return dict(zip(CURVE, values, strict=True))


def _hits(run: Run) -> tuple[HitRow, ...]:
    return tuple(
        (float(hit.target), int(hit.step), _real(hit.gradient_calls))
        for hit in sorted(run.hits, key=lambda hit: -hit.target)
    )


def _trained(run: Run, points: int) -> tuple[TrainedRow, ...]:
    rows = []
    for name, values in sorted((_text(name), values) for name, values in run.trained.items()):
        numbers = np.asarray(values, dtype=_LITTLE_ENDIAN)
        if numbers.shape != (points,):
            raise ValueError(f"{name} has the shape {numbers.shape}, the curve {points} points")
        data = numbers.tobytes()
        last = _real(float(numbers[-1])) if points else None
        rows.append((name, last, zlib.crc32(data), data))
    return tuple(rows)


def _read_trained(row: Row, trained: Sequence[TrainedRow]) -> dict[str, np.ndarray]:
    points = row["n_points"]
    return {
        name: np.array([_nan(last)] * min(points, 1))
        if data is None
        else np.frombuffer(data, _LITTLE_ENDIAN, count=points)
        for name, last, _, data in trained
    }


def _points(run: Run) -> np.ndarray | None:
    return None if run.points is None else np.asarray(run.points, dtype=_LITTLE_ENDIAN)


def _read_points(row: Row) -> np.ndarray | None:
    if row["points_dim"] is None or "points" not in row:
        return None
    return np.frombuffer(row["points"], _LITTLE_ENDIAN).reshape(-1, row["points_dim"])


def _crc32(row: Row, hits: Iterable[HitRow], trained: Iterable[TrainedRow]) -> int:
    """Checksum of the text columns, each ended by NUL, then of all numbers as float64.

    NULL counts as NaN. The numbers are those of the row and then the hits, both in order. What
    `trained` says of each column goes on from there: its name and NUL, its last number and its
    checksum; so a run without such columns has the checksum that it had in version 1.
    """
    texts = "".join(f"{row[name]}\0" for name in TEXTS)
    numbers = [row[name] for name in NUMBERS]
    numbers += itertools.chain.from_iterable(hits)
    packed = struct.pack(f"<{len(numbers)}d", *(_nan(number) for number in numbers))
    whole = zlib.crc32(packed, zlib.crc32(texts.encode(errors="surrogateescape")))
    for name, last, crc32, _ in trained:
        whole = zlib.crc32(f"{name}\0".encode(errors="surrogateescape"), whole)
        whole = zlib.crc32(struct.pack("<2d", _nan(last), crc32), whole)
    return whole


def _blob_crc32(row: Row) -> int:
    return zlib.crc32(row["points"] or b"", zlib.crc32(row["curve"]))


def _numbers(values: Mapping[str, Any]) -> str:
    """Return numbers by name as JSON; what JSON has no number for becomes a word."""
    return _canonical({name: _number(value) for name, value in values.items()})


def _number(value: Any) -> float | bool | str | None:
    if value is None or isinstance(value, bool | int):
        return value
    value = float(value)
    return value if math.isfinite(value) else str(value)


@functools.lru_cache(maxsize=1024)
def _read_numbers(text: str) -> Mapping[str, Any]:
    return {name: _read_number(value) for name, value in json.loads(text).items()}


def _read_number(value: Any) -> float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _NOT_FINITE[value]


def _real(value: Any) -> float | None:
    """Return a number as SQLite keeps it: NaN is NULL, -0.0 is 0.0, a word (a tuning) is NULL."""
    if value is None or isinstance(value, str) or math.isnan(value):
        return None
    return float(value) + 0.0


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _text(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot hold, written as escapes."""
    return text.encode(errors="backslashreplace").decode()
