"""Constants follow the points in dtype and are moved once."""

from __future__ import annotations

import numpy as np
import torch

from optbench.families.constant import Constant


def test_a_constant_has_the_dtype_of_the_points() -> None:
    """float64 is the master itself, float32 a copy that is kept while it is asked for."""
    constant = Constant(np.array([1.0, 1 / 3]))

    single = constant.like(torch.zeros(1, dtype=torch.float32))
    double = constant.like(torch.zeros(1, dtype=torch.float64))

    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert double[1] == 1 / 3
    again = constant.like(torch.ones(3, 3, dtype=torch.float32))
    assert torch.equal(again, single)
    assert constant.like(torch.ones(2, dtype=torch.float32)) is again
