"""A limit on wall time that reaches code which does not look at the clock."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
from collections.abc import Iterator
from types import FrameType

LONGEST = 1e8
"""Seconds that a timer can take; three years."""

AGAIN = 1.0
"""Seconds after which code that went on regardless is interrupted again."""


class TimeUpError(BaseException):
    """Raised inside whatever was running when the time was up; no `except Exception` holds it."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeUpError inside the block when it takes longer.

    Only the main thread can be interrupted, and only between Python instructions; elsewhere the
    block has no limit.

    Args:
        seconds: The limit; infinite for none.

    Yields:
        Nothing.
    """
    if math.isinf(seconds) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, LONGEST), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
