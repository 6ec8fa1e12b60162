"""Beale's and Himmelblau's functions: their minima are where the literature has them."""

from __future__ import annotations

import numpy as np
import torch

from optbench.families.classics import beale, himmelblau


def test_himmelblau_has_four_minima_at_the_published_places() -> None:
    """Descending from each corner ends at the published minimum, and `nearest` names it."""
    published = np.array(
        [[3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]]
    )
    problem = himmelblau()
    assert problem.nearest is not None
    x = torch.tensor([[4.0, 4.0], [-4, 4], [-4, -4], [4, -4]], dtype=torch.float64)
    for _ in range(3000):
        x = x - 5e-3 * problem.oracle(x)[1]

    np.testing.assert_allclose(problem.nearest(x), published, atol=5e-7)
    np.testing.assert_allclose(x, problem.nearest(x), atol=1e-12)


def test_himmelblau_distance_is_to_the_nearest_minimum() -> None:
    """The distance is the least of the four, at random points."""
    problem = himmelblau()
    assert problem.nearest is not None
    minima = problem.nearest(torch.tensor([[3.0, 2], [-3, 3], [-4, -3], [4, -2]]).double())
    x = torch.from_numpy(np.random.default_rng(0).uniform(-5, 5, (50, 2)))

    distance = problem.distance(x)

    assert distance is not None
    torch.testing.assert_close(distance, torch.cdist(x, minima).amin(1), rtol=1e-12, atol=0)


def test_beale_is_minimal_at_its_published_place_only() -> None:
    """f(3, 1/2) = 0 exactly, and a fine grid has no other point near 0."""
    problem = beale()
    grid = torch.cartesian_prod(*[torch.linspace(-4.5, 4.5, 301, dtype=torch.float64)] * 2)

    f = problem.oracle(grid)[0]

    assert float(problem.oracle(torch.tensor([[3.0, 0.5]], dtype=torch.float64))[0]) == 0.0
    close = grid[f < 0.005]
    assert float((close - torch.tensor([3.0, 0.5])).norm(dim=-1).max()) < 0.6
