"""Damaged results files: naming what is damaged, and saving what is not.

The file is opened read-only and stays as it is, byte for byte; what is saved goes to a new file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optbench.core.errors import StoreError
from optbench.store.connection import connect, existing, locate
from optbench.store.damage import Damage, reported
from optbench.store.file import Store, chunks, open_store
from optbench.store.record import Record, encode, read_environment

NEVER = "false"
"""SQL: a stored run is never replaced."""

_SMALLEST_ROW = 512  # bytes; a row is never smaller, so a file's size bounds the number of its rows


@dataclass(frozen=True, kw_only=True)
class Salvaged:
    """What became of a damaged file.

    Attributes:
        path: The new file.
        saved: Number of runs in it.
        damaged: What could not be saved.
    """

    path: Path
    saved: int
    damaged: list[Damage]


def check(path: Path) -> list[Damage]:
    """Verify a results file: its pages, every row's checksums, every environment.

    Args:
        path: The file, or the folder that holds `results.db`.

    Returns:
        The damages; none when the file is whole.

    Raises:
        StoreError: When the file is not a results file at all (`open_store` tells the cases apart).
    """
    with open_damaged(path) as store:
        try:
            _find_tables(store)
        except sqlite3.DatabaseError as error:
            return [Damage(path=store.path, where="file", reason=str(error))]
        damages = _damaged_pages(store)
        return damages + [item for item in readable(store) if isinstance(item, Damage)]


def salvage(path: Path, target: Path) -> Salvaged:
    """Save the runs of a damaged file that are whole.

    Args:
        path: The damaged file, or the folder that holds `results.db`; it is not changed.
        target: The new file, or its folder; it must not exist.

    Returns:
        What was saved and what was not.

    Raises:
        StoreError: When the target exists or cannot be written, or nothing at all can be read.
    """
    target = locate(Path(target))
    if target.exists():
        raise StoreError(f"{target} exists already; salvage only writes to a new file")
    lost: list[Damage] = []
    with open_damaged(path) as source:
        try:
            _find_tables(source)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"nothing can be read from {source.path}: {error}") from error
        with open_store(target) as store:
            batches = chunks(sift(readable(source), lost))
            saved = sum(store.write(map(encode, batch), NEVER) for batch in batches)
    return Salvaged(path=target, saved=saved, damaged=lost)


def open_damaged(path: Path) -> Store:
    """Open a results file that may be damaged, such that nothing can write to it.

    Raises:
        StoreError: When the file is missing, empty, or not a results file.
    """
    path = existing(path)
    with reported(path):
        connection = connect(path, "mode=ro")
        # Without it SQLite refuses a truncated file as a whole (its header counts more pages).
        connection.execute("PRAGMA writable_schema = ON")
    return Store(path, connection)


def readable(store: Store) -> Iterator[Record | Damage]:
    """Read every row that can be read, one by one where SQLite fails.

    Args:
        store: An open store, damaged or not.

    Yields:
        Each row as a record or as the damage it has; then the stretches of rows that SQLite cannot
        reach. A damaged environment is one damage; its runs are whole, their environment is empty.
    """
    environments, damages = _environments(store)
    yield from damages
    end, is_known = _last_row(store)
    unreached: list[int] = []
    for chunk in chunks(range(1, end + 1)):
        try:
            yield from store.fetch(chunk, environments=environments)
        except sqlite3.DatabaseError:
            for row in chunk:
                try:
                    yield from store.fetch([row], environments=environments)
                except sqlite3.DatabaseError:
                    unreached.append(row)
    for first, last in _stretches(unreached):
        rows = f"rows {first} to {last}" if is_known or last < end else f"rows from {first} on"
        yield Damage(path=store.path, where=rows, reason="their pages are damaged")


def sift(items: Iterator[Record | Damage], damages: list[Damage]) -> Iterator[Record]:
    """Pass the records on; append the damages to the list."""
    for item in items:
        if isinstance(item, Damage):
            damages.append(item)
        else:
            yield item


def _find_tables(store: Store) -> None:
    """Raise SQLite's error when not even the list of the tables can be read."""
    store.connection.execute("SELECT 1 FROM runs, hits, environments WHERE false")


def _damaged_pages(store: Store) -> list[Damage]:
    try:
        rows = store.connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        rows = [(str(error),)]
    lines = [line for (text,) in rows for line in text.splitlines() if not line.startswith("***")]
    if lines == ["ok"]:
        return []
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return [Damage(path=store.path, where="pages", reason=lines[0] + more)]


def _environments(store: Store) -> tuple[dict[str, Mapping[str, str]], list[Damage]]:
    """Return the environments that are whole, and the damages of the others."""
    environments: dict[str, Mapping[str, str]] = {}
    damages = []
    try:
        rows = store.connection.execute("SELECT id, json FROM environments").fetchall()
    except sqlite3.DatabaseError as error:
        rows = []
        damages.append(Damage(path=store.path, where="environments", reason=str(error)))
    for name, text in rows:
        environment = read_environment(name, text)
        if environment is None:
            reason = "checksum of the text does not match"
            damages.append(Damage(path=store.path, where=f"environment {name}", reason=reason))
        else:
            environments[name] = environment
    return environments, damages


def _last_row(store: Store) -> tuple[int, bool]:
    """Return the last row id, or a bound for it, and whether it is known."""
    try:
        (last,) = store.connection.execute("SELECT max(id) FROM runs").fetchone()
    except sqlite3.DatabaseError:
        return store.path.stat().st_size // _SMALLEST_ROW, False
    return last or 0, True


def _stretches(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Cut an increasing sequence into stretches without a gap: (first, last) of each."""
    first = 0
    for i, row in enumerate(rows):
        if i + 1 == len(rows) or rows[i + 1] != row + 1:
            yield rows[first], row
            first = i + 1
