"""A problem from nothing but its function: the gradient is torch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optbench.core.problem import Facts, Problem


def problem_from_function(
    value: Callable[[Tensor], Tensor],
    start: Sequence[float] | Callable[[int], Tensor],
    *,
    facts: Facts | None = None,
    domain: tuple[float, float] | None = None,
) -> Problem:
    """Make a problem of a function that torch can differentiate.

    Args:
        value: x of shape (B, d) to f(x) of shape (B,); a row may not depend on the others.
        start: The starting point, or a function from the seed to it, shape (d,), float64.
        facts: What is known; the dimension alone by default.
        domain: (low, high) of the box that figures show.

    Returns:
        The problem, with Hessian-vector products.

    Example:
        >>> from optbench import problem_from_function
        >>> cubic = problem_from_function(lambda x: (x.abs() ** 3).sum(-1), start=[1.0, -2.0])
        >>> cubic.facts.dim
        2
    """
    if callable(start):
        starts = start
    else:
        point = torch.tensor(list(start), dtype=torch.float64)

        def starts(seed: int) -> Tensor:
            del seed  # one start, whatever the seed
            return point.clone()

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            f = value(x)
            (g,) = torch.autograd.grad(f.sum(), x)
        return f.detach(), g

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(value(x).sum(), x, create_graph=True)
            (product,) = torch.autograd.grad((g * v).sum(), x)
        return product

    return Problem(
        facts=facts or Facts(dim=len(starts(0))),
        start=starts,
        oracle=oracle,
        hessian_vector=hessian_vector,
        domain=domain,
    )
