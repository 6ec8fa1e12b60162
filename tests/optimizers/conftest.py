"""What the tests of optimizers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def _double_by_default() -> Iterator[None]:
    """Make double precision the default: some classes keep numbers in it beside the parameters."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
