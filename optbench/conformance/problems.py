"""The functions and the gradients that the battery shows, each with a matrix and a vector."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from optbench.core.layout import Block
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families.logistic import logistic
from optbench.families.matrix_quadratic import matrix_quadratic
from optbench.families.quadratic import quadratic
from optbench.families.rosenbrock import rosenbrock

MATRIX, VECTOR = "weight", "bias"
SHAPES = (Block(MATRIX, (3, 2)), Block(VECTOR, (4,)))
"""The blocks of every problem with ten variables."""


@functools.cache
def problems() -> dict[str, Problem]:
    """Return the functions on which trajectories are compared, by name."""
    split = (Block(MATRIX, (5, 6)), Block(VECTOR, (1,)))
    return {
        "quadratic": replace(quadratic(dim=10, kappa=100.0), blocks=SHAPES),
        "logistic": _from(replace(logistic(), blocks=split), 1, 0.5),
        "rosenbrock": replace(_scaled(rosenbrock(dim=10), 1e-3), blocks=SHAPES),
        "matrices": _from(matrix_quadratic(rows=6, columns=4, kappa=100.0), 1, 3.0),
        "separable": replace(quadratic(dim=10, kappa=100.0, rotated=False), blocks=SHAPES),
    }


def _from(problem: Problem, seed: int, size: float) -> Problem:
    """Start at a point of a problem's other seed, scaled: the origin hides weight decay."""
    return replace(problem, start=lambda run_seed: size * problem.start(run_seed + seed))


def _scaled(problem: Problem, factor: float) -> Problem:
    """Return a problem times a factor, so that one learning rate suits all."""
    product = problem.hessian_vector
    assert product is not None

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = problem.oracle(x)
        return factor * f, factor * g

    return replace(problem, oracle=oracle, hessian_vector=lambda x, v: factor * product(x, v))


def tape(
    gradient: Callable[[int], Tensor],
    *,
    start: float | Tensor = 1.0,
    blocks: tuple[Block, ...] = SHAPES,
) -> Problem:
    """Return a problem that shows given gradients, whatever the point.

    Args:
        gradient: Step t to gradient, shape (d,), float64.
        start: Starting point, or what all its coordinates are.
        blocks: The blocks of the point.

    Returns:
        A problem whose Hessian is diagonal, 1/4, 2/4, 3/4 ..., for methods that ask for it.
    """
    dim = sum(block.size for block in blocks)
    first = start if isinstance(start, Tensor) else torch.full((dim,), start, dtype=torch.float64)
    diagonal = torch.arange(1, dim + 1, dtype=torch.float64) / 4

    def shown(x: Tensor, t: int) -> Tensor:
        return gradient(t).to(x).expand_as(x).clone()

    return Problem(
        facts=Facts(dim=dim, smoothness=1.0, strong_convexity=0.1),
        start=lambda seed: first.clone(),
        oracle=lambda x: (x.sum(-1), torch.ones_like(x)),
        hessian_vector=lambda x, v: v * diagonal.to(v),
        stream=shown,
        blocks=blocks,
    )


@functools.cache
def mixed_tape(steps: int = 64, seed: int = 0) -> Problem:
    """Return drifting, noisy gradients whose coordinates differ by eight decades."""
    dim = sum(block.size for block in SHAPES)
    draws = stream(seed, 0, "conformance-tape")
    scales = np.logspace(-7, 1, dim)[draws.permutation(dim)]
    drift = draws.standard_normal(dim)
    rows = scales * (drift + draws.standard_normal((steps, dim)))
    gradients = torch.from_numpy(rows)
    start = torch.from_numpy(draws.standard_normal(dim))
    return tape(lambda t: gradients[t % steps], start=start)


@functools.cache
def constant_tape(value: float = 1.0, start: float = 1.0) -> Problem:
    """Return one gradient for ever: `value` times coordinates from 1 to 2, of both signs."""
    dim = sum(block.size for block in SHAPES)
    gradient = value * torch.linspace(1, 2, dim, dtype=torch.float64)
    gradient[::2].neg_()
    return tape(lambda t: gradient, start=start)
