"""Reading the Parquet files in which benchopt keeps its results, of any of its versions.

A row is a point of a curve: `objective_name`, `solver_name`, `dataset_name` (once `data_name`),
`idx_rep`, `stop_val`, `time`, `objective_value` or other `objective_METRIC`, and `p_solver_NAME`
for every parameter of a solver. Columns of bytes may hold pickles: they are never looked at.

Source: https://benchopt.github.io, "Manage benchmark results".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optbench.core.errors import OptbenchError
from optbench.core.parameters import Value
from optbench.core.spec import Spec
from optbench.store.foreign.curve import Curve, Point, rate_of

PREFIX = "benchopt"
"""What the names of its problems and solvers begin with."""

VALUE = "value"
"""The metric that is read unless another one is asked for."""

_DATASET = ("dataset_name", "data_name")
_PARAMETER = "p_solver_"


def read_benchopt(path: Path, environment: Mapping[str, str], metric: str = VALUE) -> list[Curve]:
    """Read a Parquet file of benchopt's.

    A solver is called `benchopt.NAME`, with its parameters; a problem by its objective and its
    data set. Steps are the iterations given as `stop_val`; where those are no rising counts, as
    where they are tolerances, the places of the points in the curve. Times do not fall along a
    curve: benchopt takes each from a run of its own.

    Args:
        path: The file.
        environment: What names it.
        metric: Which `objective_METRIC` is the value.

    Returns:
        Its curves, in the order in which they begin.

    Raises:
        OptbenchError: Without pyarrow, for another file than benchopt's, or for a cell that is not
            what it should be: the file, the row and the column are named.
    """
    names, rows = _table(path)
    dataset = next((name for name in _DATASET if name in names), "")
    value = f"objective_{metric}"
    for name in ("objective_name", "solver_name", "stop_val"):
        if name not in names:
            raise OptbenchError(f"{path} has no column {name}: it is not a result of benchopt")
    if value not in names:
        had = [n.removeprefix("objective_") for n in names if n.startswith("objective_")]
        had = sorted({*had} - {"name", "description"})
        raise OptbenchError(
            f"{path} has no column {value}; choose one of its metrics: {', '.join(had) or 'none'}"
        )
    curves: dict[tuple[object, ...], Curve] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{path}: row {number}"
        problem = {"objective": _word(where, "objective_name", row)}
        if dataset:
            problem["dataset"] = _word(where, dataset, row)
        curve = Curve(
            problem=Spec.of(PREFIX, dict(problem)),
            label=", ".join(problem.values()),
            optimizer=_solver(where, row),
            seed=_repetition(where, row),
            environment=environment,
        )
        same = curves.setdefault((curve.problem, curve.optimizer, curve.seed), curve)
        point = {
            "stop_val": _number(where, "stop_val", row),
            "value": _number(where, value, row),
            "seconds": _number(where, "time", row) if "time" in row else math.nan,
        }
        same.points.append(Point(where, point))
    return [_stepped(curve) for curve in curves.values()]


def _table(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Return the columns that can be read, and the rows; those of bytes are left in the file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise OptbenchError("Parquet needs pyarrow: pip install 'optbench[parquet]'") from None
    try:
        schema = pq.read_schema(path)
        names = [field.name for field in schema if _is_plain(field.type)]
        table = pq.read_table(path, columns=names)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise OptbenchError(f"cannot read {path} as Parquet: {said}") from error
    return names, _rows(path, table)


def _rows(path: Path, table: Any) -> Iterator[dict[str, Any]]:
    try:
        for batch in table.to_batches():
            yield from batch.to_pylist()
    except UnicodeDecodeError as error:
        raise OptbenchError(f"{path} has text that is not UTF-8: {error.reason}") from error


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    text = types.is_string(kind) or types.is_large_string(kind)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(text or number)


def _number(where: str, name: str, row: Mapping[str, Any]) -> float:
    """Return a cell as a number; an empty one is NaN, as a value that was not had."""
    cell = row[name]
    if cell is None:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise OptbenchError(f"{where}, {name}: {cell!r} is not a number") from None


def _word(where: str, name: str, row: Mapping[str, Any]) -> str:
    text = row[name]
    if not isinstance(text, str) or not text.strip() or not text.isprintable():
        raise OptbenchError(f"{where}, {name}: {text!r} is not a name")
    return text.strip()


def _repetition(where: str, row: Mapping[str, Any]) -> int:
    number = _number(where, "idx_rep", row) if "idx_rep" in row else 0.0
    if not math.isfinite(number) or number != int(number):
        raise OptbenchError(f"{where}, idx_rep: {row['idx_rep']!r} is not a whole number")
    return int(number)


def _solver(where: str, row: Mapping[str, Any]) -> Spec:
    name, params = _word(where, "solver_name", row), dict[str, Value]()
    for column, cell in row.items():
        if column.startswith(_PARAMETER) and cell is not None and cell == cell:
            finite = not isinstance(cell, float) or math.isfinite(cell)
            params[column.removeprefix(_PARAMETER)] = cell if finite else str(cell)
    # The name repeats the parameters: Python-PGD[use_acceleration=True].
    return Spec.of(f"{PREFIX}.{name.partition('[')[0] if params else name}", params)


def _stepped(curve: Curve) -> Curve:
    """Return a curve whose points have steps, and times that do not fall."""
    stops = [point.columns["stop_val"] for point in curve.points]
    counts = all(math.isfinite(stop) and stop >= 0 and stop == int(stop) for stop in stops)
    # Tolerances fall; a solver that is run once has a single point.
    ordered = sorted(curve.points, key=lambda p: p.columns["stop_val"] * (1 if counts else -1))
    lr = rate_of(curve.optimizer)
    points, seconds = [], -math.inf
    for place, point in enumerate(ordered):
        columns = dict(point.columns)
        stop, seconds = columns.pop("stop_val"), max(seconds, columns["seconds"])
        step = stop if counts else float(place)
        columns |= {"step": step, "gradient_calls": step, "lr": lr}
        columns["seconds"] = seconds if math.isfinite(seconds) else math.nan
        points.append(Point(point.where, columns))
    message = "" if counts else "steps are places in the curve: the stops are no counts"
    return replace(curve, points=points, message=message)
