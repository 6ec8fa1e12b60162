"""The results file: opening it, adding runs, reading them back."""

from __future__ import annotations

import itertools
import json
import operator
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from optbench.core.errors import unknown
from optbench.core.run import TRAINED, TRAINED_MEASURED
from optbench.store import schema
from optbench.store.connection import (
    bring_up_to_date,
    check_header,
    existing,
    has_trained,
    locate,
    reader,
    transaction,
    writer,
)
from optbench.store.damage import Damage, damaged, reported
from optbench.store.record import (
    Encoded,
    HitRow,
    Record,
    Row,
    TrainedRow,
    decode,
    encode,
    read_environment,
)

T = TypeVar("T")

FIRST_WINS = f"runs.status IN ({schema.UNFINISHED})"
"""SQL: a stored run is replaced only when it is worth another try."""

_CHUNK = 256  # rows read in one transaction: bounded memory, and writers are never held up
_LISTED = "SELECT value FROM json_each(?)"


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest run of each spec.

    Attributes:
        records: One a spec, in the order in which they were stored.
        older: Number of runs of the same specs, by older code, that were left out.
        damaged: Runs that would be here if their rows were whole.
    """

    records: list[Record]
    older: int
    damaged: list[Damage]


@dataclass(frozen=True)
class Store:
    """An open results file; made by `open_store`, closed by `with` or `close`.

    Attributes:
        path: The file.
        connection: The SQLite connection, in autocommit mode.
    """

    path: Path
    connection: sqlite3.Connection

    def __enter__(self) -> Store:
        """Return the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; what was added stays."""
        self.connection.close()

    def final_keys(self) -> set[str]:
        """Return the keys of the runs that need not be repeated.

        Raises:
            StoreError: When the file is damaged.
        """
        # Two scans of small indexes; a condition on the status would touch every row.
        with reported(self.path), transaction(self.connection):
            stored = {key for (key,) in self.connection.execute("SELECT key FROM runs")}
            unfinished = f"SELECT key FROM runs WHERE status IN ({schema.UNFINISHED})"
            return stored - {key for (key,) in self.connection.execute(unfinished)}

    def table(self, *columns: str) -> list[tuple[Any, ...]]:
        """Read readable columns of all runs, without their checksums: for overviews of large files.

        Args:
            columns: Names of columns of `runs`, see `schema.METADATA`.

        Returns:
            One tuple a run, in the order in which the runs were stored; NaN is None.

        Raises:
            OptbenchError: For a column that does not exist.
            StoreError: When the file is damaged.
        """
        for name in columns:
            if name not in schema.METADATA:
                raise unknown("column", name, schema.METADATA)
        with reported(self.path):
            sql = f"SELECT {', '.join(columns)} FROM runs ORDER BY id"
            return self.connection.execute(sql).fetchall()

    def trained_columns(self) -> list[str]:
        """Return the names of the columns that tasks have added to curves: the known ones first.

        Raises:
            StoreError: When the file is damaged.
        """
        with reported(self.path):
            if not has_trained(self.connection):
                return []
            found = self.connection.execute("SELECT DISTINCT name FROM trained ORDER BY name")
            names = {name for (name,) in found}
        known = [name for name in TRAINED + TRAINED_MEASURED if name in names]
        return known + sorted(names.difference(known))

    def add(self, records: Iterable[Record]) -> None:
        """Store runs in one transaction: all of them or none.

        A run whose key is there stays as it is, unless its status says that another try is worth it
        (error, timeout, out of memory): then the new one takes its place.

        Raises:
            StoreError: When the file cannot be written; it is then as it was before.
            ValueError: When a curve is not made of the columns of a curve, or a column that a task
                adds to it has another length.
        """
        self.write([encode(record) for record in records], FIRST_WINS)

    def write(self, rows: Iterable[Encoded], rule: str) -> int:
        """Store rows in one transaction, which also upgrades a file of an older version.

        Args:
            rows: Encoded records.
            rule: SQL condition under which a row `excluded` replaces the row of `runs` that has its
                key.

        Returns:
            The number of rows that are new or took another's place.

        Raises:
            StoreError: When the file cannot be written; it is then as it was before.
        """
        upsert = _upsert(rule)
        with reported(self.path), transaction(self.connection, "IMMEDIATE"):
            bring_up_to_date(self.connection, self.path)
            return sum(_write(self.connection, upsert, encoded) for encoded in rows)

    def read(
        self,
        *,
        keys: Iterable[str] | None = None,
        digests: Iterable[str] | None = None,
        problem: str | None = None,
        curves: bool = True,
        on_damage: Callable[[Damage], None] | None = None,
    ) -> Iterator[Record]:
        """Read runs in the order in which they were stored.

        Args:
            keys: Only runs with these keys.
            digests: Only runs of the specs with these digests.
            problem: Only runs on the problem with this label.
            curves: Without curves it is fast: a curve then has its last point only.
            on_damage: Called with each damaged row, which is then left out.

        Yields:
            Whole runs, verified by their checksums.

        Raises:
            StoreError: When the file is damaged; a damaged row is an error without `on_damage`.
        """
        with reported(self.path):
            ids = [row for row, *_ in self._find("id", keys, digests, problem)]
            yield from self._whole(ids, curves, on_damage or self._refuse)

    def newest(
        self,
        *,
        digests: Iterable[str] | None = None,
        problem: str | None = None,
        curves: bool = True,
    ) -> Newest:
        """Read the newest run of each spec, whatever code made it.

        Args:
            digests: Only runs of the specs with these digests.
            problem: Only runs on the problem with this label.
            curves: As for `read`.

        Raises:
            StoreError: When the file is damaged; damaged rows alone are listed in the result.
        """
        with reported(self.path):
            found = self._find("id, spec_digest, created, key", None, digests, problem)
            found.sort(key=lambda row: [str(cell) for cell in row[2:]])  # damaged cells are bytes
            newest = {digest: row for row, digest, *_ in found}
            bad: list[Damage] = []
            stored = list(self._whole(sorted(newest.values()), curves, bad.append))
        # Rows of before specs took their present form have other digests than theirs of today.
        last = {r.run.spec.digest: r for r in sorted(stored, key=lambda r: (r.created, r.key))}
        records = [r for r in stored if last[r.run.spec.digest] is r]
        older = len(found) - len(records) - len(bad)
        return Newest(records=records, older=older, damaged=bad)

    def fetch(
        self,
        rows: list[int],
        *,
        curves: bool = True,
        environments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> list[Record | Damage]:
        """Read some rows in one transaction, each as a record or as the damage it has.

        Args:
            rows: Row ids, at most a few hundred; those that do not exist are passed over.
            curves: As for `read`.
            environments: Where their table cannot be read, those that could be.

        Raises:
            sqlite3.DatabaseError: When SQLite cannot read one of them.
        """
        names = ["id", *(schema.RUNS if curves else [*schema.METADATA, "crc32"])]
        marks = f"({', '.join('?' * len(rows))})"
        with transaction(self.connection):
            found = self.connection.execute(
                f"SELECT {', '.join(names)} FROM runs WHERE id IN {marks} ORDER BY id", rows
            ).fetchall()
            hits = self._by_run(
                "SELECT run, target, step, gradient_calls FROM hits "
                f"WHERE run IN {marks} ORDER BY run, target DESC",
                rows,
            )
            trained = {}
            if has_trained(self.connection):
                trained = self._by_run(
                    f"SELECT run, name, last, crc32, {'data' if curves else 'NULL'} FROM trained "
                    f"WHERE run IN {marks} ORDER BY run, name",
                    rows,
                )
            if environments is None:
                environments = environments_of(self.connection)
        columns = (dict(zip(names, row, strict=True)) for row in found)
        return [
            self._record(row, hits.get(row["id"], []), trained.get(row["id"], []), environments)
            for row in columns
        ]

    def _by_run(self, sql: str, rows: list[int]) -> dict[Any, list[Any]]:
        """Return what a query finds, without its first column, by that column: the run."""
        found = self.connection.execute(sql, rows).fetchall()
        groups = itertools.groupby(found, operator.itemgetter(0))
        return {run: [row[1:] for row in group] for run, group in groups}

    def _record(
        self,
        row: Row,
        hits: list[HitRow],
        trained: list[TrainedRow],
        environments: Mapping[str, Mapping[str, str]],
    ) -> Record | Damage:
        try:
            return decode(row, hits, trained, environments.get(row["environment"], {}))
        except ValueError as error:
            where, reason = f"row {row['id']}", str(error)
            return Damage(path=self.path, where=where, reason=reason, key=str(row["key"]))

    def _find(
        self,
        columns: str,
        keys: Iterable[str] | None,
        digests: Iterable[str] | None,
        problem: str | None,
    ) -> list[tuple[Any, ...]]:
        given: dict[str, str] = {}
        if keys is not None:
            given[f"key IN ({_LISTED})"] = json.dumps(list(keys))
        if digests is not None:
            given[f"spec_digest IN ({_LISTED})"] = json.dumps(list(digests))
        if problem is not None:
            given["label = ?"] = problem
        sql = f"SELECT {columns} FROM runs WHERE {' AND '.join(given) or 'true'} ORDER BY id"
        return self.connection.execute(sql, list(given.values())).fetchall()

    def _whole(
        self, rows: list[int], curves: bool, on_damage: Callable[[Damage], None]
    ) -> Iterator[Record]:
        for chunk in chunks(rows):
            for item in self.fetch(chunk, curves=curves):
                if isinstance(item, Damage):
                    on_damage(item)
                else:
                    yield item

    def _refuse(self, damage: Damage) -> None:
        raise damaged(self.path, f"{damage.where}: {damage.reason}")


def open_store(path: Path, *, create: bool = True) -> Store:
    """Open a results file.

    Args:
        path: The folder that holds `results.db`, or the file itself.
        create: Open it for writing, and make folder and file where they are missing. Without it the
            file must exist and is only read, also while others write to it, and also from a folder
            that cannot be written.

    Returns:
        The open store.

    Raises:
        StoreError: When there is no such file, or it is empty, damaged, not a database, another
            program's, a newer optbench's, or not writable.
    """
    if not create:
        path = existing(path)
        with reported(path):
            return Store(path, reader(path))
    path = locate(Path(path))
    with reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size:
            check_header(path)
        return Store(path, writer(path))


def environments_of(connection: sqlite3.Connection) -> dict[str, Mapping[str, str]]:
    """Return the environments by their id; one that is damaged is empty."""
    rows = connection.execute("SELECT id, json FROM environments")
    return {name: read_environment(name, text) or {} for name, text in rows}


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut a sequence into lists of the size that is read and written in one transaction."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk


def _upsert(rule: str) -> str:
    names = list(schema.RUNS)
    return (
        f"INSERT INTO runs ({', '.join(names)}) VALUES ({', '.join(f':{n}' for n in names)}) "
        f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in names)} "
        f"WHERE {rule}"
    )


def _write(connection: sqlite3.Connection, upsert: str, encoded: Encoded) -> int:
    """Write one run; return 1, or 0 when the one that is there stays."""
    key = encoded.row["key"]
    if not connection.execute(upsert, encoded.row).rowcount:
        return 0
    (run,) = connection.execute("SELECT id FROM runs WHERE key = ?", (key,)).fetchone()
    for table, marks, rows in (
        ("hits", "?, ?, ?, ?", encoded.hits),
        ("trained", "?, ?, ?, ?, ?", encoded.trained),
    ):
        connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
        connection.executemany(
            f"INSERT INTO {table} VALUES ({marks})", [(run, *row) for row in rows]
        )
    environment = (encoded.row["environment"], encoded.environment)
    connection.execute("INSERT INTO environments VALUES (?, ?) ON CONFLICT DO NOTHING", environment)
    return 1
