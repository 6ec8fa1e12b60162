"""Softmax regression against torch's cross entropy on scikit-learn's digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from optbench.core.problem import Problem
from optbench.families.softmax import softmax_regression


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return the problem at its default."""
    return softmax_regression()


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Return features (1797, 62) and classes, by scikit-learn alone."""
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X[:, X.max(0) > X.min(0)])
    return torch.from_numpy(np.column_stack([X, np.ones(len(X))])), torch.from_numpy(y)


def test_value_and_gradient_are_those_of_cross_entropy(problem: Problem) -> None:
    """The value is torch's cross entropy plus l2/2 |W|^2, its gradient autograd's."""
    A, y = data()
    x = torch.from_numpy(np.random.default_rng(0).normal(size=620)).requires_grad_(True)
    expected = torch.nn.functional.cross_entropy(A @ x.reshape(10, 62).T, y) + 5e-4 * x @ x
    (slope,) = torch.autograd.grad(expected, x)

    f, g = problem.value_and_gradient(x.detach()[None])

    assert float(f) == pytest.approx(float(expected.detach()), rel=1e-13)
    torch.testing.assert_close(g[0], slope, rtol=0, atol=1e-13)


def test_start_has_the_loss_of_guessing(problem: Problem) -> None:
    """At the origin all classes are equally likely: f = ln 10."""
    f, _ = problem.value_and_gradient(problem.start(0)[None])

    assert float(f) == pytest.approx(np.log(10), rel=1e-14)


def test_stored_minimum_is_stationary_for_cross_entropy(problem: Problem) -> None:
    """W* has a gradient below 1e-12 by autograd too, so f* is right to mu^-1 1e-24."""
    A, y = data()
    assert problem.facts.x_star is not None
    x = problem.facts.x_star.clone().requires_grad_(True)
    f = torch.nn.functional.cross_entropy(A @ x.reshape(10, 62).T, y) + 5e-4 * x @ x

    (slope,) = torch.autograd.grad(f, x)

    assert float(slope.norm()) <= 1e-12
    assert float(f.detach()) == pytest.approx(problem.facts.f_star, rel=1e-13)


def test_smoothness_is_attained_where_two_classes_tie(problem: Problem) -> None:
    """With all images torn between two classes the Hessian reaches lambda_max(A'A)/(2n) + l2."""
    A, _ = data()
    top = torch.linalg.eigh(A.T @ A / len(A))
    v = torch.zeros(10, 62, dtype=torch.float64)
    v[0], v[1] = top.eigenvectors[:, -1] / 2**0.5, -top.eigenvectors[:, -1] / 2**0.5
    x = torch.zeros(10, 62, dtype=torch.float64)
    x[:2, -1] = 60.0
    assert problem.hessian_vector is not None

    curvature = float(v.ravel() @ problem.hessian_vector(x.reshape(1, -1), v.reshape(1, -1))[0])

    assert curvature == pytest.approx(float(top.eigenvalues[-1]) / 2 + 1e-3, rel=1e-11)
    assert curvature == pytest.approx(problem.facts.smoothness, rel=1e-11)


def test_digits_are_separable() -> None:
    """A weakly regularised W* classifies every image with room: without l2, f* = 0."""
    A, y = data()
    W = softmax_regression(l2=1e-7).facts.x_star
    assert W is not None
    logits = A @ W.reshape(10, 62).T

    true = logits.gather(1, y[:, None])[:, 0]
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1)

    assert float((true - others).min()) > 0.1
    assert softmax_regression(l2=0.0).facts.f_star == 0.0
    assert softmax_regression(l2=0.0).facts.x_star is None


def test_fisher_matrix_is_the_second_moment_of_enumerated_scores(problem: Problem) -> None:
    """F v = (1/n) sum_i sum_c p_ic s_ic (s_ic'v) + l2 v, s_ic = (p_i - e_c) a_i'; the Hessian."""
    A, _ = data()
    generator = np.random.default_rng(2)
    x, v = (torch.from_numpy(generator.normal(0, 0.1, (1, 620))) for _ in range(2))
    p = (A @ x.reshape(10, 62).T).softmax(-1)
    expected = 1e-3 * v.reshape(10, 62)
    for label in range(10):
        e = p - torch.eye(10, dtype=torch.float64)[label]
        slopes = (e * (A @ v.reshape(10, 62).T)).sum(-1)
        expected += (e * (p[:, label] * slopes)[:, None]).T @ A / len(A)
    assert problem.fisher_vector is not None
    assert problem.hessian_vector is not None

    F = problem.fisher_vector(x, v)

    torch.testing.assert_close(F.reshape(10, 62), expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(problem.hessian_vector(x, v), F)


def test_each_label_is_drawn_in_its_interval(problem: Problem) -> None:
    """With u in the middle of label c's probabilities the gradient is that of label c."""
    A, _ = data()
    x = torch.from_numpy(np.random.default_rng(2).normal(0, 0.1, 620))
    p = (A @ x.reshape(10, 62).T).softmax(-1)
    images = torch.tensor([0, 5, 1796])
    assert problem.sampled_gradient is not None

    for label in range(10):
        middles = (p.cumsum(-1) - p / 2)[images, label]
        g = problem.sampled_gradient(x.expand(1, -1), images[None], middles[None])

        e = p[images] - torch.eye(10, dtype=torch.float64)[label]
        expected = (e.T @ A[images] / 3).ravel() + 1e-3 * x
        torch.testing.assert_close(g[0], expected, rtol=0, atol=1e-13)
