"""A night: what was measured, of which commit, where, and its translation to and from JSON.

The JSON is strict (no NaN, no infinity), has a version, and a checksum over everything else.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

VERSION = 1
"""Of the format. A reader refuses newer ones and reads all that were ever released."""

Value = float | str | None
"""A number, a word such as a run's status, or None: never reached, or unknown."""


class Kind(StrEnum):
    """How a metric is judged."""

    EXACT = "exact"
    NOISY = "noisy"


class Key(NamedTuple):
    """What names a series over the nights.

    Attributes:
        problem: The problem's name; `theory`, `conformance` or `step` for what needs none.
        optimizer: The optimizer as the suite writes it.
        schedule: The schedule, empty where there is none.
        metric: What is measured.
    """

    problem: str
    optimizer: str
    schedule: str
    metric: str

    def __str__(self) -> str:
        """Return the key in one line."""
        schedule = f" with {self.schedule}" if self.schedule not in ("", "constant") else ""
        return f"{self.metric} of {self.optimizer}{schedule} on {self.problem}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric in one night.

    Attributes:
        key: The series that it belongs to.
        value: What came out; of a noisy metric the median of its samples.
        definition: Names what was asked for, to the last number. A series starts anew when it
            changes.
        kind: How it is judged.
        spread: Of an exact metric the same metric with other rounding, from starts that were moved
            by a few last bits; empty where that was not tried.
        samples: Of a noisy metric the repeats of this night.
        floor: Numbers that are not above it are rounding errors, and are not compared.
        curve: Name of the run's curve, see `optbench.nightly.history`; empty for none.
    """

    key: Key
    value: Value
    definition: str = ""
    kind: Kind = Kind.EXACT
    spread: tuple[Value, ...] = ()
    samples: tuple[float, ...] = ()
    floor: float = 0.0
    curve: str = ""


@dataclass(frozen=True, kw_only=True)
class Night:
    """Everything that one call of `optbench nightly` has measured.

    Attributes:
        id: Date and eight random digits; later than those of the nights before it, also where the
            clock went backwards.
        date: When it began, UTC, ISO 8601.
        suite: The suite's name.
        suite_fingerprint: Names what the suite asks for.
        commit: Git commit of the tested project, None outside a repository.
        subject: First line of that commit's message.
        dirty: Whether files differed from the commit; None without one.
        versions: Versions of Python and the packages.
        device: `cpu` or `cuda`. Nights on different devices are never compared.
        environment: What decides how numbers are rounded: processor kernels, versions, threads.
        rows: What was measured.
        failures: What could not be run, a line each.
        notes: What else a reader should know, a line each.
        seconds: How long it took.
    """

    id: str
    date: str
    suite: str
    suite_fingerprint: str
    commit: str | None
    subject: str = ""
    dirty: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    environment: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @cached_property  # asked for once a night and series: half of the time of a large dashboard
    def arithmetic(self) -> str:
        """Name of the environment: exact metrics of nights that share it are compared exactly."""
        return digest(self.environment)

    def row(self, key: Key) -> Row | None:
        """Return the row of a series, or None when this night has none."""
        return next((row for row in self.rows if row.key == key), None)

    def to_json(self) -> str:
        """Return the record, with its version and its checksum."""
        content = _content(self)
        return json.dumps({**content, "checksum": digest(content)}, indent=1, allow_nan=False)


class ForeignError(ValueError):
    """A text that is no night's record; the message says what is wrong, in one line."""


def digest(content: Any) -> str:
    """Return a name for data: SHA-256 of its canonical JSON, in 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def strict(value: Any) -> Value:
    """Return a value as a record holds it: what is not finite becomes None."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _content(night: Night) -> dict[str, Any]:
    """Return what the checksum is of; the rows of one run stand together."""
    runs: dict[tuple[str, ...], dict[str, Any]] = {}
    names: tuple[str, ...] = ("problem", "optimizer", "schedule", "definition", "curve")
    for row in night.rows:
        head = (*row.key[:3], row.definition, row.curve)
        run = runs.setdefault(head, dict(zip(names, head, strict=True)) | {"metrics": {}})
        run["metrics"][row.key.metric] = _cell(row)
    names = ("id", "date", "suite", "suite_fingerprint", "commit", "subject", "dirty", "device")
    return {
        "optbench_night": VERSION,
        **{name: getattr(night, name) for name in names},
        "versions": dict(night.versions),
        "environment": dict(night.environment),
        "failures": list(night.failures),
        "notes": list(night.notes),
        "seconds": round(night.seconds, 3),
        "runs": list(runs.values()),
    }


def _cell(row: Row) -> Any:
    """Return a value alone, or with what else belongs to it: most exact ones never move."""
    value = strict(row.value)
    extra: dict[str, Any] = {}
    if row.kind is Kind.NOISY:
        extra["samples"] = list(row.samples)
    if row.spread:
        spread = [strict(one) for one in row.spread]
        extra["spread"] = spread if any(one != value for one in spread) else len(spread)
    if row.floor:
        extra["floor"] = row.floor
    return {"value": value, **extra} if extra else value


def read_night(text: str) -> Night:
    """Read what `Night.to_json` wrote.

    Raises:
        ForeignError: When the text is something else, damaged, or of a newer version.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ForeignError(f"no strict JSON: {' '.join(str(error).split())[:100]}") from error
    if not isinstance(data, dict) or "optbench_night" not in data:
        raise ForeignError("no record of a night")
    version = data["optbench_night"]
    if not isinstance(version, int) or version > VERSION:
        raise ForeignError(f"written by a newer optbench (format {version}); upgrade to read it")
    if data.pop("checksum", None) != digest(data):
        raise ForeignError("damaged: the checksum does not match")
    try:
        return _night(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForeignError(f"not as it is written: {type(error).__name__}: {error}") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _night(data: dict[str, Any]) -> Night:
    data = dict(data)
    runs = data.pop("runs")
    del data["optbench_night"]
    for name in ("failures", "notes"):
        data[name] = tuple(data[name])
    return Night(**data, rows=tuple(row for run in runs for row in _rows(run)))


def _rows(run: dict[str, Any]) -> list[Row]:
    head = (run["problem"], run["optimizer"], run["schedule"])
    return [
        _row(Key(*head, metric), cell, run["definition"], run["curve"])
        for metric, cell in run["metrics"].items()
    ]


def _row(key: Key, cell: Any, definition: str, curve: str) -> Row:
    extra = cell if isinstance(cell, dict) else {"value": cell}
    value, spread = extra["value"], extra.get("spread", 0)
    return Row(
        key=key,
        value=value,
        definition=definition,
        kind=Kind.NOISY if "samples" in extra else Kind.EXACT,
        spread=(value,) * spread if isinstance(spread, int) else tuple(spread),
        samples=tuple(extra.get("samples", ())),
        floor=extra.get("floor", 0.0),
        curve=curve,
    )
