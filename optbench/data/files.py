"""The files of a set, found in the place that a user names and checked before they are read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

from optbench.core.errors import OptbenchError
from optbench.data import checksum
from optbench.data.sets import DataSet

LARGEST = 2**28
"""Bytes of a file; larger ones belong to no set and are not read."""


def contents(
    path: Path,
    dataset: DataSet,
    *,
    aliases: Mapping[str, str] | None = None,
    inside: tuple[str, ...] = (),
) -> dict[str, bytes]:
    """Read the files of a set, plain or gzipped.

    Args:
        path: A folder that has them, or one of them, which the others lie beside. A set of one
            file may have any name.
        dataset: Whose files and checksums they are.
        aliases: Other names of files, by the name they have in the set.
        inside: Folders in the folder where they may be, too.

    Returns:
        The unpacked bytes by name; each has its known checksum.

    Raises:
        OptbenchError: When one is missing, cannot be read, is truncated, or is another.
    """
    aliases = aliases or {}
    names = {name: (name, aliases.get(name, name)) for name in dataset.contents}
    found = _locate(path, dataset.name, names, inside)
    result = {}
    for name, place in found.items():
        result[name] = _unpacked(place)
        what = f"{place}, as {name} of {dataset.name},"
        checksum.demand(what, result[name], dataset.contents[name])
    return result


def _locate(
    path: Path, owner: str, names: Mapping[str, tuple[str, ...]], inside: tuple[str, ...]
) -> dict[str, Path]:
    """Find each file under one of its names."""
    accepted = {f"{n}{end}" for known in names.values() for n in known for end in ("", ".gz")}
    if not path.exists():
        raise OptbenchError(f"there is no {path}")
    if path.is_file():
        if len(names) == 1:
            return dict.fromkeys(names, path)
        if path.name not in accepted:
            raise OptbenchError(f"{path} is no file of {owner}, which has {', '.join(names)}")
        path = path.parent
    for folder in (path, *(path / sub for sub in inside)):
        found = {
            name: place
            for name, known in names.items()
            for n in reversed(known)
            for end in (".gz", "")
            if (place := folder / f"{n}{end}").is_file()
        }
        if len(found) == len(names):
            return found
        if found:
            missing = next(name for name in names if name not in found)
            raise OptbenchError(f"{folder} has no {missing}, which is a part of {owner}")
    raise OptbenchError(f"{path} has no file of {owner}: {', '.join(names)}")


def _unpacked(path: Path) -> bytes:
    """Return a file's bytes, unpacked where it is gzipped."""
    try:
        if path.suffix != ".gz":
            with path.open("rb") as plain:
                content = plain.read(LARGEST + 1)
        else:
            with gzip.open(path) as packed:
                content = packed.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OptbenchError(f"{path} is truncated or damaged: {error}") from error
    except OSError as error:
        raise OptbenchError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise OptbenchError(f"{path} has more than {LARGEST} bytes, which no data set has")
    return content
