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
    constant is moved once per place and kept there.
    """

    def __init__(self, array: np.ndarray | Tensor) -> None:
        """Keep the array as float64 on the CPU, shape unchanged."""
        self._master = torch.as_tensor(array, dtype=torch.float64)
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def like(self, x: Tensor) -> Tensor:
        """Return the array on the device and in the dtype of x."""
        place = (x.device, x.dtype)
        if place not in self._copies:
            self._copies[place] = self._master.to(x)
        return self._copies[place]
