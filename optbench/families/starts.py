"""Where runs start: the same point for every seed, a standard point, a random direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from optbench.core.randomness import stream

Start = Callable[[int], Tensor]


def always(point: Sequence[float] | Tensor) -> Start:
    """Start every seed at the same point, shape (d,)."""
    fixed = torch.as_tensor(point, dtype=torch.float64)
    return lambda seed: fixed.clone()


def standard(point: Sequence[float], domain: tuple[float, float]) -> Start:
    """Start seed 0 at a point of the literature, any other seed uniformly at random in a box.

    Args:
        point: The standard start, shape (d,).
        domain: (low, high) of every coordinate.
    """

    def start(seed: int) -> Tensor:
        if seed == 0:
            return torch.tensor(point, dtype=torch.float64)
        return torch.from_numpy(stream(0, seed, "start").uniform(*domain, len(point)))

    return start


def direction(dim: int, problem_seed: int, run_seed: int) -> Tensor:
    """Return a uniformly random unit vector of shape (dim,) for a run of a problem."""
    vector = stream(problem_seed, run_seed, "start").standard_normal(dim)
    return torch.from_numpy(vector / np.linalg.norm(vector))


def origin(dim: int, problem_seed: int) -> Start:
    """Start seed 0 at the origin, any other seed at a random unit vector."""
    return lambda seed: (
        torch.zeros(dim, dtype=torch.float64) if seed == 0 else direction(dim, problem_seed, seed)
    )
