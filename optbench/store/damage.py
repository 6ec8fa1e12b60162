"""What can be wrong with a results file: damage as a value, every other trouble as a StoreError."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optbench.core.errors import StoreError

BUSY_SECONDS = 30.0
"""How long a writer waits for the others."""

_NEARLY_FULL = 1 << 20  # SQLite reports some writes to a full disk as plain input/output errors


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damaged place of a results file.

    Attributes:
        path: The file.
        where: The place: `row 17`, `rows 301 to 500`, `environment ...`, `file`.
        reason: What is wrong there.
        key: The run's key, where one run is damaged and its key can still be read.
    """

    path: Path
    where: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        """Return file, place, run and reason in one line."""
        run = f" (run {self.key})" if self.key else ""
        return f"{self.path}: {self.where}{run}: {self.reason}"


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise inside the block into a StoreError.

    Args:
        path: The results file that the block works on.

    Raises:
        StoreError: One line with the file, the trouble and the way out.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_explain(path, error)) from error
    except UnicodeDecodeError as error:  # SQLite quotes damaged bytes in its message
        raise damaged(path, "the file's structure") from error
    except OSError as error:
        raise StoreError(f"cannot use {path}: {error.strerror or error}") from error


def damaged(path: Path, reason: object) -> StoreError:
    """Return the error for a file that is damaged, with the next step."""
    return StoreError(f"{path} is damaged ({reason}); see: optbench verify-store {path}")


def _explain(path: Path, error: sqlite3.Error) -> str:
    # Errors of the Python module itself carry no code; 0 is SQLite's "no error".
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code == sqlite3.SQLITE_FULL or (
        code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _free(path) < _NEARLY_FULL
    ):
        return (
            f"no space left to write {path} ({_free(path)} bytes free); "
            "what was stored before is kept: free some space and run again"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return str(damaged(path, error))
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path} is not an optbench results file: it is not an SQLite database"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"cannot write {path}: {error}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path} was locked by another process for {BUSY_SECONDS:g} s; try again"
    return f"{path}: {error}"


def _free(path: Path) -> int:
    """Return the free bytes of the disk; of a folder that is gone, 0."""
    return shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
