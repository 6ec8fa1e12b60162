"""What the terminal shows while something takes long."""

from __future__ import annotations

import sys
import time
from typing import Any

LINE_EVERY = 2.0
"""Seconds between progress lines where there is no terminal to redraw a bar on."""


class Progress:
    """Things done, rate and time left: a bar on a terminal, plain lines elsewhere; on stderr."""

    def __init__(self, total: int, things: str = "runs") -> None:
        """Prepare for a number of runs, or of other things."""
        self._total, self._things = total, things
        self._done, self._fraction, self._more = 0, 0.0, 0
        self._started = self._spoken = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Show the bar."""
        if sys.stderr.isatty() and self._total:
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.TextColumn("{task.fields[count]}"),
                progress.BarColumn(),
                progress.TextColumn("{task.fields[pace]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total, count=self._count(), pace="")
        return self

    def __exit__(self, *exception: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int) -> None:
        """Count things that are done; none is under way then."""
        self._done, self._fraction = self._done + count, 0.0
        self._show()

    def update(self, fraction: float, count: int = 1) -> None:
        """Say how far things are that are under way, which are not counted as done yet.

        Args:
            fraction: The share of them that is done, in [0, 1].
            count: How many they are: runs that advance together.
        """
        self._fraction, self._more = fraction, count
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        done, elapsed = self._done + self._fraction * self._more, max(now - self._started, 1e-3)
        if self._bar is not None:
            pace = self._pace(done, elapsed)
            self._bar.update(self._task, completed=done, count=self._count(), pace=pace)
        elif now - self._spoken >= LINE_EVERY:
            self._spoken = now
            print(f"{self._count()}, {self._pace(done, elapsed)}", file=sys.stderr, flush=True)

    def _count(self) -> str:
        count = f"{self._done}/{self._total} {self._things}"
        more = "the next" if self._more == 1 else f"{self._more} more"
        return f"{count}, {self._fraction:.0%} of {more}" if self._fraction else count

    def _pace(self, done: float, elapsed: float) -> str:
        """Return the rate so far and the time that the rest takes at that rate."""
        if not done:
            return "none done yet"
        rate = done / elapsed
        slow = f"{1 / rate:.3g} s a {self._things.removesuffix('s')}"
        pace = f"{rate:.3g} {self._things}/s" if rate >= 1 else slow
        return f"{pace}, about {duration((self._total - done) / rate)} left"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
