"""The largest coordinate attains the bound for subgradient methods, thanks to how ties break."""

from __future__ import annotations

import pytest
import torch

from optbench.families.max_coordinate import max_coordinate


@pytest.mark.parametrize("n", [4, 16, 64])
def test_subgradient_method_attains_its_bound(n: int) -> None:
    """With steps R/(G sqrt(n+1)) the best of x_0..x_n has exactly the gap R G/sqrt(n+1)."""
    problem = max_coordinate(dim=n + 1, radius=2.0)
    assert problem.project is not None
    x = problem.start(0)[None]
    best = float(problem.oracle(x)[0])
    for _ in range(n):
        x = problem.project(x - 2.0 / (n + 1) ** 0.5 * problem.oracle(x)[1])
        best = min(best, float(problem.oracle(x)[0]))

    assert best == pytest.approx(2.0 / (n + 1) ** 0.5, rel=1e-9)


def test_ties_go_to_the_first_coordinate() -> None:
    """Of equal largest coordinates the first gives the subgradient."""
    x = torch.tensor([[0.0, 0.0, 0.0], [1.0, 3.0, 3.0]], dtype=torch.float64)

    g = max_coordinate(dim=3).oracle(x)[1]

    assert g.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_projection_is_the_nearest_point_of_the_ball() -> None:
    """Points outside come to the sphere along the ray, points inside stay, and twice is once."""
    problem = max_coordinate(dim=2, radius=5.0)
    assert problem.project is not None
    x = torch.tensor([[6.0, 8.0], [1.0, -2.0], [0.0, 0.0]], dtype=torch.float64)

    y = problem.project(x)

    torch.testing.assert_close(y, torch.tensor([[3.0, 4.0], [1, -2], [0, 0]], dtype=torch.float64))
    torch.testing.assert_close(problem.project(y), y, rtol=1e-15, atol=0)


def test_no_feasible_point_is_below_the_minimum() -> None:
    """On the ball max_i x_i >= -R/sqrt(d): sampled on the sphere, where the minimum lies."""
    problem = max_coordinate(dim=3)
    assert problem.project is not None
    x = problem.project(
        10 * torch.randn(20000, 3, generator=torch.Generator().manual_seed(0)).double()
    )

    gaps = problem.oracle(x)[0]

    assert 0 <= float(gaps.min()) < 0.02
