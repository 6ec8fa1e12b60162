"""Finding a results file, recognising it, and connecting to it for reading or for writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optbench.core.errors import StoreError
from optbench.store import schema
from optbench.store.damage import BUSY_SECONDS, reported

NAME = "results.db"
"""Name of the results file in its folder."""

_ATTEMPTS = 100
_MAGIC = b"SQLite format 3\0"


def locate(path: Path) -> Path:
    """Return the results file that a path means: itself, or `results.db` in that folder."""
    is_file = path.is_file() or (path.suffix == ".db" and not path.is_dir())
    return path if is_file else path / NAME


def existing(path: Path) -> Path:
    """Return the results file that a path means, once it is known to be one.

    Raises:
        StoreError: When it is missing, empty, not a database, another program's or a newer
            optbench's.
    """
    path = locate(Path(path))
    with reported(path):
        if not path.is_file():
            raise StoreError(f"there are no results in {path.parent}: no file {path.name}")
        if not path.stat().st_size:
            raise _empty(path)
        check_header(path)
    return path


def connect(path: Path, query: str) -> sqlite3.Connection:
    """Connect to a file in autocommit mode, with one of SQLite's URI queries (`mode=ro` ...)."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{query}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
    )
    # Damaged text must not raise before the checksum can name its row.
    connection.text_factory = lambda raw: str(raw, "utf-8", "surrogateescape")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "DEFERRED") -> Iterator[None]:
    """Commit what the block did, or, when it raises, undo it."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def check_header(path: Path) -> None:
    """Refuse a file that is not ours before SQLite touches it.

    The application id and the version stand at bytes 68 and 60 (sqlite.org/fileformat2.html).
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise StoreError(f"{path} is not an optbench results file: it is not an SQLite database")
    if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        raise StoreError(f"{path} is an SQLite database of another program, not optbench results")
    check_version(path, int.from_bytes(header[60:64], "big"))


def check_version(path: Path, version: int) -> None:
    """Refuse a file whose schema version is that of a newer optbench.

    Raises:
        StoreError: For such a version.
    """
    if version > schema.VERSION:
        raise StoreError(
            f"{path} was written by a newer optbench (schema {version}, this one reads "
            f"{schema.VERSION}); please upgrade"
        )


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Upgrade a file of an older schema version, inside the transaction that writes to it.

    Raises:
        StoreError: When another process has made it a newer optbench's meanwhile.
    """
    version = _version(connection)
    check_version(path, version)
    for older in range(version, schema.VERSION):
        for statement in schema.UPGRADES[older]:
            connection.execute(statement)


def has_trained(connection: sqlite3.Connection) -> bool:
    """Return whether the file has the table `trained`, which version 1 had not."""
    sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'trained'"
    return bool(connection.execute(sql).fetchone()[0])


def _empty(path: Path) -> StoreError:
    return StoreError(f"{path} is empty: it holds no runs")


def _tables(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return count


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def writer(path: Path) -> sqlite3.Connection:
    """Open for writing; make the tables where there are none."""
    connection = connect(path, "mode=rwc")
    try:
        # The lock makes all tables appear at once to others, and proves the right to write.
        with transaction(connection, "IMMEDIATE"):
            for statement in () if _tables(connection) else schema.STATEMENTS:
                connection.execute(statement)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, which the file remembers.

    SQLite fails at once here when another process uses the file, as when several create it
    together; an empty exclusive transaction does the waiting.
    """
    for _ in range(_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        with transaction(connection, "EXCLUSIVE"):
            pass
    raise StoreError("other processes kept the results file locked; try again")


def reader(path: Path) -> sqlite3.Connection:
    """Open for reading, along with writers; on a medium that cannot be written, as a fixed file."""
    connection = connect(path, "mode=rw")
    try:
        connection.execute("PRAGMA query_only = ON")
        if not _tables(connection):
            raise _empty(path)
        check_version(path, _version(connection))  # the header may be newer in the log
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or _log(path).exists():
            raise
        return connect(path, "immutable=1")
    except BaseException:
        connection.close()
        raise
    return connection


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
