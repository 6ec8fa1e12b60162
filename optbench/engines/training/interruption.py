"""Ctrl-C and SIGTERM, held back until a run has saved itself."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether Ctrl-C or SIGTERM came, which wait until the step is done."""

    def __init__(self) -> None:
        """Begin without one."""
        self.signal: int | None = None

    def __bool__(self) -> bool:
        """Return whether one came."""
        return self.signal is not None


NEVER = Interruption()


class InterruptedRunError(KeyboardInterrupt):
    """A run stopped between two steps because a signal came; what it had is in its checkpoint."""


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Note SIGINT and SIGTERM inside the block, and deliver them at its end.

    Who cannot wait sends a second one, which is delivered at once. Only the main thread receives
    signals; elsewhere nothing is noted.

    Yields:
        What came.
    """
    came = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if came:
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
