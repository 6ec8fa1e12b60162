"""Log-sum-exp against numpy's plain form, near the minimiser and far from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax

from optbench.core.errors import SpecError
from optbench.families.log_sum_exp import _coefficients, log_sum_exp


@pytest.mark.parametrize("temperature", [0.2, 1.0, 8.0])
@pytest.mark.parametrize("distance", [0.1, 10.0, 1e4])
def test_value_and_gradient_are_those_of_the_plain_form(
    temperature: float, distance: float
) -> None:
    """Value f = temperature log sum exp((Ax - b)/temperature) by scipy, far away too."""
    problem = log_sum_exp(rows=30, columns=4, temperature=temperature, seed=2)
    A, b = _coefficients(30, 4, 2)
    x = distance * np.random.default_rng(0).normal(size=(6, 4))

    f, g = problem.value_and_gradient(torch.from_numpy(x))

    z = (x @ A.T - b) / temperature
    np.testing.assert_allclose(f, temperature * logsumexp(z, axis=1), rtol=1e-12)
    np.testing.assert_allclose(g, softmax(z, axis=1) @ A, atol=1e-9)


def test_gap_keeps_its_digits_near_the_minimiser() -> None:
    """At distance 1e-7 the gap is half e'He to six digits, where f - f* would have none."""
    problem = log_sum_exp()
    assert problem.facts.x_star is not None
    assert problem.hessian_vector is not None
    e = 1e-7 * torch.nn.functional.normalize(torch.ones(1, 20, dtype=torch.float64))
    x = problem.facts.x_star[None]

    gap, g = problem.oracle(x + e)

    He = problem.hessian_vector(x, e)
    assert float(gap) == pytest.approx(float((e * He).sum()) / 2, rel=1e-5, abs=0)
    np.testing.assert_allclose(g, He, rtol=1e-4, atol=1e-12)


def test_smoothness_is_attained_by_two_opposite_rows() -> None:
    """With rows a and -a the Hessian at equal weights is a^2/temperature = L."""
    problem = log_sum_exp(rows=2, columns=1, temperature=0.7)
    assert problem.hessian_vector is not None
    assert problem.facts.x_star is not None
    x = problem.facts.x_star[None]

    curvature = float(problem.hessian_vector(x, torch.ones_like(x)))

    assert curvature == pytest.approx(problem.facts.smoothness, rel=1e-12)


def test_fewer_rows_than_columns_are_refused() -> None:
    """Then the function is not bounded in all directions and x* is not unique."""
    with pytest.raises(SpecError, match="more rows than columns"):
        log_sum_exp(rows=5, columns=5)
