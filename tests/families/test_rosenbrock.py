"""Rosenbrock's valley: golden curvature, and scipy's own implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import rosen, rosen_der, rosen_hess_prod

from optbench.families.rosenbrock import rosenbrock


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_value_gradient_and_products_are_scipys(dim: int) -> None:
    """scipy.optimize.rosen, rosen_der and rosen_hess_prod say the same at random points."""
    problem = rosenbrock(dim=dim)
    assert problem.hessian_vector is not None
    x, v = np.random.default_rng(0).normal(size=(2, 8, dim))

    f, g = problem.oracle(torch.from_numpy(x))
    product = problem.hessian_vector(torch.from_numpy(x), torch.from_numpy(v))

    np.testing.assert_allclose(f, [rosen(row) for row in x], rtol=1e-12)
    np.testing.assert_allclose(g, [rosen_der(row) for row in x], rtol=1e-11, atol=1e-10)
    expected = [rosen_hess_prod(row, other) for row, other in zip(x, v, strict=True)]
    np.testing.assert_allclose(product, expected, rtol=1e-11, atol=1e-10)


def test_curvature_at_the_minimiser_is_the_golden_one() -> None:
    """At (1, 1) the eigenvalues are .399360767 and 1001.600639, their ratio 2508.009601."""
    problem = rosenbrock()
    assert problem.hessian_vector is not None
    axes = torch.eye(2, dtype=torch.float64)

    low, high = torch.linalg.eigvalsh(problem.hessian_vector(torch.ones_like(axes), axes)).tolist()

    assert low == pytest.approx(0.399360767, abs=5e-10)
    assert high == pytest.approx(1001.600639, abs=5e-7)
    assert high / low == pytest.approx(2508.009601, abs=5e-7)


def test_minimiser_follows_the_parameters() -> None:
    """(a, a^2) in two variables; in more, unknown unless a = 1; the start is the standard one."""
    problem = rosenbrock(a=-3.0, b=7.0)
    assert problem.facts.x_star is not None

    assert problem.facts.x_star.tolist() == [-3.0, 9.0]
    assert rosenbrock(dim=4, a=0.5).facts.f_star is None
    assert rosenbrock(dim=4).start(0).tolist() == [-1.2, 1.0, -1.2, 1.0]
