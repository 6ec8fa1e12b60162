"""Binary logistic regression on real and on separable data, with and without l2."""

from __future__ import annotations

import functools
from sys import float_info
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.data import tabular
from optbench.data.library import load
from optbench.data.libsvm import FEATURES
from optbench.families import starts
from optbench.families.logistic_loss import LogisticLoss
from optbench.families.newton import TOLERANCE, minimiser
from optbench.families.rows import Compressed, DenseRows, Rows, SparseRows

TOYS = {
    "one-example": ((1.0,),),
    "four-examples": ((1.0, 0.6), (0.7, -0.5), (1.5, 0.4), (1.2, -1.0)),
}
"""Rows y_i a_i of data that are small enough to write down, without an intercept."""

SEPARABLE = ("breast-cancer", "separable-synthetic", *TOYS)
"""Data that a hyperplane classifies without error: without l2, f* = 0 is not attained."""


def logistic(
    *,
    data: Annotated[
        str,
        Param(
            "the data set",
            choices=("breast-cancer", "digits", "a9a", "separable-synthetic", *TOYS),
        ),
    ] = "breast-cancer",
    storage: Annotated[
        str,
        Param("how the data are kept; auto: a9a sparse", choices=("auto", "dense", "sparse")),
    ] = "auto",
    l2: Annotated[float, Param("coefficient of the squared norm", low=0)] = 1e-3,
    seed: Annotated[int, Param("makes the separable data and the starts", low=0)] = 0,
) -> Problem:
    """Binary logistic regression.

    f(w) = (1/n) sum_i log(1 + exp(-y_i a_i'w)) + l2/2 |w|^2, labels y_i in {-1, 1}.

    Data: breast-cancer (569 x 30, malignant against benign), digits (1797 x 61 pixels that vary,
    odd against even), separable-synthetic (200 x 20 normal points, a gap between), a9a (32561 x
    123, the training part of LIBSVM's census records, does one earn over $50,000?; see `optbench
    data`). Features are standardised, but a9a's stay 0 and 1, eleven to fourteen ones a record; an
    intercept column of ones is appended, and regularised like the rest. As they stand, without
    intercept: one-example (a_1 = 1: f is log(1 + exp(-w))) and four-examples in two variables,
    (1, .6), (.7, -.5), (1.5, .4), (1.2, -1); all their labels are 1.
    Facts: L = lambda_max(A'A)/(4n) + l2, mu = l2. With l2 > 0, w* and f* by Newton's method to a
    gradient of 1e-12, residual stored. Without l2 there is no minimiser: all data but digits and
    a9a are linearly separable, so f* = 0 is approached at infinity. Of these two f* is positive,
    not attained and not known: some direction has 13 digits on the right side and all others on
    the boundary, and five features of a9a occur with one label only. The labels enter the Hessian
    nowhere, so the Fisher matrix is the Hessian.
    Sparse and dense data give the same numbers but for rounding.
    Start: the origin for seed 0, a random unit vector for other seeds.
    Source: Cox, The regression analysis of binary sequences, 1958; existence of w*: Albert and
    Anderson, On the existence of maximum likelihood estimates in logistic regression models, 1984;
    a9a: Platt, Fast training of support vector machines using sequential minimal optimization,
    1999, as Chang and Lin have it at their LIBSVM page.

    Raises:
        DataMissingError: When a9a is not on this machine.
    """
    if storage == "auto":
        storage = "sparse" if data == "a9a" else "dense"
    rows = _rows(data, seed, storage)
    n, dim = rows.shape
    loss = LogisticLoss(rows, l2)
    top = _top_eigenvalue(data, seed, storage) / n
    x_star, f_star, residuals = _solution(data, l2, seed, storage)
    shift = f_star or 0.0

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = loss.oracle(x)
        return f - shift, g

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=top / 4 + l2,
            strong_convexity=l2,
            f_star=f_star,
            x_star=x_star,
            convex=True,
            pl_constant=l2 or None,
            lipschitz=None if l2 else top**0.5,
            noise_variance=None,
            residuals={"smoothness": dim * float_info.epsilon} | residuals,
        ),
        start=starts.origin(dim, seed),
        oracle=oracle,
        shift=shift,
        value=lambda x: loss.value(x) - shift,
        hessian_vector=loss.hessian_vector,
        examples=n,
        minibatch=loss.minibatch,
        sampled_gradient=loss.sampled_gradient,
        fisher_vector=loss.hessian_vector,
        seed=seed,
        domain=(-2.0, 2.0),
    )


@functools.cache
def _rows(data: str, seed: int, storage: str) -> Rows:
    if data == "a9a":
        matrix = _census()
        return SparseRows(matrix) if storage == "sparse" else DenseRows(matrix.dense())
    rows = _labelled_rows(data, seed)
    return SparseRows(Compressed.of(rows)) if storage == "sparse" else DenseRows(rows)


def _census() -> Compressed:
    """Return the rows y_i (a_i, 1) of a9a's training part."""
    a9a = load("a9a")
    labels = a9a["train_labels"].astype(np.float64)
    starts, features = a9a["train_starts"], FEATURES
    ends = starts[1:]
    return Compressed(
        np.insert(a9a["train_values"], ends, 1.0) * np.repeat(labels, np.diff(starts) + 1),
        np.insert(a9a["train_columns"], ends, features),
        starts + np.arange(len(starts)),
        features + 1,
    )


@functools.cache
def _labelled_rows(data: str, seed: int) -> np.ndarray:
    """Return the rows y_i a_i, shape (n, d): the loss knows a label only through them."""
    if data in TOYS:
        return np.array(TOYS[data])
    if data == "breast-cancer":
        features, classes = tabular.breast_cancer()
        positive = classes == 1
    elif data == "digits":
        features, classes = tabular.digits()
        positive = classes % 2 == 1
    else:
        features, positive = _separable(seed)
    rows: np.ndarray = tabular.design_matrix(features) * np.where(positive, 1.0, -1.0)[:, None]
    return rows


def _separable(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal points, the classes pushed apart by .2 along a random direction."""
    generator = stream(seed, 0, "data")
    features = generator.standard_normal((200, 20))
    normal = generator.standard_normal(20)
    normal /= np.linalg.norm(normal)
    positive = features @ normal > 0
    return features + 0.1 * np.where(positive, 1.0, -1.0)[:, None] * normal, positive


@functools.cache
def _top_eigenvalue(data: str, seed: int, storage: str) -> float:
    """Return lambda_max(A'A): at w = 0 the Hessian is A'A/(4n) + l2 I."""
    rows = _rows(data, seed, storage)
    n, dim = rows.shape
    middle = LogisticLoss(rows, 0.0).hessian(torch.zeros(dim, dtype=torch.float64))
    return 4 * n * float(torch.linalg.eigvalsh(middle)[-1])


@functools.cache
def _solution(
    data: str, l2: float, seed: int, storage: str
) -> tuple[Tensor | None, float | None, dict[str, float]]:
    """Return w*, f* and their residuals; None where there is no minimiser, or none was found."""
    if l2 == 0:
        return None, (0.0 if data in SEPARABLE else None), {}
    loss = LogisticLoss(_rows(data, seed, storage), l2)
    origin = torch.zeros(loss.rows.shape[1], dtype=torch.float64)
    x, residual = minimiser(loss.oracle, loss.hessian, origin)
    if residual > TOLERANCE:
        return None, None, {}
    return x, float(loss.oracle(x[None])[0]), {"x_star": residual, "f_star": residual}
