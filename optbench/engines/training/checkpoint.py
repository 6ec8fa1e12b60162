"""Checkpoints of long runs: saved now and then and on interruption, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch

EVERY = 60.0
"""Seconds between checkpoints."""


@dataclass
class Checkpoint:
    """Where the runs of one batch are kept while they go on.

    Attributes:
        path: The file.
        every: Seconds between checkpoints.
    """

    path: Path
    every: float = EVERY
    _saved: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether the last one is long ago."""
        return time.monotonic() - self._saved >= self.every

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint in the place of the one before, in one move."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = self.path.with_suffix(f".{os.getpid()}")
        try:
            with made.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, self.path)
        finally:
            made.unlink(missing_ok=True)
        self._saved = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the last checkpoint; None where there is none that can be read."""
        if not self.path.is_file():
            return None
        try:
            # On the CPU first: random states stay there, the rest is copied to where it belongs.
            kept: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None
        del device
        return kept

    def remove(self) -> None:
        """Forget it: the runs are done."""
        self.path.unlink(missing_ok=True)


class Interruption:
    """Whether Ctrl-C or SIGTERM came, which wait until the step is done."""

    def __init__(self) -> None:
        """Begin without one."""
        self.signal: int | None = None

    def __bool__(self) -> bool:
        """Return whether one came."""
        return self.signal is not None


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Note SIGINT and SIGTERM inside the block, and deliver them at its end.

    Only the main thread receives signals; elsewhere nothing is noted.

    Yields:
        What came.
    """
    came = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(signum: int, frame: FrameType | None) -> None:
        came.signal = signum

    kinds = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) != signal.SIG_IGN]
    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield came
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        if came.signal is not None:
            signal.raise_signal(came.signal)
