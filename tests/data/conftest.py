"""A data folder of each test's own, and where the real data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that OPTBENCH_DATA names, which does not exist yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("OPTBENCH_DATA", str(folder))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@pytest.fixture
def real() -> Path:
    """Return the folder with real files, or skip."""
    folder = os.environ.get("OPTBENCH_TEST_DATA", "")
    if not folder:
        pytest.skip("OPTBENCH_TEST_DATA names no folder with real data sets")
    return Path(folder)
