"""Members of a tar archive, read into memory: nothing is written, whatever the archive says."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from optbench.core.errors import OptbenchError

LARGEST = 2**26
"""Bytes of a member, at most."""

MOST = 100
"""Members of an archive, at most."""


def members(path: Path, folder: str, names: Collection[str]) -> dict[str, bytes]:
    """Read some files of an archive.

    Args:
        path: A tar file, gzipped or not.
        folder: The folder of the archive that they are in.
        names: Of the files in that folder.

    Returns:
        Content by name.

    Raises:
        OptbenchError: When it is no such archive, is truncated, lacks a file, or has a member that
            no archive of data has: a link, a device, a path that leads out of the folder that it
            is unpacked to, more than 64 MiB or more than 100 members.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for number, member in enumerate(archive):
                _demand_harmless(path, member, number)
                place = PurePosixPath(member.name)
                if member.isfile() and place.name in names and str(place.parent) == folder:
                    file = archive.extractfile(member)
                    found[place.name] = file.read() if file else b""
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise OptbenchError(f"{path} is no whole tar archive: {error}") from error
    except OSError as error:
        raise OptbenchError(f"cannot read {path}: {error.strerror or error}") from error
    missing = sorted(set(names) - set(found))
    if missing:
        raise OptbenchError(f"{path} has no {folder}/{missing[0]}")
    return found


def _demand_harmless(path: Path, member: tarfile.TarInfo, number: int) -> None:
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts:
        raise OptbenchError(f"{path}: member {member.name!r} leads out of the archive")
    if not (member.isfile() or member.isdir()):
        raise OptbenchError(f"{path}: member {member.name!r} is neither a file nor a folder")
    if member.size > LARGEST or number >= MOST:
        raise OptbenchError(f"{path}: member {member.name!r} is more than a data set has")
