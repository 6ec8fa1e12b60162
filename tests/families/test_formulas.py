"""The oracles against the formulas as a textbook prints them, differentiated by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.registry import load
from optbench.families import FAMILIES

TOLERANCE = 1e-11  # the textbook form subtracts numbers of size up to 1e4


def huber(x: Tensor) -> Tensor:
    """L = 2, tau = 0.7."""
    return torch.where(x.abs() <= 0.7, x**2, 1.4 * x.abs() - 0.49).sum()


def nesterov_convex(x: Tensor) -> Tensor:
    """L = 3, k = 9."""
    chain = x[0] ** 2 + sum((x[i] - x[i + 1]) ** 2 for i in range(8)) + x[8] ** 2
    return 3 / 8 * chain - 3 / 4 * x[0]


def nesterov_strongly_convex(x: Tensor) -> Tensor:
    """L = 2, mu = 0.5, d = 6."""
    chain = x[0] ** 2 + sum((x[i] - x[i + 1]) ** 2 for i in range(5)) + x[5] ** 2 - 2 * x[0]
    return 1.5 / 8 * chain + 0.25 * (x @ x)


def piecewise(x: Tensor) -> Tensor:
    """The three parabolas, joined at 1 and 2."""
    left, middle, right = 12.5 * x**2, x**2 / 2 + 24 * x - 12, 12.5 * x**2 - 24 * x + 36
    return torch.where(x < 1, left, torch.where(x < 2, middle, right)).sum()


def beale(z: Tensor) -> Tensor:
    """Three residuals."""
    x, y = z[0], z[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def ackley(x: Tensor) -> Tensor:
    """As printed, with its cancellation."""
    a = -20 * torch.exp(-0.2 * torch.sqrt((x**2).mean()))
    return a - torch.exp(torch.cos(2 * math.pi * x).mean()) + 20 + math.e


def rosenbrock(x: Tensor) -> Tensor:
    """Scaling b = 10, a = 0.5, d = 4."""
    terms = [10 * (x[i + 1] - x[i] ** 2) ** 2 + (0.5 - x[i]) ** 2 for i in range(3)]
    return torch.stack(terms).sum()


FORMULAS: list[tuple[str, dict[str, Any], Callable[[Tensor], Tensor]]] = [
    ("parabola", {"curvature": 3.0, "center": 2.0}, lambda x: 1.5 * (x[0] - 2) ** 2),
    ("huber", {"tau": 0.7, "smoothness": 2.0}, huber),
    ("power", {"p": 5.0}, lambda x: x.abs().sum() ** 5 / 5),
    ("nesterov_convex", {"T": 4, "smoothness": 3.0}, nesterov_convex),
    (
        "nesterov_strongly_convex",
        {"dim": 6, "kappa": 4.0, "smoothness": 2.0},
        nesterov_strongly_convex,
    ),
    ("lessard_recht_packard", {}, piecewise),
    ("polyak_lojasiewicz", {}, lambda x: x[0] ** 2 + 3 * torch.sin(x[0]) ** 2),
    ("max_coordinate", {"dim": 3}, lambda x: x.max()),
    ("rosenbrock", {"dim": 4, "b": 10.0, "a": 0.5}, rosenbrock),
    ("beale", {}, beale),
    (
        "himmelblau",
        {},
        lambda z: (z[0] ** 2 + z[1] - 11) ** 2 + (z[0] + z[1] ** 2 - 7) ** 2,
    ),
    (
        "rastrigin",
        {"dim": 3},
        lambda x: 10 * 3 + (x**2 - 10 * torch.cos(2 * math.pi * x)).sum(),
    ),
    ("ackley", {"dim": 3}, ackley),
    ("styblinski_tang", {"dim": 2}, lambda x: (x**4 - 16 * x**2 + 5 * x).sum() / 2),
    ("saddle", {}, lambda z: z[0] ** 2 - z[1] ** 2),
    ("saddle_quartic", {}, lambda z: z[0] ** 2 / 2 + z[1] ** 4 / 4 - z[1] ** 2 / 2),
    ("double_well", {}, lambda x: x[0] ** 4 - x[0] ** 3 - x[0] ** 2),
    ("product", {}, lambda z: (z[0] * z[1] - 1) ** 2 / 2),
]


@pytest.mark.parametrize(("name", "params", "formula"), FORMULAS, ids=[f[0] for f in FORMULAS])
def test_value_and_gradient_are_those_of_the_printed_formula(
    name: str, params: dict[str, Any], formula: Callable[[Tensor], Tensor]
) -> None:
    """The value, with the shift put back, and the gradient agree with the formula."""
    problem = load(FAMILIES[name].target)(**params)
    generator = np.random.default_rng(11)
    x = torch.from_numpy(generator.normal(0, 1.7, (25, problem.facts.dim)))

    f, g = problem.value_and_gradient(x)

    for row, value, gradient in zip(x, f, g, strict=True):
        point = row.clone().requires_grad_(True)
        expected = formula(point)
        (slope,) = torch.autograd.grad(expected, point)
        scale = max(1.0, float(expected.detach().abs()))
        assert abs(float(value - expected.detach())) <= TOLERANCE * scale
        assert float((gradient - slope).abs().max()) <= TOLERANCE * max(1.0, float(slope.norm()))
