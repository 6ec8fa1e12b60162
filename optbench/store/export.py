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
from optbench.store.damage import Damage, reported
from optbench.store.file import Store, chunks
from optbench.store.record import Encoded, Record, encode
from optbench.store.schema import CURVE, METADATA

Columns = Mapping[str, Sequence[Any]]
"""Column name to the values of some rows."""

Types = Mapping[str, str]
"""Column name to SQL type: TEXT, REAL or INTEGER."""

_TABLES: dict[str, Types] = {
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
    with its measure; `curves` one row a logged point. Points x are not exported. The files appear
    when all of them are complete, in the place of older ones.

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
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as unfinished:
            with ExitStack() as stack:
                paths = (Path(unfinished, name) for name in names)
                writers = [
                    stack.enter_context(FORMATS[format](path, types))
                    for path, types in zip(paths, _TABLES.values(), strict=True)
                ]
                for batch in chunks(store.read(on_damage=on_damage)):
                    for write, columns in zip(writers, _columns(batch), strict=True):
                        write(columns)
            for name in names:
                os.replace(Path(unfinished, name), folder / name)
    return [folder / name for name in names]


def _columns(records: list[Record]) -> tuple[Columns, Columns, Columns]:
    """Return the rows of the three tables for some runs."""
    encoded = [encode(record) for record in records]
    rows = [item.row | {"environment": item.environment} for item in encoded]
    runs = {name: [row[name] for row in rows] for name in _TABLES["runs"]}
    return runs, _hits(records, encoded), _curves(records)


def _hits(records: list[Record], encoded: list[Encoded]) -> Columns:
    pairs = zip(records, encoded, strict=True)
    rows = [(r.key, r.run.spec.target_measure, *hit) for r, item in pairs for hit in item.hits]
    columns = zip(*rows, strict=True) if rows else [()] * len(_TABLES["hits"])
    return dict(zip(_TABLES["hits"], columns, strict=True))


def _curves(records: list[Record]) -> Columns:
    logged = [record for record in records if record.run.curve]
    keys = [record.key for record in logged for _ in record.run.curve["step"]]
    empty = np.empty(0)
    columns = {
        name: np.concatenate([empty, *(record.run.curve[name] for record in logged)]).tolist()
        for name in CURVE
    }
    return {"key": keys} | columns


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
