"""One thread a test process, fixed examples of properties, GPU tests that need little but torch.

Two workers of pytest on two cores must not wait for each other. `pytest -m gpu` picks the tests
that need a GPU, and imports no others.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

try:
    from hypothesis import settings
except ModuleNotFoundError:  # on a GPU machine, whose tests do without
    pass
else:
    settings.register_profile("optbench", deadline=None, derandomize=True)
    settings.load_profile("optbench")

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before torch and numpy are imported, and for subprocesses

# A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

GPU_TESTS = "test_gpu.py"
"""The files whose tests need a GPU."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "gpu: needs a GPU; run with -m gpu")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out all other files and folders: a GPU machine may lack what these import."""
    if config.getoption("markexpr") != "gpu":
        return None
    if collection_path.is_dir():
        return next(collection_path.rglob(GPU_TESTS), None) is None or None
    return collection_path.name != GPU_TESTS or None
