"""Logistic regression against scikit-learn, scipy and a linear programme."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from optbench.families.logistic import SEPARABLE, _labelled_rows, logistic


def data(name: str) -> tuple[Any, Any]:
    """Return the standardised features and labels in {-1, 1}, by scikit-learn alone."""
    if name == "breast-cancer":
        X, y = load_breast_cancer(return_X_y=True)
        labels = np.where(y == 1, 1.0, -1.0)
    else:
        X, y = load_digits(return_X_y=True)
        X = X[:, X.max(0) > X.min(0)]
        labels = np.where(y % 2 == 1, 1.0, -1.0)
    X = StandardScaler().fit_transform(X)
    return np.column_stack([X, np.ones(len(X))]), labels


@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_value_and_gradient_are_those_of_the_printed_formula(name: str) -> None:
    """(1/n) sum log(1 + exp(-y a'w)) + l2/2 |w|^2 on scikit-learn's own data."""
    A, y = data(name)
    w = np.random.default_rng(0).normal(size=A.shape[1])

    f, g = logistic(data=name, l2=0.01).value_and_gradient(torch.from_numpy(w[None]))

    margins = y * (A @ w)
    expected = np.logaddexp(0, -margins).mean() + 0.005 * w @ w
    slope = -(A.T @ (y / (1 + np.exp(margins)))) / len(y) + 0.01 * w
    assert float(f) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(g[0], slope, atol=1e-13)


@pytest.mark.parametrize("name", ["breast-cancer", "digits", "separable-synthetic"])
def test_minimiser_is_scikit_learns(name: str) -> None:
    """LogisticRegression(C = 1/(n l2)) without its own intercept has the same coefficients."""
    problem = logistic(data=name)
    rows = _labelled_rows(name, 0)
    y = np.where(rows[:, -1] > 0, 1, -1)

    model = LogisticRegression(
        C=1 / (len(y) * 1e-3), fit_intercept=False, tol=1e-10, max_iter=10000
    )
    model.fit(rows * y[:, None], y)

    assert problem.facts.x_star is not None
    np.testing.assert_allclose(model.coef_[0], problem.facts.x_star, atol=1e-5)


@pytest.mark.parametrize("l2", [1e-5, 1e-3, 1.0])
def test_stored_minimum_is_not_beaten_by_scipy(l2: float) -> None:
    """Newton's f* has a gradient of 1e-12 and L-BFGS finds nothing lower."""
    problem = logistic(l2=l2)

    def function(w: np.ndarray) -> tuple[float, np.ndarray]:
        f, g = problem.value_and_gradient(torch.from_numpy(w[None]))
        return float(f), g[0].numpy()

    found = minimize(function, np.zeros(31), jac=True, method="L-BFGS-B", tol=1e-14).fun

    assert problem.facts.residuals["x_star"] <= 1e-12
    assert problem.facts.f_star is not None
    assert -1e-15 <= found - problem.facts.f_star < 1e-6


@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_smoothness_is_attained_at_the_origin(name: str) -> None:
    """At w = 0 the Hessian is A'A/(4n) + l2 I, whose largest eigenvalue is L."""
    A, _ = data(name)
    problem = logistic(data=name, l2=0.5)
    assert problem.hessian_vector is not None
    axes = torch.eye(A.shape[1], dtype=torch.float64)

    found = problem.hessian_vector(torch.zeros_like(axes), axes)

    np.testing.assert_allclose(found, A.T @ A / (4 * len(A)) + 0.5 * axes.numpy(), atol=1e-12)
    top = float(torch.linalg.eigvalsh(found)[-1])
    assert top == pytest.approx(problem.facts.smoothness, rel=1e-12)


@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_fisher_matrix_is_the_second_moment_of_enumerated_scores(name: str) -> None:
    """F = (1/n) sum_i sum_y P(y) s s' + l2 I over both labels; it is the Hessian (NG-05)."""
    A, _ = data(name)
    problem = logistic(data=name, l2=0.5)
    w = np.random.default_rng(1).normal(0, 0.3, A.shape[1])
    axes = torch.eye(len(w), dtype=torch.float64)
    point = torch.from_numpy(w).expand_as(axes)
    assert problem.fisher_vector is not None
    assert problem.hessian_vector is not None

    F = problem.fisher_vector(point, axes)

    expected = 0.5 * np.eye(len(w))
    for label in (-1.0, 1.0):
        probability = 1 / (1 + np.exp(-label * (A @ w)))
        scores = -label * (1 - probability)[:, None] * A
        expected += (scores.T * probability) @ scores / len(A)
    np.testing.assert_allclose(F, expected, atol=1e-12)
    torch.testing.assert_close(problem.hessian_vector(point, axes), F)


def test_drawn_labels_have_the_gradients_of_both_labels() -> None:
    """An example's own label is drawn for u < P(y); the gradient is then that of either label."""
    A, y = data("breast-cancer")
    problem = logistic(l2=0.5)
    w = np.random.default_rng(1).normal(0, 0.3, A.shape[1])
    own = 1 / (1 + np.exp(-y * (A @ w)))
    indices = torch.arange(len(A))[:, None]
    assert problem.sampled_gradient is not None

    for shift, sign in ((-1e-9, 1), (1e-9, -1)):
        g = problem.sampled_gradient(
            torch.from_numpy(w).expand(len(A), -1), indices, torch.from_numpy(own + shift)[:, None]
        )

        label = sign * y
        expected = -(label / (1 + np.exp(label * (A @ w))))[:, None] * A + 0.5 * w
        np.testing.assert_allclose(g, expected, atol=1e-12)


def separator(rows: np.ndarray) -> np.ndarray | None:
    """Return some w with all margins at least 1, or None when there is none."""
    n, d = rows.shape
    found = linprog(np.zeros(d), A_ub=-rows, b_ub=-np.ones(n), bounds=(None, None))
    return np.asarray(found.x) if found.status == 0 else None


def recedes(rows: np.ndarray) -> bool:
    """Say whether some w has no margin < 0 and one > 0: the loss never rises along it."""
    n = len(rows)
    limits = np.concatenate([np.zeros(n), np.ones(n)])
    found = linprog(-rows.sum(0), A_ub=np.vstack([-rows, rows]), b_ub=limits, bounds=(None, None))
    return float((rows @ np.asarray(found.x)).sum()) > 0.5


@pytest.mark.parametrize("name", ["breast-cancer", "digits", "separable-synthetic"])
def test_facts_without_l2_follow_from_separability(name: str) -> None:
    """A linear programme decides it: f* = 0 iff separable, and no data set has a minimiser."""
    rows = _labelled_rows(name, 0)
    strict = separator(rows) is not None

    facts = logistic(data=name, l2=0.0).facts

    assert strict == (name in SEPARABLE)
    assert recedes(rows)  # no minimiser (Albert and Anderson)
    assert facts.f_star == (0.0 if strict else None)
    assert facts.x_star is None
    assert facts.strong_convexity == 0.0


def test_zero_is_approached_but_not_attained_on_separable_data() -> None:
    """Along a separating direction the loss falls below any bound and stays positive."""
    w = separator(_labelled_rows("separable-synthetic", 0))
    assert w is not None
    x = torch.from_numpy(w)[None] * torch.tensor([[1.0], [10.0], [100.0]], dtype=torch.float64)

    f = logistic(data="separable-synthetic", l2=0.0).oracle(x)[0]

    assert f[0] > f[1] > f[2] > 0
    assert float(f[2]) < 1e-40


@pytest.mark.parametrize("margin", [25.0, 40.0, 1e3, -1e3])
def test_loss_is_accurate_at_large_margins(margin: float) -> None:
    """Far out the loss is exp(-m), or -m, to rounding: nothing overflows, nothing is cut at 20."""
    problem = logistic(data="separable-synthetic", l2=0.0)
    rows = _labelled_rows("separable-synthetic", 0)
    w = margin / (rows[0] @ rows[0]) * rows[0]

    f, g = problem.oracle(torch.from_numpy(w[None]))

    m = rows @ w
    assert float(f) == pytest.approx(np.logaddexp(0, -m).mean(), rel=1e-12, abs=0)
    assert bool(g.isfinite().all())


def test_smallest_margins_alone_decide_the_loss() -> None:
    """With every margin at 30 or above the loss is the mean of exp(-m), to twelve digits."""
    rows = _labelled_rows("separable-synthetic", 0)
    direction = separator(rows)
    assert direction is not None
    w = 30 * direction

    f = logistic(data="separable-synthetic", l2=0.0).oracle(torch.from_numpy(w[None]))[0]

    assert float(f) == pytest.approx(np.log1p(np.exp(-(rows @ w))).mean(), rel=1e-12, abs=0)


def test_labels_are_both_signs_and_seeds_make_other_data() -> None:
    """The synthetic data have both classes, and a seed of their own."""
    rows = [_labelled_rows("separable-synthetic", seed) for seed in (0, 1)]

    assert 50 < (rows[0][:, -1] > 0).sum() < 150
    assert not np.allclose(rows[0], rows[1])


def test_one_example_is_the_softplus_of_minus_w() -> None:
    """F(w) = ln(1 + exp(-w)) with L = 1/4, far out too: at w = 100 it is exp(-100)."""
    problem = logistic(data="one-example", l2=0.0)
    w = torch.tensor([[-2.0], [0.5], [100.0]], dtype=torch.float64)

    f, _ = problem.value_and_gradient(w)

    expected = [math.log1p(math.exp(-float(v))) for v in w]
    assert f.tolist() == pytest.approx(expected, rel=1e-14)
    assert problem.facts.smoothness == 0.25
    assert problem.facts.f_star == 0.0


def test_four_examples_are_separable_with_two_support_vectors() -> None:
    """The largest margin, over a fine grid of directions, is 1/1.23932 and two rows attain it."""
    problem = logistic(data="four-examples", l2=0.0)
    assert problem.minibatch is not None
    origin = torch.zeros(4, 2, dtype=torch.float64)
    rows = -2 * problem.minibatch(origin, torch.arange(4)[:, None])
    angle = torch.linspace(-1.5, 1.5, 300_001, dtype=torch.float64)
    margins = torch.stack([angle.cos(), angle.sin()], dim=-1) @ rows.T

    best, where = margins.amin(-1).max(0)

    assert rows.sum(0).tolist() == pytest.approx([4.4, -0.5])
    assert 1 / float(best) == pytest.approx(1.23932, abs=1e-5)
    assert int((margins[where] < best + 1e-4).sum()) == 2
