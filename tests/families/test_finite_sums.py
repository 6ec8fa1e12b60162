"""Finite sums: the terms one by one, survey sampling by enumeration, stability with noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from optbench.core.errors import SpecError
from optbench.families.finite_sums import mean_estimation, wu_ma_e

POINTS = (1.0, -2.0, 0.5, 4.0, 4.0, 7.0, -1.0)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_minibatches_have_the_moments_of_survey_sampling(size: int) -> None:
    """Over all samples: unbiased; variance S^2/B with, (S^2/B)(n - B)/(n - 1) without returns."""
    problem = mean_estimation(points="/".join(map(str, POINTS)))
    assert problem.minibatch is not None
    n, variance = len(POINTS), float(np.var(POINTS))
    everything = {
        1.0: itertools.product(range(n), repeat=size),
        (n - size) / (n - 1): itertools.combinations(range(n), size),
    }
    for factor, samples in everything.items():
        indices = torch.tensor(list(samples))
        g = problem.minibatch(torch.full((len(indices), 1), 3.0).double(), indices)

        assert float(g.mean()) == pytest.approx(3.0 - np.mean(POINTS), rel=1e-12)
        assert float(g.var(correction=0)) == pytest.approx(factor * variance / size, rel=1e-12)


def test_the_mean_is_the_minimiser_and_half_the_variance_the_minimum() -> None:
    """0, 0, 3 have mean 1 and variance 2."""
    facts = mean_estimation(points="0/0/3").facts

    assert facts.x_star is not None
    assert (float(facts.x_star), facts.f_star) == (1.0, 1.0)


def test_a_mean_of_one_number_is_refused() -> None:
    """One number is no sum."""
    with pytest.raises(SpecError, match="at least 2"):
        mean_estimation(points="1")


def test_both_minima_have_curvature_two_and_only_one_has_equal_terms() -> None:
    """F'' = 2 at 0 and at 1; the terms' curvatures are 2, 2 and .2, 3.8."""
    problem = wu_ma_e()
    assert problem.hessian_vector is not None
    assert problem.minibatch is not None
    x = torch.tensor([[0.0], [1.0]], dtype=torch.float64)

    curvature = problem.hessian_vector(x, torch.ones_like(x))
    slopes = [problem.minibatch(x + 0.01, torch.full((2, 1), i)) / 0.01 for i in (0, 1)]

    assert curvature.flatten().tolist() == pytest.approx([2.0, 2.0])
    assert torch.cat(slopes).flatten().tolist() == pytest.approx([2.0, 0.2, 2.0, 3.8])


def test_the_mean_square_factors_at_the_two_minima_are_the_documented_ones() -> None:
    """With eta = .7 one random term multiplies E e^2 by 1.7476 at 1 and by .16 at 0."""
    problem = wu_ma_e()
    assert problem.minibatch is not None
    for at, factor in ((1.0, 1.7476), (0.0, 0.16)):
        x = torch.full((2, 1), at + 1e-3, dtype=torch.float64)

        e = x - 0.7 * problem.minibatch(x, torch.tensor([[0], [1]])) - at

        assert float(e.square().mean()) / 1e-6 == pytest.approx(factor, rel=1e-9)
