"""The oracle of a plain function of one point, and a walk of a rule on it without an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import UpdateRule

Rows = Callable[[Tensor], Tensor]


def vector(dim: int) -> Layout:
    """Return the layout of a point that is one vector."""
    return Layout((Block("x", (dim,)),))


def shapes(*blocks: tuple[int, ...]) -> Layout:
    """Return the layout of blocks of these shapes."""
    return Layout(tuple(Block(str(i), shape) for i, shape in enumerate(blocks)))


def unused(x: Tensor) -> Tensor:
    """Stand for an answer that a test does not need."""
    raise AssertionError(f"nobody asks for this at {x}")


@dataclass
class FunctionOracle:
    """Derivatives of a function by torch, and whatever else a test hands in.

    Attributes:
        value: One point (d,) to f(x), shape ().
        layout: Blocks of x.
        fisher: Points (B, d) to matrices (B, d, d).
        sampled_gradient: Points (B, d) to gradients (B, d).
        signs: Points (B, d) to signs (B, d).
        batch_size: Examples behind a gradient.
        horizon: Planned steps.
        calls: Names of the answers asked for, in order.
    """

    value: Rows
    layout: Layout
    fisher: Rows = unused
    sampled_gradient: Rows = unused
    signs: Rows = unused
    batch_size: int = 1
    horizon: int = 0
    calls: list[str] = field(default_factory=list)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient, (B, d)."""
        self.calls.append("gradient")
        with torch.enable_grad():
            point = x.clone().requires_grad_(True)
            total = torch.stack([self.value(row) for row in point]).sum()
            (g,) = torch.autograd.grad(total, point)
        return g

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian, (B, d, d)."""
        self.calls.append("hessian")
        function: Any = torch.autograd.functional.hessian
        return torch.stack([function(self.value, row) for row in x])

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return Hessian-vector products, (B, d)."""
        self.calls.append("hessian_vector")
        with torch.enable_grad():
            point = x.clone().requires_grad_(True)
            total = torch.stack([self.value(row) for row in point]).sum()
            (g,) = torch.autograd.grad(total, point, create_graph=True)
            (product,) = torch.autograd.grad(g, point, v)
        return product


def quadratic_oracle(matrix: Tensor, layout: Layout | None = None) -> FunctionOracle:
    """Return the oracle of f(x) = x'Hx/2."""
    return FunctionOracle(lambda x: 0.5 * x @ matrix @ x, layout or vector(len(matrix)))


def walk(
    rule: UpdateRule, oracle: FunctionOracle, x: Tensor, steps: int, **hyper: Any
) -> list[Tensor]:
    """Return x_0 ... x_T, each (B, d), of a rule with its defaults but for what is given."""
    defaults = {name: p.default for name, p in rule.parameters.items()}
    names = rule.step.__kwdefaults__ or {}
    values = {name: defaults[name] for name in names} | hyper
    state = rule.init(x, oracle.layout)
    points = [x]
    for t in range(steps):
        before = x.clone()
        x_next, state = rule.step(x, state, oracle, t, **values)
        assert torch.equal(x, before), "the rule changed its argument"
        x = x_next
        points.append(x)
    return points


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal numbers in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def positive_definite(dim: int, kappa: float = 100.0, seed: int = 0) -> Tensor:
    """Return a symmetric matrix with log-spaced eigenvalues from 1 to kappa."""
    q, _ = torch.linalg.qr(normal(dim, dim, seed=seed))
    values = torch.logspace(0, torch.tensor(kappa).log10().item(), dim, dtype=torch.float64)
    matrix: Tensor = (q * values) @ q.T
    return matrix
