"""Expressions that rules share, in one pass over memory: that is where a sweep's time goes."""

from __future__ import annotations

import torch
from torch import Tensor


def descend(
    x: Tensor, lr: float | Tensor, direction: Tensor, scale: Tensor | None = None
) -> Tensor:
    """Return x - lr direction, or x - lr direction / scale.

    Args:
        x: Shape (B, d).
        lr: A number, or a tensor that broadcasts against x.
        direction: Shape (B, d).
        scale: Broadcasts against x.

    Returns:
        Shape (B, d), a new tensor.
    """
    if scale is None:
        if isinstance(lr, Tensor):
            return torch.addcmul(x, lr, direction, value=-1)
        return torch.sub(x, direction, alpha=lr)
    if isinstance(lr, Tensor):
        return torch.addcdiv(x, lr * direction, scale, value=-1)
    return torch.addcdiv(x, direction, scale, value=-lr)


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of each row, (B, d) and (B, d) to (B, 1)."""
    product: Tensor = torch.linalg.vecdot(a, b)
    return product.unsqueeze(-1)


def norm(a: Tensor) -> Tensor:
    """Return the 2-norm of each row, (B, d) to (B, 1)."""
    length: Tensor = torch.linalg.vector_norm(a, dim=-1, keepdim=True)
    return length
