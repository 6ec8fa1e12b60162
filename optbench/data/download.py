"""Files fetched from their official place, on from where an earlier attempt has stopped."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from optbench.core.errors import OptbenchError
from optbench.data import checksum
from optbench.data.sets import Download

TIMEOUT = 60.0
"""Seconds without a byte after which a connection is given up."""

ATTEMPTS = 3
"""Connections in a row that bring nothing new, after which the download is."""

PAUSE = 1.0
"""Seconds before the next attempt."""

CHUNK = 2**17
"""Bytes read at a time."""

Progress = Callable[[Download, int], None]
"""Called with a file and how many of its bytes are here."""


class _ConnectionBrokenError(Exception):
    """Another attempt may do better."""


def download(source: Download, folder: Path, progress: Progress) -> Path:
    """Fetch a file, unless it is there already.

    What has arrived is kept as `NAME.part`, and an attempt goes on from its end where the server
    can do so. Size and checksum are verified before the file gets its name; a file that was put
    together from several attempts and is wrong is fetched once more as a whole.

    Args:
        source: What, from where.
        folder: Where to; made if needed.
        progress: Is told of what has arrived.

    Returns:
        The file.

    Raises:
        OptbenchError: When the server does not have it, has another, or cannot be reached, or the
            file cannot be written.
    """
    name = source.url.rpartition("/")[2]
    target, part = folder / name, folder / f"{name}.part"
    if target.is_file() and _is_right(target, source):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptbenchError(f"cannot make {folder}: {error.strerror}") from error
    resumed = _size(part) > 0
    _complete(source, part, progress)
    if resumed and not _is_right(part, source):
        part.unlink()
        _complete(source, part, progress)
    found = checksum.of_file(part)
    if found != f"sha256:{source.sha256}":
        part.unlink()
        raise checksum.different(source.url, f"sha256:{source.sha256}", found)
    part.replace(target)
    return target


def _is_right(path: Path, source: Download) -> bool:
    return _size(path) == source.size and checksum.of_file(path) == f"sha256:{source.sha256}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _complete(source: Download, part: Path, progress: Progress) -> None:
    """Connect until the file has its length."""
    best, failures = _size(part), 0
    while _size(part) < source.size:
        try:
            _receive(source, part, progress)
            reason = "the connection was closed"
        except _ConnectionBrokenError as error:
            reason = str(error)
        # A server that starts anew each time must get farther than ever to count as progress.
        failures = failures + 1 if _size(part) <= best else 0
        best = max(best, _size(part))
        if failures == ATTEMPTS:
            raise OptbenchError(
                f"{source.url}: {reason}, with {_size(part)} of {source.size} bytes here; "
                "the same command goes on from there"
            )
        if failures:
            time.sleep(PAUSE)


def _receive(source: Download, part: Path, progress: Progress) -> None:
    """Append what one connection brings."""
    with _opened(source, part) as response:
        start = _start(source, response, _size(part))
        try:
            file = part.open("ab" if start else "wb")
        except OSError as error:
            raise OptbenchError(f"cannot write {part}: {error.strerror}") from error
        with file:
            here = start
            while here < source.size:
                try:
                    chunk = response.read(min(CHUNK, source.size - here))
                except (OSError, http.client.HTTPException) as error:
                    raise _ConnectionBrokenError(f"the connection broke: {error}") from error
                if not chunk:
                    return
                _write(file, chunk, part)
                here += len(chunk)
                progress(source, here)


def _write(file: IO[bytes], chunk: bytes, part: Path) -> None:
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise OptbenchError(f"cannot write {part}: {error.strerror}") from error


def _opened(source: Download, part: Path) -> Any:
    """Ask for the rest of a file; an `http.client.HTTPResponse`, or what a file: URL gives."""
    start = _size(part)
    request = urllib.request.Request(source.url, headers={"User-Agent": "optbench"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # it is longer than what the server has
        elif error.code < http.client.INTERNAL_SERVER_ERROR:
            raise OptbenchError(f"{source.url}: {error.code} {error.reason}") from error
        raise _ConnectionBrokenError(f"the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _ConnectionBrokenError(f"cannot connect: {reason}") from error


def _start(source: Download, response: Any, wanted: int) -> int:
    """Return the byte at which an answer begins; refuse one of another file's length."""
    total = response.headers.get("Content-Length")
    start = 0
    if getattr(response, "status", None) == http.client.PARTIAL_CONTENT:
        span, _, total = response.headers.get("Content-Range", "").partition("/")
        if not span.startswith(f"bytes {wanted}-"):
            raise OptbenchError(f"{source.url}: asked for bytes {wanted}-, got {span!r}")
        start = wanted
    if total and total.isdigit() and int(total) != source.size:
        raise OptbenchError(f"{source.url} has {total} bytes where {source.size} are expected")
    return start
