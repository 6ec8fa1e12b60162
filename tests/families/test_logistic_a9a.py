"""Logistic regression on 32,561 census records, dense and sparse, against scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_svmlight_file
from sklearn.linear_model import LogisticRegression

from optbench.core.problem import Problem
from optbench.data import library
from optbench.families.logistic import logistic

L2 = 1e-3
STORAGES = ("dense", "sparse")


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return the folder of the real LIBSVM file, or skip."""
    named = os.environ.get("OPTBENCH_TEST_DATA", "")
    if not (named and (Path(named) / "a9a").is_file()):
        pytest.skip("OPTBENCH_TEST_DATA names no folder with the LIBSVM file a9a")
    return Path(named)


@pytest.fixture(scope="module")
def problems(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Problem]]:
    """Yield the problem by its storage, from a data folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        library.add("a9a", folder)
        yield {storage: logistic(data="a9a", storage=storage, l2=L2) for storage in STORAGES}


@pytest.fixture(scope="module")
def table(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return features with an intercept, (n, 124), and labels (n,), by scikit-learn's reader."""
    X, y = load_svmlight_file(str(folder / "a9a"), n_features=123)
    return np.column_stack([X.toarray(), np.ones(len(y))]), y


def test_missing_data_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a9a is not kept the problem is refused, and the message says what to type."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))

    with pytest.raises(library.DataMissingError, match="optbench data fetch a9a"):
        logistic(data="a9a", seed=987)  # a seed of its own: what is built is kept


@pytest.mark.parametrize("storage", STORAGES)
def test_value_and_gradient_are_those_of_the_printed_formula(
    problems: dict[str, Problem], table: tuple[np.ndarray, np.ndarray], storage: str
) -> None:
    """(1/n) sum log(1 + exp(-y a'w)) + l2/2 |w|^2 over all records, in both storages."""
    A, y = table
    w = np.random.default_rng(0).normal(0, 0.3, 124)

    f, g = problems[storage].value_and_gradient(torch.from_numpy(w[None]))

    margins = y * (A @ w)
    slope = -(A.T @ (y / (1 + np.exp(margins)))) / len(y) + L2 * w
    expected = np.logaddexp(0, -margins).mean() + L2 / 2 * w @ w
    assert problems[storage].examples == len(y) == 32561
    assert float(f) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(g[0], slope, rtol=0, atol=1e-14)


def test_both_storages_are_one_function(problems: dict[str, Problem]) -> None:
    """Value, gradient, Hessian products and minibatches agree to rounding, and so do the facts."""
    dense, sparse = (problems[storage] for storage in STORAGES)
    generator = torch.Generator().manual_seed(0)
    x, v = torch.randn(2, 3, 124, generator=generator, dtype=torch.float64)
    indices = torch.randint(32561, (3, 50), generator=generator)
    uniforms = torch.rand(3, 50, generator=generator, dtype=torch.float64)

    def numbers(problem: Problem) -> list[torch.Tensor]:
        assert problem.value is not None
        assert problem.hessian_vector is not None
        assert problem.minibatch is not None
        assert problem.sampled_gradient is not None
        return [
            *problem.oracle(x),
            problem.value(x),
            problem.hessian_vector(x, v),
            problem.minibatch(x, indices),
            problem.sampled_gradient(x, indices, uniforms),
        ]

    for a, b in zip(numbers(dense), numbers(sparse), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)
    facts, other = dense.facts, sparse.facts
    assert facts.smoothness == pytest.approx(other.smoothness, rel=1e-13)
    assert facts.f_star == pytest.approx(other.f_star, rel=1e-15)
    assert facts.x_star is not None
    torch.testing.assert_close(facts.x_star, other.x_star, rtol=0, atol=1e-13)


def test_minimiser_is_scikit_learns(
    problems: dict[str, Problem], table: tuple[np.ndarray, np.ndarray]
) -> None:
    """LogisticRegression(C = 1/(n l2)) by Newton-Cholesky has the same coefficients and value."""
    A, y = table
    facts = problems["sparse"].facts

    model = LogisticRegression(
        C=1 / (len(y) * L2), fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    w = model.fit(A, y).coef_[0]

    assert facts.x_star is not None
    assert facts.residuals["x_star"] <= 1e-15
    np.testing.assert_allclose(w, facts.x_star, rtol=0, atol=1e-9)
    value = np.logaddexp(0, -y * (A @ w)).mean() + L2 / 2 * w @ w
    assert value == pytest.approx(facts.f_star, rel=1e-14)


def test_smoothness_is_a_singular_value(
    problems: dict[str, Problem], table: tuple[np.ndarray, np.ndarray]
) -> None:
    """L - l2 is the square of the data's largest singular value over 4 n."""
    top = np.linalg.svd(table[0], compute_uv=False)[0]

    assert problems["dense"].facts.smoothness == pytest.approx(top**2 / (4 * 32561) + L2, rel=1e-12)


def test_without_l2_the_minimum_is_positive_and_not_attained(
    problems: dict[str, Problem], table: tuple[np.ndarray, np.ndarray]
) -> None:
    """Records that agree in all features have both labels; some features have one label only."""
    del problems  # which adds the data
    A, y = table
    both = {tuple(row) for row in A[y > 0].astype(int)} & {
        tuple(row) for row in A[y < 0].astype(int)
    }

    one_sided = [j for j in range(123) if len(set(y[A[:, j] != 0])) == 1]

    facts = logistic(data="a9a", l2=0.0).facts
    assert both
    assert len(one_sided) == 5
    assert (facts.f_star, facts.x_star, facts.strong_convexity) == (None, None, 0.0)
