"""Streaming least mean squares: the features' moments, by chain and by step."""

from __future__ import annotations

import pytest
import torch

from optbench.families.least_mean_squares import least_mean_squares


def test_one_step_has_the_second_moment_of_gaussian_features() -> None:
    """The factor of E |x|^2 is 1 - 2 eta + eta^2 (p + 1 + B)/B, within 4.5 standard errors."""
    problem = least_mean_squares(dim=6, batch=4, chains=20_000)
    assert problem.stream is not None
    x = problem.start(0)[None]
    for t, eta in ((0, 0.5), (1, 0.9)):
        squares = (x - eta * problem.stream(x, t)).view(-1, 6).square().sum(-1)

        expected = 1 - 2 * eta + eta**2 * (6 + 1 + 4) / 4
        assert float(x.square().sum()) == pytest.approx(20_000)
        error = float(squares.std()) / 20_000**0.5
        assert abs(float(squares.mean()) - expected) < 4.5 * error


def test_shown_gradients_average_to_the_true_one() -> None:
    """The mean over chains that stand at one point is x, the gradient of |x|^2/2."""
    problem = least_mean_squares(dim=3, batch=1, chains=20_000)
    assert problem.stream is not None
    point = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    g = problem.stream(point.repeat(20_000)[None], 0).view(-1, 3)

    error = g.std(0) / 20_000**0.5

    assert bool(((g.mean(0) - point).abs() < 4.5 * error).all())


def test_features_change_with_the_step_the_chain_and_the_seed_only() -> None:
    """Runs side by side see the same features; other steps, chains and seeds see others."""
    problem, other = (
        least_mean_squares(dim=2, chains=2),
        least_mean_squares(dim=2, chains=2, seed=1),
    )
    assert problem.stream is not None
    assert other.stream is not None
    x = torch.ones(2, 4, dtype=torch.float64)

    g = problem.stream(x, 0)

    assert torch.equal(g[0], g[1])
    assert torch.equal(g, problem.stream(x, 0))
    assert not torch.equal(g[0, :2], g[0, 2:])
    assert not torch.equal(g, problem.stream(x, 1))
    assert not torch.equal(g, other.stream(x, 0))
