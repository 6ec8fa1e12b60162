"""Matrix factorisation against numpy's SVD and alternating least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.matrix_factorisation import matrix_factorisation


def matrix(problem: Problem) -> np.ndarray:
    """Return M, from gradients: with V = 0 but for a column e_j, dU = -M e_j there."""
    m, r = problem.blocks[0].shape
    n = problem.blocks[1].shape[0]
    x = torch.zeros(n, (m + n) * r, dtype=torch.float64)
    x[torch.arange(n), m * r + r * torch.arange(n)] = 1.0
    g = problem.oracle(x)[1]
    return -g[:, : m * r].reshape(n, m, r)[:, :, 0].T.numpy()


@settings(max_examples=40)
@given(
    rank=st.integers(1, 4),
    width=st.integers(1, 6),
    kappa=st.sampled_from([1.0, 3.0, 100.0]),
    l2=st.sampled_from([0.0, 0.05, 0.5, 2.0]),
    seed=st.integers(0, 50),
)
def test_f_star_is_eckart_and_youngs_with_values_shrunk(
    rank: int, width: int, kappa: float, l2: float, seed: int
) -> None:
    """Half the squared singular values left over, by numpy's SVD of M; and it is attained.

    With l2 the value is taken at the factors U = L sqrt(s - l2), V = R sqrt(s - l2), whose
    gradient vanishes.
    """
    problem = matrix_factorisation(
        rows=6, columns=5, rank=rank, width=width, kappa=kappa, l2=l2, seed=seed
    )
    M = matrix(problem)

    left, s, right = np.linalg.svd(M)
    root = np.sqrt(np.maximum(s[:width] - l2, 0))
    U, V = np.zeros((6, width)), np.zeros((5, width))
    U[:, : len(root)], V[:, : len(root)] = left[:, : len(root)] * root, right[: len(root)].T * root
    x = torch.from_numpy(np.concatenate([U.ravel(), V.ravel()]))[None]
    f, g = problem.value_and_gradient(x)

    np.testing.assert_allclose(s[:rank], np.geomspace(1, 1 / kappa, rank), rtol=1e-12)
    assert np.linalg.matrix_rank(M) == rank
    expected = np.square(U @ V.T - M).sum() / 2 + l2 / 2 * (np.square(U).sum() + np.square(V).sum())
    assert float(f) == pytest.approx(expected, abs=1e-14)
    assert problem.facts.f_star == pytest.approx(expected, abs=1e-14)
    assert float(g.norm()) <= 1e-13
    if l2 == 0:
        assert problem.facts.f_star == pytest.approx(np.square(s[width:]).sum() / 2, abs=1e-14)


@pytest.mark.parametrize(("width", "l2"), [(2, 0.0), (2, 0.1), (6, 0.3)])
def test_alternating_ridge_regressions_end_at_f_star(width: int, l2: float) -> None:
    """An independent solver, each factor in turn in closed form, finds f* and nothing below."""
    problem = matrix_factorisation(rows=8, columns=7, rank=4, kappa=20.0, width=width, l2=l2)
    M, generator = matrix(problem), np.random.default_rng(0)
    V = generator.normal(size=(7, width))
    ridge = l2 * np.eye(width)

    for _ in range(2000):
        U = np.linalg.solve(V.T @ V + ridge, V.T @ M.T).T
        V = np.linalg.solve(U.T @ U + ridge, U.T @ M).T
    x = torch.from_numpy(np.concatenate([U.ravel(), V.ravel()]))[None]
    gap, _ = problem.oracle(x)

    assert -1e-15 <= float(gap) <= 1e-13


def test_value_is_that_of_the_printed_formula() -> None:
    """1/2 |U V' - M|^2 + l2/2 (|U|^2 + |V|^2) at a random point."""
    problem = matrix_factorisation(rows=4, columns=6, rank=3, width=2, l2=0.3, seed=1)
    generator = np.random.default_rng(2)
    U, V = generator.normal(size=(4, 2)), generator.normal(size=(6, 2))

    f, _ = problem.value_and_gradient(
        torch.from_numpy(np.concatenate([U.ravel(), V.ravel()]))[None]
    )

    residual = U @ V.T - matrix(problem)
    norms = np.square(U).sum() + np.square(V).sum()
    assert float(f) == pytest.approx(np.square(residual).sum() / 2 + 0.15 * norms, rel=1e-13)


def test_start_has_the_printed_size_and_seeds_make_other_matrices() -> None:
    """Entries of standard deviation `scale`; the problem's seed decides M, the run's the start."""
    problem = matrix_factorisation(rows=200, columns=100, rank=2, width=10, scale=0.03)
    other = matrix_factorisation(rows=200, columns=100, rank=2, width=10, scale=0.03, seed=1)

    # Relative error of a deviation from 3,000 numbers: 1/sqrt(6000) = .013; four of these.
    assert float(problem.start(1).std()) == pytest.approx(0.03, rel=0.05)
    assert np.abs(matrix(problem) - matrix(other)).max() > 0.01


def test_a_rank_that_does_not_fit_is_refused() -> None:
    """The message names the sizes."""
    with pytest.raises(SpecError, match="4 x 9 is too small for rank 5"):
        matrix_factorisation(rows=4, columns=9, rank=5)
