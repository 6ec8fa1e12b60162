"""Checkpoints of long runs: saved now and then and on interruption, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

EVERY = 60.0
"""Seconds between checkpoints."""

LEFTOVER = 30 * 86400.0
"""Seconds after which a file that nobody came back for is removed."""


@dataclass
class Checkpoint:
    """Where the runs of one batch are kept while they go on.

    Attributes:
        path: The file, `BATCH-CODE.pt`: runs of another name or under other code have another.
        every: Seconds between checkpoints.
    """

    path: Path
    every: float = EVERY
    _saved: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether the last one is long ago."""
        return time.monotonic() - self._saved >= self.every

    def save(self, state: Mapping[str, Any]) -> str:
        """Write a checkpoint in the place of the one before, in one move.

        Args:
            state: Tensors and plain data.

        Returns:
            Why it could not be written, in one line: a run can do without. Empty when it was.
        """
        self._saved = time.monotonic()
        made = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with made.open("wb") as file:
                torch.save({"of": self.path.name, "state": dict(state)}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, self.path)
        except Exception as error:  # a full disk comes as an OSError or torch's own RuntimeError
            text = " ".join(str(error).split())
            return f"no checkpoint could be written: {type(error).__name__}: {text}"
        finally:
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)
        return ""

    def load(self) -> dict[str, Any] | None:
        """Return the last checkpoint; None where there is none, or none that can be used.

        Tensors come back on the devices that they were on. Nothing but tensors and plain data is
        read: a file that holds code is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            kept = torch.load(self.path, weights_only=True)
            state: dict[str, Any] | None = kept["state"] if kept["of"] == self.path.name else None
        except Exception:  # damage comes as any kind of error; the run starts anew
            return None
        return state

    def remove(self) -> None:
        """Forget it: the runs are done, and those of the same name under other code too."""
        batch = self.path.name.partition("-")[0]
        stale = time.time() - LEFTOVER
        with contextlib.suppress(OSError):  # somebody else may be tidying up
            for file in self.path.parent.iterdir():
                if file.name.startswith(f"{batch}-") or file.stat().st_mtime < stale:
                    file.unlink(missing_ok=True)
            self.path.parent.rmdir()
