"""Ways to type commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def optbench(tmp_path: Path) -> Command:
    """Return a function that runs `optbench` in an empty folder, in a process of its own."""

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [sys.executable, "-m", "optbench", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            **options,  # type: ignore[call-overload]
        )
        return done

    return run
