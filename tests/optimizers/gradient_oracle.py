"""The oracle of a plain gradient, and a walk of a rule along it without an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import State, UpdateRule
from optbench.core.problem import Problem
from optbench.optimizers.find import find_optimizer

Gradient = Callable[[Tensor], Tensor]


@dataclass
class GradientOracle:
    """What the coordinate-wise and layer-wise rules ask for: gradients, and facts of the run.

    Attributes:
        gradient: x (B, d) to the gradient (B, d).
        layout: Blocks of x.
        horizon: Steps planned.
        batch_size: Examples in a gradient.
    """

    gradient: Gradient
    layout: Layout
    horizon: int = 0
    batch_size: int = 1


def rule_of(name: str) -> UpdateRule:
    """Return a registered update rule."""
    rule = find_optimizer(name)
    assert isinstance(rule, UpdateRule)
    return rule


def vector(dim: int) -> Layout:
    """Return the layout of a point that is one vector."""
    return Layout((Block("x", (dim,)),))


def column(*values: float) -> Tensor:
    """Return points of one coordinate, or hyperparameters one a run: (B, 1), double precision."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal numbers in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def gradient_of(problem: Problem) -> Gradient:
    """Return a problem's true gradient."""
    return lambda x: problem.oracle(x)[1]


def in_turn(gradients: Sequence[Tensor]) -> Gradient:
    """Return an oracle that ignores the point and gives the t-th gradient at the t-th call."""
    remaining = iter(gradients)
    return lambda x: next(remaining).expand_as(x)


def walk(
    name: str,
    x: Tensor,
    gradient: Gradient,
    steps: int,
    *,
    layout: Layout | None = None,
    project: Callable[[Tensor], Tensor] | None = None,
    lr: Callable[[int], float] | float | Tensor | None = None,
    **hyper: Any,
) -> tuple[Tensor, State]:
    """Take steps of a rule.

    Args:
        name: The rule's name.
        x: Start, (B, d).
        gradient: The gradient that it is shown.
        steps: How many.
        layout: Blocks of x; one vector unless given.
        project: Onto the feasible set, after each step.
        lr: Learning rate, or step t to learning rate; the rule's default unless given.
        **hyper: The other hyperparameters.

    Returns:
        Points, (steps + 1, B, d), and the last state.
    """
    rule = rule_of(name)
    layout = layout or vector(x.shape[1])
    oracle = GradientOracle(gradient, layout, horizon=steps)
    state = rule.init(x, layout)
    points = [x]
    for t in range(steps):
        if lr is not None:
            hyper["lr"] = lr(t) if callable(lr) else lr
        x, state = rule.step(x, state, oracle, t, **hyper)
        x = x if project is None else project(x)
        points.append(x)
    return torch.stack(points), state


def path(name: str, x: Tensor, gradient: Gradient, steps: int, **settings: Any) -> Tensor:
    """Return the points of `walk`."""
    return walk(name, x, gradient, steps, **settings)[0]


def spectral_radius(name: str, curvature: float, memory: int, **hyper: Any) -> float:
    """Return the spectral radius of a rule's step on curvature x^2/2, a linear map of (x, state).

    Args:
        name: A rule that is linear in the gradient, with constant coefficients.
        curvature: The second derivative.
        memory: Number of state tensors, each (B, 1).
        **hyper: Its hyperparameters.
    """
    rule, basis = rule_of(name), torch.eye(1 + memory, dtype=torch.float64)
    oracle = GradientOracle(lambda x: curvature * x, vector(1))
    x, *state = torch.split(basis, 1, dim=1)
    x_next, state_next = rule.step(x, tuple(state), oracle, 1, **hyper)
    matrix = torch.cat([x_next, *state_next], dim=1).T
    return float(torch.linalg.eigvals(matrix).abs().max())
