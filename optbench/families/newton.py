"""Newton's method, twice: to find minimisers that have no closed form, and to differentiate."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from optbench.core.problem import ValueAndGradient

TOLERANCE = 1e-12
"""Gradient norm at or below which a computed minimiser is a fact."""

ITERATIONS = 200
FLAT = 64 * torch.finfo(torch.float64).eps
"""Relative increase of f that the line search takes for rounding."""


def minimiser(
    oracle: ValueAndGradient, hessian: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, float]:
    """Minimise a convex function by Newton's method with backtracking, to rounding.

    Args:
        oracle: Value and gradient of stacks of points.
        hessian: x (d,) to the Hessian (d, d), positive definite.
        x: Where to start, shape (d,), float64.

    Returns:
        The last point and the gradient's norm there; above `TOLERANCE` it is not a minimiser.
    """
    f, g = _single(oracle, x)
    for _ in range(ITERATIONS):
        step = torch.linalg.solve(hessian(x), g)
        size, slope, slack = 1.0, float(g @ step), FLAT * max(1.0, abs(f))
        while size > 1e-9:
            candidate = x - size * step
            f_new, g_new = _single(oracle, candidate)
            if f_new <= f - 1e-4 * size * slope + slack:
                break
            size /= 2
        if g.norm() <= TOLERANCE and g_new.norm() >= g.norm():
            break
        x, f, g = candidate, f_new, g_new
    return x, float(g.norm())


def hessian_vector_of(oracle: ValueAndGradient) -> Callable[[Tensor, Tensor], Tensor]:
    """Differentiate a closed-form gradient into Hessian-vector products.

    Args:
        oracle: Value and gradient of stacks of points, in operations that autograd knows.

    Returns:
        The function x (B, d), v (B, d) to Hessian(x) v (B, d).
    """

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        # A run may disable gradients altogether; a clone made here is free of that.
        with torch.inference_mode(False), torch.enable_grad():
            point = x.clone().requires_grad_(True)
            (product,) = torch.autograd.grad(oracle(point)[1], point, v.clone())
        return product

    return hessian_vector


def _single(oracle: ValueAndGradient, x: Tensor) -> tuple[float, Tensor]:
    f, g = oracle(x[None])
    return float(f[0]), g[0]
