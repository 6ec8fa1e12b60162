"""Ctrl-C and SIGTERM, held back until a run has saved itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether Ctrl-C or SIGTERM came, which wait until the step is done, or nobody waits."""

    def __init__(self, parent: int | None = None) -> None:
        """Begin without one.

        Args:
            parent: The process without which this one has nobody to work for; None for none.
        """
        self.signal: int | None = None
        self._parent = parent

    def __bool__(self) -> bool:
        """Return whether one came."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return orphaned or self.signal is not None


NEVER = Interruption()


class InterruptedRunError(KeyboardInterrupt):
    """A run stopped between two steps because a signal came; what it had is in its checkpoint."""


@contextlib.contextmanager
def interruptible(parent: int | None = None) -> Iterator[Interruption]:
    """Note SIGINT and SIGTERM inside the block, and deliver them at its end.

    Who cannot wait sends a second one, which is delivered at once. Only the main thread receives
    signals; elsewhere nothing is noted.

    Args:
        parent: The process whose end is an interruption too.

    Yields:
        What came.
    """
    came = Interruption(parent)
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if came.signal is not None:
            restore()
            signal.raise_signal(signum)
        came.signal = signum

    def restore() -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)

    ignored = (signal.SIG_IGN, None)
    kinds = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) not in ignored]
    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield came
    finally:
        restore()
        if came.signal is not None:
            signal.raise_signal(came.signal)
