"""Matrix quadratics against their Kronecker form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.matrix_quadratic import matrix_quadratic


def hessian(problem: Problem) -> torch.Tensor:
    """Return the Hessian, shape (d, d), from products with the axes."""
    axes = torch.eye(problem.facts.dim, dtype=torch.float64)
    assert problem.hessian_vector is not None
    return problem.hessian_vector(axes, axes)


@settings(max_examples=40)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    log_kappa=st.floats(0, 12),
    seed=st.integers(0, 99),
)
def test_extreme_eigenvalues_are_exact(
    rows: int, columns: int, log_kappa: float, seed: int
) -> None:
    """The Hessian's largest eigenvalue is 1, the smallest 1/kappa, within the residual."""
    kappa = 10**log_kappa if rows * columns > 1 else 1.0
    problem = matrix_quadratic(rows=rows, columns=columns, kappa=kappa, seed=seed)

    values = torch.linalg.eigvalsh(hessian(problem))

    # eigvalsh is exact to rounding of the largest eigenvalue.
    tolerance = problem.facts.residuals["strong_convexity"] / kappa + 1e-14
    assert float(values[-1]) == pytest.approx(1.0, rel=1e-13)
    assert float(values[0]) == pytest.approx(1 / kappa, rel=0, abs=tolerance)
    assert problem.facts.kappa == pytest.approx(kappa, rel=1e-15)


def test_both_sides_share_the_condition_number() -> None:
    """The Hessian is a Kronecker product: its rearrangement (Van Loan) has rank one."""
    m, n = 4, 3
    H = hessian(matrix_quadratic(rows=m, columns=n, kappa=1e4, seed=5)).numpy()

    u, s, vt = np.linalg.svd(H.reshape(m, n, m, n).transpose(0, 2, 1, 3).reshape(m * m, n * n))

    assert s[1] <= 1e-13 * s[0]
    for factor in (u[:, 0].reshape(m, m), vt[0].reshape(n, n)):
        values = np.sort(np.abs(np.linalg.eigvalsh(factor)))
        assert values[-1] / values[0] == pytest.approx(100, rel=1e-9)
        assert np.abs(factor - np.diag(np.diag(factor))).max() > 0.1 * values[-1]


def test_gradient_lies_in_the_matrix_row_by_row() -> None:
    """X* read row by row is the point where a product from both sides vanishes."""
    problem = matrix_quadratic(rows=5, columns=3, kappa=1.0)
    assert problem.facts.x_star is not None
    E = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    # With kappa = 1 both factors are orthogonal, so f is half the squared distance.
    f, g = problem.oracle((problem.facts.x_star + E.ravel())[None])

    assert float(f) == pytest.approx(0.5 * float(E.square().sum()), rel=1e-13)
    torch.testing.assert_close(g[0].reshape(5, 3), E, rtol=0, atol=1e-13)
    assert problem.blocks[0].shape == (5, 3)


def test_start_is_one_away_from_the_minimiser_which_is_not_the_origin() -> None:
    """|X_0 - X*| = |X*| = 1 for every seed, and X_0 is no multiple of X*."""
    problem = matrix_quadratic(rows=6, columns=4)
    assert problem.facts.x_star is not None

    for seed in range(3):
        e = problem.start(seed) - problem.facts.x_star
        assert float(e.norm()) == pytest.approx(1, rel=1e-14)
        assert float((e @ problem.facts.x_star).abs()) < 0.9
    assert float(problem.facts.x_star.norm()) == pytest.approx(1, rel=1e-14)


def test_seeds_make_other_problems() -> None:
    """The seed decides matrices and minimiser."""
    first, again, other = (matrix_quadratic(rows=3, columns=2, seed=s) for s in (1, 1, 2))

    assert torch.equal(hessian(first), hessian(again))
    assert float((hessian(first) - hessian(other)).norm()) > 0.1


def test_one_variable_has_no_condition_number() -> None:
    """A 1 x 1 matrix with kappa above 1 is refused with the reason."""
    with pytest.raises(SpecError, match="one variable has kappa=1, got 10"):
        matrix_quadratic(rows=1, columns=1, kappa=10.0)
