"""What a terminal shows that a pipe does not."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path


def test_the_bar_is_drawn_from_the_first_moment(tmp_path: Path) -> None:
    """More than fifty things, none of them done yet: the bar has no rate to show, no trouble."""
    terminal, inside = pty.openpty()
    command = "run -p quadratic:dim=2 -o gd --lr 1e-3..1:60 --budget 5"
    process = subprocess.Popen(
        [sys.executable, "-m", "optbench", *command.split()],
        stdout=subprocess.DEVNULL,
        stderr=inside,
        cwd=tmp_path,
    )
    os.close(inside)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while chunk := os.read(terminal, 1024):
            shown += chunk
    os.close(terminal)

    assert process.wait() == 0, shown.decode()
    assert b"/60 runs" in shown
