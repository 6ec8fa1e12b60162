"""Likelihoods: their Fisher matrices are the mean squares of scores, by summing and integrating."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from optbench.core.problem import Problem
from optbench.families.likelihoods import bernoulli, gaussian


def natural_gradient(problem: Problem, x: torch.Tensor) -> torch.Tensor:
    """Return F(x)^-1 g(x) at a point (d,), for a diagonal F."""
    assert problem.fisher_vector is not None
    fisher = problem.fisher_vector(x[None], torch.ones_like(x)[None])
    return (problem.oracle(x[None])[1] / fisher)[0]


@pytest.mark.parametrize("parameter", ["mean", "logit"])
def test_the_fisher_number_of_a_coin_is_its_scores_mean_square(parameter: str) -> None:
    """Sum over both outcomes, each outcome's score being the gradient for data of it alone."""
    x, unit = torch.tensor([[0.35]], dtype=torch.float64), 2.0
    p = 0.7 if parameter == "mean" else 1 / (1 + math.exp(-0.7))
    edge = 1e-13  # data that are almost all ones, or all zeros

    ones, zeros = (
        float(bernoulli(mean=m, parameter=parameter, unit=unit).oracle(x)[1])
        for m in (1 - edge, edge)
    )

    problem = bernoulli(parameter=parameter, unit=unit)
    assert problem.fisher_vector is not None
    fisher = float(problem.fisher_vector(x, torch.ones_like(x)))
    assert p * ones**2 + (1 - p) * zeros**2 == pytest.approx(fisher, rel=1e-10)


def test_the_natural_gradient_of_a_coins_mean_is_the_error() -> None:
    """F^-1 g = p - m whatever the unit, so the error shrinks by 1 - eta a step."""
    for unit in (1.0, 7.0):
        problem = bernoulli(mean=0.3, unit=unit)
        x = torch.tensor([0.8 / unit], dtype=torch.float64)

        assert unit * float(natural_gradient(problem, x)) == pytest.approx(0.5, rel=1e-13)


def test_the_natural_gradient_of_the_logit_is_the_plain_one_of_the_mean() -> None:
    """F^-1 df/dtheta = df/dp, the duality of natural and mean parameters."""
    theta, p = 0.4, 1 / (1 + math.exp(-0.4))

    natural = natural_gradient(bernoulli(parameter="logit"), torch.tensor([theta]).double())
    plain = bernoulli().oracle(torch.tensor([[p]]).double())[1]

    assert float(natural) == pytest.approx(float(plain), rel=1e-7)  # theta was single precision


@pytest.mark.parametrize("parameter", ["sigma", "log_sigma"])
def test_the_fisher_matrix_of_a_normal_distribution_is_its_scores_covariance(
    parameter: str,
) -> None:
    """Gauss-Hermite quadrature of the scores of single observations, by finite differences."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mu, second = 0.4, 0.8 if parameter == "sigma" else math.log(0.8)

    def log_density(m: float, s: float) -> np.ndarray:
        sigma = s if parameter == "sigma" else math.exp(s)
        z: np.ndarray = (mu + 0.8 * nodes - m) / sigma
        density: np.ndarray = -np.log(sigma) - z**2 / 2
        return density

    h = 1e-5
    scores = [
        (log_density(mu + h, second) - log_density(mu - h, second)) / (2 * h),
        (log_density(mu, second + h) - log_density(mu, second - h)) / (2 * h),
    ]
    expected = [[np.sum(weights * a * b) / weights.sum() for a in scores] for b in scores]

    problem = gaussian(parameter=parameter)
    assert problem.fisher_vector is not None
    x = torch.tensor([[mu, second]], dtype=torch.float64).expand(2, -1)
    found = problem.fisher_vector(x, torch.eye(2, dtype=torch.float64))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-8, atol=1e-8)


def test_steps_in_sigma_and_its_logarithm_differ_by_the_square_of_the_rate() -> None:
    """Halving eta quarters the difference of sigma after one natural gradient step."""

    def sigma(parameter: str, eta: float) -> float:
        problem = gaussian(parameter=parameter)
        x = problem.start(0)
        after = float((x - eta * natural_gradient(problem, x))[1])
        return math.exp(after) if parameter == "log_sigma" else after

    differences = [sigma("sigma", eta) - sigma("log_sigma", eta) for eta in (1e-3, 5e-4)]

    assert math.log2(differences[0] / differences[1]) == pytest.approx(2, abs=1e-2)


def test_outside_their_domains_likelihoods_are_infinite() -> None:
    """A share beyond 0 and 1 and a negative deviation have no finite value."""
    shares = torch.tensor([[1.2], [-0.1], [0.5]], dtype=torch.float64)
    normal = torch.tensor([[0.0, -1.0], [0.0, 1.0]], dtype=torch.float64)

    assert bernoulli().oracle(shares)[0].isinf().tolist() == [True, True, False]
    assert gaussian().oracle(normal)[0].isinf().tolist() == [True, False]
