"""The history on disk: a file a night, written whole or not at all, and never changed.

    results/history/20261101T031500Z-1f0c9a3e.json    a night; names sort as nights were made
    results/history/curves/5d41402abc4b2a76.json      curves, each once, named by their content

Names cannot clash between machines, so histories are joined by copying files. What cannot be read
is named and left out, and stops nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optbench.core.errors import OptbenchError
from optbench.nightly.record import ForeignError, Night, digest, read_night, strict

Curve = Mapping[str, Sequence[float | None]]
"""Column to numbers, all of one length: `step`, `gradient_calls`, and the measure of the run."""

CURVES = "curves"
"""The folder of the curves, in that of the nights."""


@dataclass(frozen=True)
class History:
    """The nights that a folder holds.

    Attributes:
        nights: In the order of their ids: of their dates, unless a clock went backwards.
        left_out: What could not be used, `file: why`, a line each.
    """

    nights: tuple[Night, ...] = ()
    left_out: tuple[str, ...] = ()

    def of(self, suite: str, device: str) -> tuple[Night, ...]:
        """Return the nights of one suite on one device, oldest first."""
        return tuple(n for n in self.nights if n.suite == suite and n.device == device)


STAMP = "%Y%m%dT%H%M%SZ"
"""How an id begins."""


def new_id(now: datetime, after: str = "") -> str:
    """Return the name of a night that begins now.

    It is later than the last night's whatever the clock says, so that the order of the nights is
    that in which they were made, also after a clock went backwards or within a second.

    Args:
        now: The date.
        after: Id of the last night before it; empty for none.
    """
    moment = now.astimezone(UTC)
    with contextlib.suppress(ValueError, OverflowError):  # an id in a form that is not ours
        last = datetime.strptime(after.partition("-")[0], STAMP).replace(tzinfo=UTC)
        moment = max(moment, last + timedelta(seconds=1))
    return f"{moment:{STAMP}}-{secrets.token_hex(4)}"


def read_history(folder: Path) -> History:
    """Read every night of a folder.

    Args:
        folder: Where the nights are; one that does not exist has none.

    Returns:
        The nights, and what was left out.
    """
    nights: dict[str, Night] = {}
    left_out = []
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith("."):  # what some systems put beside the files that they copy
            continue
        try:
            night = read_night(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ForeignError) as error:
            left_out.append(f"{path.name}: {error}")
            continue
        if night.id in nights:
            left_out.append(f"{path.name}: the night {night.id} once more")
            continue
        nights[night.id] = night
    return History(tuple(nights[name] for name in sorted(nights)), tuple(left_out))


def check_writable(folder: Path) -> None:
    """Make the folder, and see that files can be written there, before hours are spent.

    Raises:
        OptbenchError: When it cannot be.
    """
    probe = folder / CURVES / f".{secrets.token_hex(4)}.probe"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OptbenchError(f"the history {folder} cannot be written: {error}") from error


ROOM = 2**24
"""Bytes that are kept free for a night. One with 500 series and all of its curves has 250 kB."""


class NotKeptError(OptbenchError):
    """The history cannot take a night, for want of space say."""


@contextlib.contextmanager
def room(folder: Path) -> Iterator[None]:
    """Hold space for a night while it is measured: a disk that fills up meanwhile does not cost it.

    The file has no name, so that whoever is killed leaves nothing, and no zeros, which some file
    systems do not store.

    Args:
        folder: Where the nights are, see `check_writable`.

    Raises:
        NotKeptError: When there is not as much.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder / CURVES))
            file.write(secrets.token_bytes(ROOM))
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise NotKeptError(
                f"the history {folder} needs {ROOM // 2**20} MiB for a night: {error.strerror}"
            ) from error
        yield


def append(folder: Path, night: Night, curves: Mapping[str, Curve] | None = None) -> Path:
    """Add a night.

    The curves come first, so that a night that is there has them.

    Args:
        folder: Where the nights are.
        night: The night.
        curves: Curves by name, see `name_curve`.

    Returns:
        The night's file.

    Raises:
        NotKeptError: When it cannot be written; nothing was changed.
    """
    path = folder / f"{night.id}.json"
    try:
        (folder / CURVES).mkdir(parents=True, exist_ok=True)
        for name, curve in (curves or {}).items():
            place = folder / CURVES / f"{name}.json"
            if not place.exists():
                _write(place, _text_of(curve))
        if path.exists():
            raise NotKeptError(f"the history has the night {night.id} already")
        _write(path, night.to_json())
    except OSError as error:
        raise NotKeptError(f"the night could not be added to {folder}: {error}") from error
    return path


def name_curve(curve: Curve) -> str:
    """Return the name of a curve: equal curves have one name, and are kept once."""
    return digest(json.loads(_text_of(curve)))


def read_curve(folder: Path, name: str) -> Curve | None:
    """Return a curve, or None when it is not there or is not what it was."""
    try:
        found = json.loads((folder / CURVES / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and digest(found) == name else None


def _text_of(curve: Curve) -> str:
    columns = {column: [strict(value) for value in values] for column, values in curve.items()}
    return json.dumps(columns, separators=(",", ":"), allow_nan=False)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever is killed leaves the hidden one."""
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with hidden.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(hidden, path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
