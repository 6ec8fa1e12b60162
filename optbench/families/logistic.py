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
from optbench.families import starts
from optbench.families.constant import Constant
from optbench.families.newton import TOLERANCE, minimiser

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
        Param("the data set", choices=("breast-cancer", "digits", "separable-synthetic", *TOYS)),
    ] = "breast-cancer",
    l2: Annotated[float, Param("coefficient of the squared norm", low=0)] = 1e-3,
    seed: Annotated[int, Param("makes the separable data and the starts", low=0)] = 0,
) -> Problem:
    """Binary logistic regression.

    f(w) = (1/n) sum_i log(1 + exp(-y_i a_i'w)) + l2/2 |w|^2, labels y_i in {-1, 1}.

    Data: breast-cancer (569 x 30, malignant against benign), digits (1797 x 61 pixels that vary,
    odd against even), separable-synthetic (200 x 20 normal points, a gap between). Features are
    standardised; an intercept column of ones is appended, and regularised like the rest. As they
    stand, without intercept: one-example (a_1 = 1: f is log(1 + exp(-w))) and four-examples in two
    variables, (1, .6), (.7, -.5), (1.5, .4), (1.2, -1); all their labels are 1.
    Facts: L = lambda_max(A'A)/(4n) + l2, mu = l2. With l2 > 0, w* and f* by Newton's method to a
    gradient of 1e-12, residual stored. Without l2 there is no minimiser: all data but the digits
    are linearly separable, so f* = 0 is approached at infinity; digits are not, but some direction
    has 13 images on the right side and all others on the boundary, so f* is positive, not attained
    and not known. The labels enter the Hessian nowhere, so the Fisher matrix is the Hessian.
    Start: the origin for seed 0, a random unit vector for other seeds.
    Source: Cox, The regression analysis of binary sequences, 1958; existence of w*: Albert and
    Anderson, On the existence of maximum likelihood estimates in logistic regression models, 1984.
    """
    rows = _labelled_rows(data, seed)
    n, dim = len(rows), len(rows[0])
    top = float(np.linalg.eigvalsh(rows.T @ rows)[-1]) / n
    x_star, f_star, residuals = _solution(data, l2, seed)
    shift = f_star or 0.0
    Z = Constant(rows)

    def penalised(x: Tensor, margins: Tensor) -> Tensor:
        # logsigmoid, not softplus: torch's softplus drops exp(-m) for m > 20.
        loss = -torch.nn.functional.logsigmoid(margins).mean(-1)
        return loss + 0.5 * l2 * x.square().sum(-1) - shift

    def value(x: Tensor) -> Tensor:
        return penalised(x, x @ Z.like(x).T)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        z = Z.like(x)
        margins = x @ z.T
        return penalised(x, margins), l2 * x - (torch.sigmoid(-margins) @ z) / n

    def minibatch(x: Tensor, indices: Tensor) -> Tensor:
        z = Z.like(x)[indices]
        slopes = torch.sigmoid(-torch.einsum("bnd,bd->bn", z, x))
        return l2 * x - torch.einsum("bn,bnd->bd", slopes, z) / indices.shape[1]

    def sampled_gradient(x: Tensor, indices: Tensor, uniforms: Tensor) -> Tensor:
        z = Z.like(x)[indices]
        p = torch.sigmoid(torch.einsum("bnd,bd->bn", z, x))
        # z holds the data's label; p is the probability that the drawn one is the same.
        scores = p - (uniforms < p).to(p)
        return l2 * x + torch.einsum("bn,bnd->bd", scores, z) / indices.shape[1]

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        z = Z.like(x)
        p = torch.sigmoid(x @ z.T)
        return ((p * (1 - p) * (v @ z.T)) @ z) / n + l2 * v

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
        value=value,
        hessian_vector=hessian_vector,
        examples=n,
        minibatch=minibatch,
        sampled_gradient=sampled_gradient,
        fisher_vector=hessian_vector,
        seed=seed,
        domain=(-2.0, 2.0),
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
def _solution(
    data: str, l2: float, seed: int
) -> tuple[Tensor | None, float | None, dict[str, float]]:
    """Return w*, f* and their residuals; None where there is no minimiser, or none was found."""
    if l2 == 0:
        return None, (0.0 if data in SEPARABLE else None), {}
    rows = torch.from_numpy(_labelled_rows(data, seed))
    n, dim = rows.shape

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        m = x @ rows.T
        f = -torch.nn.functional.logsigmoid(m).mean(-1) + 0.5 * l2 * x.square().sum(-1)
        return f, l2 * x - (torch.sigmoid(-m) @ rows) / n

    def hessian(x: Tensor) -> Tensor:
        p = torch.sigmoid(rows @ x)
        return (rows.T * (p * (1 - p))) @ rows / n + l2 * torch.eye(dim, dtype=torch.float64)

    x, residual = minimiser(oracle, hessian, torch.zeros(dim, dtype=torch.float64))
    if residual > TOLERANCE:
        return None, None, {}
    return x, float(oracle(x[None])[0]), {"x_star": residual, "f_star": residual}
