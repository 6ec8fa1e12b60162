"""Expressions that rules share, in one pass over memory: that is where a sweep's time goes."""

from __future__ import annotations

import torch
from torch import Tensor


def descend(x: Tensor, lr: float | Tensor, direction: Tensor) -> Tensor:
    """Return x - lr direction, for x and direction (B, d) and lr a number or (B, 1)."""
    if isinstance(lr, Tensor):
        return torch.addcmul(x, lr, direction, value=-1)
    return torch.sub(x, direction, alpha=lr)
