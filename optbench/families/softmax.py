"""Softmax regression: ten classes, one weight vector each."""

from __future__ import annotations

import functools
from sys import float_info
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.layout import Block
from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.data import tabular
from optbench.families import starts
from optbench.families.constant import Constant
from optbench.families.labels import draw_labels
from optbench.families.newton import TOLERANCE, minimiser

CLASSES = 10


def softmax_regression(
    *, l2: Annotated[float, Param("coefficient of the squared norm", low=0)] = 1e-3
) -> Problem:
    """Softmax regression on the digits.

    f(W) = (1/n) sum_i (log sum_c exp(w_c'a_i) - w_(y_i)'a_i) + l2/2 |W|^2; x is W row by row.

    Data: 1797 images of the digits 0 to 9, 61 pixels that vary, standardised, and an intercept.
    Facts: L = lambda_max(A'A)/(2n) + l2, mu = l2. With l2 > 0, W* and f* by Newton's method to a
    gradient of 1e-12, residual stored. Without l2 the data are separable (some W classifies every
    image), so f* = 0 is approached at infinity and there is no minimiser. The labels enter the
    Hessian nowhere, so the Fisher matrix is the Hessian.
    Start: the origin for seed 0, a random unit vector for other seeds.
    Source: Bohning, Multinomial logistic regression algorithm, 1992, for L.
    """
    rows, onehot = _data()
    n, features = len(rows), len(rows[0])
    dim = CLASSES * features
    top = float(np.linalg.eigvalsh(rows.T @ rows)[-1]) / n
    x_star, f_star, residuals = _solution(l2)
    shift = f_star or 0.0
    # The loss is linear in the true classes' logits; their mean over the data is `pull`'x.
    A, Y, pull = Constant(rows), Constant(onehot), Constant((onehot.T @ rows).ravel() / n)

    def logits(x: Tensor) -> Tensor:
        return (x.reshape(-1, features) @ A.like(x).T).reshape(len(x), CLASSES, n)

    def loss(x: Tensor, z: Tensor) -> Tensor:
        fit = z.logsumexp(1).mean(-1) - x @ pull.like(x)
        return fit + 0.5 * l2 * x.square().sum(-1) - shift

    def collect(weights: Tensor, x: Tensor) -> Tensor:
        return (weights.reshape(-1, n) @ A.like(x)).reshape(len(x), dim) / n

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        z = logits(x)
        return loss(x, z), collect(z.softmax(1), x) - pull.like(x) + l2 * x

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        p, u = logits(x).softmax(1), logits(v)
        return collect(p * (u - (p * u).sum(1, keepdim=True)), v) + l2 * v

    def mean_score(x: Tensor, indices: Tensor, uniforms: Tensor | None = None) -> Tensor:
        a = A.like(x)[indices]
        p = torch.einsum("bnp,bcp->bnc", a, x.reshape(-1, CLASSES, features)).softmax(-1)
        y = Y.like(x)[indices] if uniforms is None else draw_labels(p, uniforms)
        g = torch.einsum("bnc,bnp->bcp", p - y, a) / indices.shape[1]
        return g.reshape(len(x), dim) + l2 * x

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=top / 2 + l2,
            strong_convexity=l2,
            f_star=f_star,
            x_star=x_star,
            convex=True,
            pl_constant=l2 or None,
            noise_variance=None,
            residuals={"smoothness": features * float_info.epsilon} | residuals,
        ),
        start=starts.origin(dim, 0),
        oracle=oracle,
        shift=shift,
        value=lambda x: loss(x, logits(x)),
        hessian_vector=hessian_vector,
        examples=n,
        minibatch=mean_score,
        sampled_gradient=mean_score,
        fisher_vector=hessian_vector,
        blocks=(Block("weight", (CLASSES, features)),),
        scale=float(np.log(CLASSES)),
    )


@functools.cache
def _data() -> tuple[np.ndarray, np.ndarray]:
    """Return the design matrix (n, p) and the one-hot classes (n, 10)."""
    features, classes = tabular.digits()
    return tabular.design_matrix(features), np.eye(CLASSES)[classes]


@functools.cache
def _solution(l2: float) -> tuple[Tensor | None, float | None, dict[str, float]]:
    """Return W*, f* and their residuals; None where there is no minimiser, or none was found."""
    if l2 == 0:
        return None, 0.0, {}
    A, Y = (torch.from_numpy(array) for array in _data())
    n, features = A.shape
    dim = CLASSES * features

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        z = A @ x.reshape(CLASSES, features).T
        f = (z.logsumexp(-1) - (z * Y).sum(-1)).mean() + 0.5 * l2 * x.square().sum()
        g = (z.softmax(-1) - Y).T @ A / n
        return f[None], (g.reshape(1, dim) + l2 * x)

    def hessian(x: Tensor) -> Tensor:
        p = (A @ x.reshape(CLASSES, features).T).softmax(-1)
        blocks = torch.empty(CLASSES, features, CLASSES, features, dtype=torch.float64)
        for c in range(CLASSES):
            for k in range(c + 1):
                weights = p[:, c] * (float(c == k) - p[:, k])
                blocks[c, :, k] = blocks[k, :, c] = (A.T * weights) @ A / n
        return blocks.reshape(dim, dim) + l2 * torch.eye(dim, dtype=torch.float64)

    x, residual = minimiser(oracle, hessian, torch.zeros(dim, dtype=torch.float64))
    if residual > TOLERANCE:
        return None, None, {}
    return x, float(oracle(x[None])[0]), {"x_star": residual, "f_star": residual}
