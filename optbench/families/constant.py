"""Numbers of a problem that follow the points to their device and dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Constant:
    """An array that is handed out on the device and in the dtype of whoever asks.

    A problem is built once, on the CPU in float64, and its oracle takes points from anywhere; each
    constant is moved when the place changes, and kept there.
    """

    def __init__(self, array: np.ndarray | Tensor) -> None:
        """Keep the array as float64 on the CPU, shape unchanged."""
        self._master = torch.as_tensor(array, dtype=torch.float64)
        self._last = self._master

    def like(self, x: Tensor) -> Tensor:
        """Return the array on the device and in the dtype of x."""
        if x.dtype is not self._last.dtype or x.device != self._last.device:
            self._last = self._master.to(x)
        return self._last
