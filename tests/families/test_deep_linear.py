"""Deep linear networks against Baldi and Hornik's minimum and Saxe's solution in time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.deep_linear import _digits, _synthetic, deep_linear

WIDTHS: dict[str, Any] = {"layers": 3, "hidden": 4, "inputs": 6, "outputs": 5}


def weights(problem: Problem, x: Tensor) -> list[np.ndarray]:
    """Return W_1 ... W_N of one point (d,)."""
    return [W[0].numpy() for W in problem.layout.split(x[None])]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return standardised pixels (61, n) and unit vectors (10, n), by scikit-learn's reader."""
    X, y = load_digits(return_X_y=True)
    X = X[:, X.max(0) > X.min(0)]
    return ((X - X.mean(0)) / X.std(0)).T, np.eye(10)[y].T


@pytest.mark.parametrize("data", ["synthetic", "digits"])
def test_value_is_that_of_the_printed_formula(data: str) -> None:
    """|W_N ... W_1 X - Y|^2/(2n), with every example, at a random point."""
    problem = deep_linear(layers=4, hidden=7, data=data, noise=0.2)
    X, Y = digits() if data == "digits" else _synthetic(10, 10, 0.2, 0)
    x = torch.randn(problem.facts.dim, generator=torch.Generator().manual_seed(1)).double() / 3

    f, _ = problem.value_and_gradient(x[None])

    product = np.linalg.multi_dot(weights(problem, x)[::-1])
    expected = np.square(product @ X - Y).sum() / (2 * X.shape[1])
    assert float(f) == pytest.approx(expected, rel=1e-12)
    assert problem.examples == X.shape[1]


def test_synthetic_inputs_are_white_and_targets_have_the_printed_spectrum() -> None:
    """X X'/n = I; Y X'/n has the singular values 1, 4/5, ... 1/5 where there is no noise."""
    X, Y = _synthetic(7, 5, 0.0, 3)

    values = np.linalg.svd(Y @ X.T / 200, compute_uv=False)

    np.testing.assert_allclose(X @ X.T / 200, np.eye(7), rtol=0, atol=1e-13)
    np.testing.assert_allclose(values, [1.0, 0.8, 0.6, 0.4, 0.2], rtol=1e-12)


def test_without_a_bottleneck_the_minimum_is_that_of_linear_regression() -> None:
    """On the digits f* is half the mean squared error of scikit-learn's ordinary least squares."""
    X, Y = digits()

    model = LinearRegression(fit_intercept=False).fit(X.T, Y.T)

    error = np.square(model.predict(X.T) - Y.T).sum() / (2 * X.shape[1])
    assert deep_linear(data="digits").facts.f_star == pytest.approx(error, rel=1e-12)


@settings(max_examples=25)
@given(
    hidden=st.integers(1, 7),
    layers=st.integers(2, 4),
    noise=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 50),
)
def test_minimum_under_a_bottleneck_is_reached_and_not_beaten(
    hidden: int, layers: int, noise: float, seed: int
) -> None:
    """Alternating least squares on W = A B, an independent solver, ends at f*, never below."""
    problem = deep_linear(layers=layers, hidden=hidden, inputs=6, outputs=5, noise=noise, seed=seed)
    X, Y = _synthetic(6, 5, noise, seed)
    r, generator = min(hidden, 5), np.random.default_rng(seed)

    B = generator.normal(size=(r, 6))
    for _ in range(60):
        A = Y @ np.linalg.pinv(B @ X)
        B = np.linalg.pinv(A) @ Y @ np.linalg.pinv(X)
    found = np.square(A @ B @ X - Y).sum() / 400

    assert problem.facts.f_star is not None
    assert problem.facts.residuals["f_star"] <= 1e-13
    assert found >= problem.facts.f_star - 1e-13
    # Steps shrink with the ratio of neighbouring singular values, at most (4/5 or so)^2.
    assert found == pytest.approx(problem.facts.f_star, rel=0.02, abs=1e-9)


@pytest.mark.parametrize("init", ["random", "orthogonal", "balanced"])
def test_neighbouring_layers_have_gradients_that_match(init: str) -> None:
    """W_(j+1)' dW_(j+1) = dW_j W_j' at any point (Arora et al. 2018): what keeps balance."""
    problem = deep_linear(**WIDTHS, init=init, noise=0.1)
    x = problem.start(2)

    W, G = weights(problem, x), weights(problem, problem.oracle(x[None])[1][0])

    for j in range(2):
        np.testing.assert_allclose(W[j + 1].T @ G[j + 1], G[j] @ W[j].T, rtol=0, atol=1e-13)


def test_starts_are_what_their_names_say() -> None:
    """Balanced layers share a spectrum, orthogonal ones have one value, random ones a variance."""
    balanced = deep_linear(**WIDTHS, init="balanced", scale=0.7)
    W = weights(balanced, balanced.start(1))
    for j in range(2):
        np.testing.assert_allclose(W[j + 1].T @ W[j + 1], W[j] @ W[j].T, rtol=0, atol=1e-13)
    assert np.linalg.norm(np.linalg.multi_dot(W[::-1])) > 0.1

    orthogonal = deep_linear(**WIDTHS, init="orthogonal", scale=0.7)
    for part in weights(orthogonal, orthogonal.start(1)):
        np.testing.assert_allclose(np.linalg.svd(part, compute_uv=False), 0.7, rtol=1e-13)

    wide = deep_linear(layers=2, hidden=900, inputs=40, outputs=50, scale=0.7)
    first, second = weights(wide, wide.start(1))
    # Relative error of a variance from 36,000 numbers: sqrt(2/36000) = .0075; four of these.
    assert first.var() == pytest.approx(0.49 / 40, rel=0.03)
    assert second.var() == pytest.approx(0.49 / 900, rel=0.03)


def test_a_mode_grows_as_saxe_says() -> None:
    """Two layers, aligned: a(t) = s e^(2st)/(e^(2st) - 1 + s/a_0), equation 8; one mode at a time.

    Gradient descent with a step of 1e-3 is the flow but for a relative error of that order.
    """
    problem = deep_linear(layers=2, hidden=5, inputs=5, outputs=5, seed=4)
    X, Y = _synthetic(5, 5, 0.0, 4)
    left, s, right = np.linalg.svd(Y @ X.T / 200)
    a_0, lr, steps = 1e-2, 1e-3, 4000
    parts = [a_0**0.5 * right, a_0**0.5 * left]
    x = torch.from_numpy(np.concatenate([part.ravel() for part in parts]))[None]

    for _ in range(steps):
        x = x - lr * problem.oracle(x)[1]

    first, second = weights(problem, x[0])
    growth = np.exp(2 * s * lr * steps)
    expected = s * growth / (growth - 1 + s / a_0)
    found = left.T @ second @ first @ right.T
    np.testing.assert_allclose(np.diag(found), expected, rtol=5e-3)
    np.testing.assert_allclose(found - np.diag(np.diag(found)), 0, rtol=0, atol=1e-12)
    assert expected[0] > 0.95  # the strongest mode has been learned,
    assert expected[-1] < 0.06  # the weakest not yet


def test_the_gap_keeps_its_digits_near_a_minimum() -> None:
    """At a bottleneck the oracle's gap is quadratic in the distance down to 1e-7 of it."""
    problem = deep_linear(layers=2, hidden=2, inputs=5, outputs=5, noise=0.3)
    X, Y = _synthetic(5, 5, 0.3, 0)
    left, s, right = np.linalg.svd(Y @ X.T / 200)
    root = np.sqrt(s[:2])
    minimum = [root[:, None] * right[:2], left[:, :2] * root]
    x = torch.from_numpy(np.concatenate([part.ravel() for part in minimum]))[None]
    assert problem.hessian_vector is not None
    v = torch.nn.functional.normalize(torch.ones_like(x), dim=-1)
    curvature = float((problem.hessian_vector(x, v) * v).sum())

    gap = float(problem.oracle(x + 1e-7 * v)[0])

    assert gap == pytest.approx(0.5e-14 * curvature, rel=1e-2)


def test_digits_refuse_other_sizes() -> None:
    """The digits have 61 pixels and 10 classes, which may be said but not changed."""
    assert _digits(61, 10)[0].shape == (61, 1797)
    assert math.isfinite(deep_linear(data="digits", inputs=61).scale)
    with pytest.raises(SpecError, match="digits have 61 inputs and 10 targets"):
        deep_linear(data="digits", outputs=3)
