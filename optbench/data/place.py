"""Where data is kept, and how two processes that make the same set wait for each other."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from optbench.core.errors import OptbenchError


def folder() -> Path:
    """Return the folder of all data sets: `OPTBENCH_DATA`, else one in the user's cache folder.

    The cache folder is `XDG_CACHE_HOME`, `~/.cache` where that is not set, and `~/Library/Caches`
    on macOS. The folder need not exist.
    """
    chosen = os.environ.get("OPTBENCH_DATA", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "optbench"
    caches = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification has relative paths ignored.
    return (Path(caches) if os.path.isabs(caches) else Path.home() / ".cache") / "optbench"


def file_of(name: str) -> Path:
    """Return the file that holds a set once it is made."""
    return folder() / f"{name}.arrays"


@contextlib.contextmanager
def held(name: str) -> Iterator[None]:
    """Hold the making of a set: another process that wants to make it waits until it is done.

    Yields:
        Nothing; the folder exists.

    Raises:
        OptbenchError: When the folder cannot be made or written to.
    """
    import fcntl

    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = (folder() / f".{name}.lock").open("w")
    except OSError as error:
        raise OptbenchError(f"cannot keep data in {folder()}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel lets go of it when the process dies
        yield
