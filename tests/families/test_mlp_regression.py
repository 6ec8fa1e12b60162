"""The perceptron that learns a curve: torch's own layers, losses and curvature agree."""

from __future__ import annotations

import pytest
import torch

from optbench.families.mlp_regression import mlp_regression


def test_loss_and_fisher_matrix_are_those_of_torchs_network() -> None:
    """Half the mean squared error at 4 a^3 - 3 a, and J'J/n from torch's Jacobian."""
    problem = mlp_regression(hidden=4, examples=6)
    assert problem.fisher_vector is not None
    x = problem.start(3)
    first, second, third = torch.nn.Linear(1, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 1)
    layers = (first, torch.nn.Tanh(), second, torch.nn.Tanh(), third)
    network = torch.nn.Sequential(*layers).double()
    names = [name for name, _ in network.named_parameters()]
    a = torch.linspace(-1, 1, 6, dtype=torch.float64)[:, None]

    def output(flat: torch.Tensor) -> torch.Tensor:
        parts = {
            n: part[0] for n, part in zip(names, problem.layout.split(flat[None]), strict=True)
        }
        result: torch.Tensor = torch.func.functional_call(network, parts, (a,))
        return result[:, 0]

    J = torch.func.jacrev(output)(x)
    residual = output(x) - (4 * a**3 - 3 * a)[:, 0]

    f, g = problem.oracle(x[None])
    fisher = problem.fisher_vector(x.expand(len(x), -1), torch.eye(len(x), dtype=torch.float64))
    assert float(f) == pytest.approx(float(residual.square().sum()) / 12, rel=1e-13)
    torch.testing.assert_close(g[0], residual @ J / 6, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(fisher, J.T @ J / 6, rtol=1e-11, atol=1e-13)


def test_gradient_descent_learns_the_curve() -> None:
    """2000 steps at .1 take most of the error away; a network without layers between could not."""
    problem = mlp_regression()
    x = problem.start(0)[None]
    before = float(problem.oracle(x)[0])
    for _ in range(2000):
        x = x - 0.1 * problem.oracle(x)[1]

    assert float(problem.oracle(x)[0]) < before / 10
