"""Torch's deterministic algorithms, for the duration of a run that asks for them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from optbench.core.training import Training

WORKSPACE = ":4096:8"
"""A workspace with which cuBLAS repeats its bits; read when cuBLAS is first used."""


@contextlib.contextmanager
def deterministic(training: Training, device: str) -> Iterator[None]:
    """Have the same bits from the same run on a GPU, where the run asks for that.

    An operation that has no deterministic algorithm ends the run with torch's own words. On a CPU
    runs repeat their bits anyway, and nothing changes.

    Args:
        training: Says whether.
        device: Where the run is.

    Yields:
        Nothing.
    """
    if not training.deterministic or device == "cpu":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
