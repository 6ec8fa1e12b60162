"""Results as tables for other programs: CSV, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
    store: Store,
    folder: Path,
    format: str,
    *,
    on_damage: Callable[[Damage], None] | None = None,
) -> list[Path]:
    """Write every stored run to three files: `runs`, `hits` and `curves`, joined by `key`.

    `runs` has one row a run, with the environment as JSON text; `hits` one row a target reached,
    with its measure; `curves` one row a logged point. Where runs of tasks are stored, `curves` has
    their columns too, and `runs` the last numbers of these. Points x are not exported. The files
    appear when all of them are complete, in the place of older ones.

    Args:
        store: What to export.
        folder: Where to; made where it is missing.
        format: `csv` or `parquet`.
        on_damage: As for `Store.read`.

    Returns:
        The files.

    Raises:
        OptbenchError: For an unknown format, or Parquet without pyarrow.
        StoreError: When the folder cannot be written, or the store is damaged.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    folder = Path(folder)
    names = [f"{table}.{format}" for table in _TABLES]
    extra = store.trained_columns()
    tables = _tables(extra)
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as unfinished:
            with ExitStack() as stack:
                paths = (Path(unfinished, name) for name in names)
                writers = [
                    stack.enter_context(FORMATS[format](path, types))
                    for path, types in zip(paths, tables.values(), strict=True)
                ]
                for batch in chunks(store.read(on_damage=on_damage)):
                    for write, columns in zip(writers, _columns(batch, extra), strict=True):
                        write(columns)
            for name in names:
                os.replace(Path(unfinished, name), folder / name)
    return [folder / name for name in names]


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


FORMATS: dict[str, Callable[[Path, Types], AbstractContextManager[Callable[[Columns], None]]]] = {
    "csv": _csv,
    "parquet": _parquet,
}
