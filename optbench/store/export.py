"""Results for other programs: CSV, JSON, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from optbench.core.errors import OptbenchError, unknown
from optbench.core.run import Run
from optbench.store.damage import Damage, reported
from optbench.store.file import Store, chunks
from optbench.store.record import Encoded, Record, encode
from optbench.store.schema import CURVE, METADATA

Columns = Mapping[str, Sequence[Any]]
"""Column name to the values of some rows."""

Types = Mapping[str, str]
"""Column name to SQL type: TEXT, REAL or INTEGER."""

_TABLES: dict[str, dict[str, str]] = {
    "runs": {
        name: kind.split()[0]
        for name, kind in METADATA.items()
        if name not in ("points_dim", "blob_crc32")
    },
    "hits": {
        "key": "TEXT",
        "measure": "TEXT",
        "target": "REAL",
        "step": "INTEGER",
        "gradient_calls": "REAL",
    },
    "curves": {"key": "TEXT"} | dict.fromkeys(CURVE, "REAL"),
}


def export(
    stores: Iterable[Store],
    folder: Path,
    format: str,
    *,
    digests: Collection[str] | None = None,
    on_damage: Callable[[Damage], None] | None = None,
) -> list[Path]:
    """Write every stored run to files for other programs; `results/README.md` says what is in them.

    CSV and Parquet are three tables joined by `key`: `runs` has one row a run, with the environment
    as JSON text; `hits` one row a target reached, with its measure; `curves` one row a logged
    point. Where runs of tasks are stored, `curves` has their columns too, and `runs` the last
    numbers of these. JSON is one file with one object a run. Points x are not exported. The files
    appear when all of them are complete, in the place of older ones.

    Args:
        stores: What to export; of runs with one key, the first.
        folder: Where to; made where it is missing.
        format: One of `FORMATS`.
        digests: Only runs of the specs with these digests.
        on_damage: As for `Store.read`.

    Returns:
        The files.

    Raises:
        OptbenchError: For an unknown format, or Parquet without pyarrow.
        StoreError: When the folder cannot be written, or a store is damaged.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    folder, stores = Path(folder), list(stores)
    extra = list(dict.fromkeys(name for store in stores for name in store.trained_columns()))
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as unfinished:
            with FORMATS[format](Path(unfinished), extra) as write:
                for batch in chunks(_records(stores, digests, on_damage)):
                    write(batch)
            names = [name for name in _NAMES if Path(unfinished, name).exists()]
            for name in names:
                os.replace(Path(unfinished, name), folder / name)
    return [folder / name for name in names]


def _records(
    stores: Iterable[Store],
    digests: Collection[str] | None,
    on_damage: Callable[[Damage], None] | None,
) -> Iterator[Record]:
    seen = set()
    for store in stores:
        for record in store.read(digests=digests, on_damage=on_damage):
            if record.key not in seen:
                seen.add(record.key)
                yield record


def _tables(extra: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the three tables, with the columns that tasks add where there are any."""
    runs, curves = ({f"{prefix}{name}": "REAL" for name in extra} for prefix in ("last_", ""))
    return _TABLES | {"runs": _TABLES["runs"] | runs, "curves": _TABLES["curves"] | curves}


def _columns(records: list[Record], extra: Sequence[str]) -> tuple[Columns, Columns, Columns]:
    """Return the rows of the three tables for some runs."""
    encoded = [encode(record) for record in records]
    rows = [item.row | {"environment": item.environment} for item in encoded]
    runs = {name: [row[name] for row in rows] for name in _TABLES["runs"]}
    ends = [{name: last for name, last, *_ in item.trained} for item in encoded]
    runs |= {f"last_{name}": [end.get(name) for end in ends] for name in extra}
    return runs, _hits(records, encoded), _curves(records, extra)


def _hits(records: list[Record], encoded: list[Encoded]) -> Columns:
    pairs = zip(records, encoded, strict=True)
    rows = [(r.key, r.run.spec.target_measure, *hit) for r, item in pairs for hit in item.hits]
    columns = zip(*rows, strict=True) if rows else [()] * len(_TABLES["hits"])
    return dict(zip(_TABLES["hits"], columns, strict=True))


def _curves(records: list[Record], extra: Sequence[str]) -> Columns:
    logged = [record for record in records if record.run.curve]
    keys = [record.key for record in logged for _ in record.run.curve["step"]]
    empty = np.empty(0)
    columns = {
        name: np.concatenate([empty, *(_column(record.run, name) for record in logged)]).tolist()
        for name in (*CURVE, *extra)
    }
    return {"key": keys} | columns


def _column(run: Run, name: str) -> np.ndarray:
    """Return a column of a curve; NaN where the run has none of that name."""
    found = run.curve.get(name, run.trained.get(name))
    return np.full(len(run.curve["step"]), np.nan) if found is None else found


@contextmanager
def _tables_by(
    write_to: Callable[[Path, Types], AbstractContextManager[Callable[[Columns], None]]],
    suffix: str,
    folder: Path,
    extra: Sequence[str],
) -> Iterator[Callable[[list[Record]], None]]:
    """Write the three tables, each by a writer of its own."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(write_to(folder / f"{name}.{suffix}", types))
            for name, types in _tables(extra).items()
        ]

        def write(records: list[Record]) -> None:
            for put, columns in zip(writers, _columns(records, extra), strict=True):
                put(columns)

        yield write


@contextmanager
def _csv(path: Path, types: Types) -> Iterator[Callable[[Columns], None]]:
    """Write CSV: UTF-8, floats with all their digits, `nan` and `inf` as words, NULL as nothing."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(types)
        yield lambda columns: writer.writerows(zip(*(columns[name] for name in types), strict=True))


@contextmanager
def _parquet(path: Path, types: Types) -> Iterator[Callable[[Columns], None]]:
    """Write Parquet, compressed with zstd."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise OptbenchError(
            "Parquet needs pyarrow: pip install 'optbench[parquet]' (or export csv)"
        ) from None
    kinds = {"TEXT": pa.string(), "REAL": pa.float64(), "INTEGER": pa.int64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in types.items()])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield lambda columns: writer.write_table(pa.table(dict(columns), schema=schema))


@contextmanager
def _json(folder: Path, extra: Sequence[str]) -> Iterator[Callable[[list[Record]], None]]:
    """Write one array, an object a line."""
    with (folder / "runs.json").open("w", encoding="utf-8") as file:
        between = "[\n"

        def write(records: list[Record]) -> None:
            nonlocal between
            for record in records:
                file.write(between + json.dumps(_object(record, extra), allow_nan=False))
                between = ",\n"

        yield write
        file.write("[]\n" if between == "[\n" else "\n]\n")


def _object(record: Record, extra: Sequence[str]) -> dict[str, Any]:
    encoded = encode(record)
    row: dict[str, Any] = {name: encoded.row[name] for name in _TABLES["runs"]}
    row["environment"] = encoded.environment
    row |= {name: json.loads(row[name]) for name in ("spec", "hyper", "facts", "environment")}
    hits = [dict(zip(("target", "step", "gradient_calls"), h, strict=True)) for h in encoded.hits]
    run = record.run
    curve = {**run.curve, **{name: run.trained[name] for name in extra if name in run.trained}}
    return {
        **{name: _strict(value) for name, value in row.items()},
        "hits": [{name: _strict(value) for name, value in hit.items()} for hit in hits],
        "curve": {name: [_strict(v) for v in values.tolist()] for name, values in curve.items()},
    }


def _strict(value: Any) -> Any:
    """Return a number as strict JSON can hold it: NaN is null, the infinite ones are words."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


FORMATS: dict[
    str,
    Callable[[Path, Sequence[str]], AbstractContextManager[Callable[[list[Record]], None]]],
] = {
    "csv": partial(_tables_by, _csv, "csv"),
    "parquet": partial(_tables_by, _parquet, "parquet"),
    "json": _json,
}
"""What files can be, and what writes them to a folder."""

_NAMES = [*(f"{table}.{end}" for end in ("csv", "parquet") for table in _TABLES), "runs.json"]
