"""Gradient clipping, row by row of a stack."""

from __future__ import annotations

import torch
from torch import Tensor


def clip_norm(g: Tensor, limit: float) -> Tensor:
    """Clip by norm: g min(1, c / (|g| + 1e-6)), g of shape (..., d) (Pascanu et al. 2013).

    The 1e-6 is torch's: a clipped gradient is shorter than c by about 1e-6.
    """
    norm = torch.linalg.vector_norm(g, dim=-1, keepdim=True)
    factor: Tensor = (limit / (norm + 1e-6)).clamp(max=1.0)
    return g * factor


def clip_value(g: Tensor, limit: float) -> Tensor:
    """Clip by value: every coordinate to [-c, c]; this changes the direction."""
    return g.clamp(-limit, limit)
