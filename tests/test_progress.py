"""Progress says how far things are and how long the rest takes, also within a long run."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys

import pytest

from optbench.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows the last number of the list."""
    times = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: times[-1])
    return times


def test_a_long_run_moves_and_has_a_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """A quarter of the only run after 100 s leaves 300 s; its end leaves none."""
    with Progress(1) as bar:
        clock.append(200.0)
        bar.update(0.25)
        clock.append(500.0)
        bar.advance(1)

    assert capsys.readouterr().err.splitlines() == [
        "0/1 runs, 25% of the next, 400 s a run, about 5 min left",
        "1/1 runs, 400 s a run, about 0 s left",
    ]


def test_runs_that_advance_together_count_together(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of 16 runs after 4 done is 12 of 20: 8 are left at the pace so far."""
    with Progress(20) as bar:
        bar.advance(4)
        clock.append(112.0)
        bar.update(0.5, count=16)
        clock.append(130.0)
        bar.advance(16)

    assert capsys.readouterr().err.splitlines() == [
        "4/20 runs, 50% of 16 more, 1 runs/s, about 8 s left",
        "20/20 runs, 1.5 s a run, about 0 s left",
    ]


def test_lines_are_seldom(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """Within two seconds of a line nothing is said, and before anything is done no rate."""
    with Progress(10, "claims") as bar:
        clock.append(101.0)
        bar.update(0.5)
        clock.append(103.0)
        bar.update(0.0)
        clock.append(104.9)
        bar.advance(1)

    assert capsys.readouterr().err == "0/10 claims, none done yet\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_have_a_unit_that_suits_them(seconds: float, text: str) -> None:
    """Seconds, minutes and hours."""
    assert duration(seconds) == text


def test_the_bar_moves_within_a_run() -> None:
    """On a terminal a run that is three quarters done fills the bar to three quarters."""
    program = (
        "from optbench.progress import Progress\n"
        "with Progress(1) as bar:\n    bar.update(0.75)\n    bar._bar.refresh()\n"
    )
    terminal, inside = pty.openpty()
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", program], stderr=inside, env=environment)
    os.close(inside)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while chunk := os.read(terminal, 1024):
            shown += chunk
    os.close(terminal)

    assert process.wait() == 0
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n")
    (line,) = {line.strip() for line in last.splitlines() if "75% of the next" in line}
    full, _, rest = line.partition("╺")
    assert full.count("━") == pytest.approx(30, abs=1)
    assert "about 0 s left" in rest
