"""Puts pages where readers are: a folder whole or not at all, and nothing of others is touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from optbench.core.errors import OptbenchError

GENERATOR = '<meta name="generator" content="optbench '
"""What tells our pages from a stranger's ..."""

HEAD = 1000
"""... within these first characters."""

Ours = Sequence[tuple[str, str, str]]
"""Subfolders that hold files of ours, with the ending of their names and what they begin with."""


def publish(folder: Path, make: Callable[[Path], None], ours: Ours) -> None:
    """Make files beside a folder and move them in, `index.html` last.

    Files of ours in it that are no longer made go; what else lies there is left alone.

    Args:
        folder: Where to write; made if needed.
        make: Writes all files into a folder that it is given.
        ours: Where older files of ours are.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as made:
            make(Path(made))
            _move(Path(made), folder, ours)
    except OSError as error:
        raise OptbenchError(f"cannot write the report to {folder}: {error.strerror}") from error


def put(path: Path, text: str) -> None:
    """Write a file, and make its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def head(path: Path) -> str:
    """Return the beginning of a text file; empty for what is none."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(HEAD)
    except (OSError, UnicodeDecodeError):
        return ""


def _move(made: Path, folder: Path, ours: Ours) -> None:
    new = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    for path in sorted(new, key=lambda path: (path.name == "index.html", path)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(made / path, folder / path)
    for path in _found(folder, ours):
        if path.relative_to(folder) not in new:
            path.unlink()


def _found(folder: Path, ours: Ours) -> Iterator[Path]:
    """Find the pages and the files of data that a report made, this one or an older one."""
    for kind, ending, sign in ours:
        found = sorted((folder / kind).rglob(f"*.{ending}"))
        yield from (path for path in found if sign in head(path))
