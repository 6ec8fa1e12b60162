"""Files whole or not at all: a full disk or Ctrl-C leaves what was there before."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from optbench.core.errors import OptbenchError


def write_whole(contents: Mapping[Path, bytes]) -> None:
    """Write files, and their folders where those are missing; none is replaced before all are made.

    Args:
        contents: What goes into each.

    Raises:
        OptbenchError: When one cannot be written.
    """
    hidden: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            place = Path(os.path.realpath(path))  # a link stays one
            if place.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            hidden[place] = place.with_name(f".unfinished-{secrets.token_hex(4)}")
            hidden[place].write_bytes(content)
        for place, made in hidden.items():
            path = place
            made.replace(place)
    except OSError as error:
        raise OptbenchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for made in hidden.values():
            made.unlink(missing_ok=True)
