"""Newton's method finds minimisers to rounding, from far away too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from optbench.families.newton import TOLERANCE, hessian_vector_of, minimiser


def steep(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return log cosh(x - 3) and its slope: full Newton steps diverge from far away."""
    e = x - 3
    return torch.logaddexp(e, -e).sum(-1), torch.tanh(e)


def test_backtracking_saves_newtons_method() -> None:
    """From 1.5 away pure Newton on log cosh diverges; with backtracking it ends at 3."""
    x, residual = minimiser(
        steep,
        lambda x: torch.diag(1 / torch.cosh(x - 3) ** 2),
        torch.tensor([1.5], dtype=torch.float64),
    )

    assert float(x) == pytest.approx(3.0, abs=1e-14)
    assert residual <= TOLERANCE


def test_a_failure_is_told_by_the_residual() -> None:
    """A function without a minimiser leaves a residual above the tolerance."""

    def exponential(x: Tensor) -> tuple[Tensor, Tensor]:
        return (x.exp() + 0.5 * x).sum(-1) - x.sum(-1), x.exp() - 0.5 + 0 * x

    def linear(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.sum(-1), torch.ones_like(x)

    start = torch.zeros(1, dtype=torch.float64)
    found, _ = minimiser(exponential, lambda x: torch.diag(x.exp()), start)
    _, residual = minimiser(linear, lambda x: torch.eye(1, dtype=torch.float64), start)

    assert float(found) == pytest.approx(-0.6931471805599453)
    assert residual == 1.0


def test_products_are_taken_row_by_row() -> None:
    """Each row of the product is its own point's Hessian times its own vector."""
    x = torch.tensor([[0.3, -1.0], [2.0, 5.0]], dtype=torch.float64)
    v = torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=torch.float64)

    product = hessian_vector_of(steep)(x, v)

    torch.testing.assert_close(product, v / torch.cosh(x - 3) ** 2)
