"""Least squares: the stored solution is numpy's, and gradient descent finds the least norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.least_squares import least_squares

SETTINGS: list[dict[str, Any]] = [
    {"rows": 40, "columns": 6, "noise": 0.5, "seed": 1},
    {"rows": 6, "columns": 6, "seed": 2},
    {"rows": 5, "columns": 12, "kappa": 20.0, "seed": 3},
]


def system(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return A and b, read off single-example gradients a_i (a_i'x - b_i), up to a sign a row."""
    n, d = problem.examples, problem.facts.dim
    assert problem.minibatch is not None
    every = torch.arange(n)[:, None]

    def gradients(x: torch.Tensor) -> np.ndarray:
        assert problem.minibatch is not None
        return problem.minibatch(x.expand(n, d), every).numpy()

    zero = gradients(torch.zeros(1, d, dtype=torch.float64))
    products = np.stack(
        [gradients(e[None]) - zero for e in torch.eye(d, dtype=torch.float64)], axis=2
    )
    largest = np.einsum("ijj->ij", products).argmax(1)
    row = np.arange(n)
    A = products[row, :, largest] / np.sqrt(products[row, largest, largest])[:, None]
    return A, -zero[row, largest] / A[row, largest]


@pytest.mark.parametrize("params", SETTINGS)
def test_solution_is_the_pseudoinverses(params: dict[str, Any]) -> None:
    """x* and f* are those of numpy.linalg.lstsq, the least norm one where there are many."""
    problem = least_squares(**params)
    A, b = system(problem)

    solution = np.linalg.lstsq(A, b, rcond=1e-10)[0]

    assert problem.facts.x_star is not None
    np.testing.assert_allclose(problem.facts.x_star, solution, atol=1e-11)
    assert problem.facts.f_star == pytest.approx(
        np.square(A @ solution - b).sum() / (2 * len(b)), rel=1e-10, abs=1e-20
    )


@pytest.mark.parametrize("params", SETTINGS)
def test_value_is_half_the_mean_squared_residual(params: dict[str, Any]) -> None:
    """f(x) = |A x - b|^2/(2n), from the system itself and not from x*."""
    problem = least_squares(**params)
    A, b = system(problem)
    x = np.random.default_rng(0).normal(size=(4, problem.facts.dim))

    f, g = problem.value_and_gradient(torch.from_numpy(x))

    residual = x @ A.T - b
    np.testing.assert_allclose(f, np.square(residual).sum(1) / (2 * len(b)), rtol=1e-11)
    np.testing.assert_allclose(g, residual @ A / len(b), atol=1e-11)


@pytest.mark.parametrize("params", SETTINGS)
def test_eigenvalues_attain_both_facts(params: dict[str, Any]) -> None:
    """The non-zero eigenvalues of A'A/n run from the PL constant to L = 1; mu is the smallest."""
    problem = least_squares(**params)
    assert problem.hessian_vector is not None
    axes = torch.eye(problem.facts.dim, dtype=torch.float64)

    values = torch.linalg.eigvalsh(problem.hessian_vector(axes, axes))

    rank = min(params["rows"], params["columns"])
    assert float(values[-1]) == pytest.approx(1.0, rel=1e-12)
    assert float(values[-rank]) == pytest.approx(problem.facts.pl_constant, rel=1e-9)
    assert float(values[0]) == pytest.approx(problem.facts.strong_convexity, abs=1e-11)


def test_gradient_descent_from_the_origin_finds_the_least_norm_solution() -> None:
    """With more unknowns than equations the iterates stay in the row space."""
    problem = least_squares(rows=5, columns=12, kappa=20.0)
    x = problem.start(0)[None]
    assert float(x.abs().max()) == 0.0

    for _ in range(2000):
        x = x - problem.oracle(x)[1]

    assert problem.facts.x_star is not None
    np.testing.assert_allclose(x[0], problem.facts.x_star, rtol=1e-8, atol=1e-12)


def test_distance_is_to_the_set_of_solutions() -> None:
    """Moving in the null space changes neither the value nor the distance to the solutions."""
    problem = least_squares(rows=5, columns=12, kappa=20.0)
    assert problem.nearest is not None
    x, y = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 1, 12)))
    moved = problem.nearest(y) - problem.nearest(x)

    before, after = problem.distance(x), problem.distance(x + moved)

    assert before is not None
    assert after is not None
    assert float(moved.norm()) > 0.1
    assert float(after) == pytest.approx(float(before), rel=1e-12)
    assert float(problem.oracle(x + moved)[0]) == pytest.approx(
        float(problem.oracle(x)[0]), rel=1e-11
    )


def test_rank_one_cannot_be_ill_conditioned() -> None:
    """A single equation has one non-zero eigenvalue."""
    with pytest.raises(SpecError, match="rank 1"):
        least_squares(rows=1, columns=4)
