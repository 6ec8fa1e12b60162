"""Checksums, and the refusal of what has another."""

from __future__ import annotations

import hashlib
from pathlib import Path

from optbench.core.errors import OptbenchError


def of_file(path: Path, kind: str = "sha256") -> str:
    """Return the checksum of a file, as `sha256:...` or `md5:...`, in hexadecimal digits."""
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def demand(what: str, content: bytes, expected: str) -> None:
    """Refuse bytes that are not the known ones.

    Args:
        what: They are, for the message.
        content: The bytes.
        expected: Their checksum, `sha256:...` or `md5:...`.

    Raises:
        OptbenchError: When they have another checksum.
    """
    kind = expected.partition(":")[0]
    found = f"{kind}:{hashlib.new(kind, content, usedforsecurity=False).hexdigest()}"
    if found != expected:
        raise different(what, expected, found)


def different(what: str, expected: str, found: str) -> OptbenchError:
    """Return the error for something whose checksum is another, to be raised by the caller."""
    return OptbenchError(f"{what} is not the known file: expected {expected}, found {found}")
