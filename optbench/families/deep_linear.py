"""Deep linear networks: the map is linear, the landscape is not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.layout import Block, Layout
from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.data import tabular
from optbench.families.constant import Constant
from optbench.families.linear_network import (
    STARTS,
    balanced_factors,
    forward,
    pull_back,
    starting_weights,
)
from optbench.families.newton import hessian_vector_of

EXAMPLES = 200
"""Examples of synthetic data."""

SIZE = 10
"""Inputs and targets of synthetic data unless told otherwise."""


def deep_linear(
    *,
    layers: Annotated[int, Param("number of matrices N", low=2, high=50)] = 3,
    hidden: Annotated[int, Param("width of the layers between", low=1, high=1000)] = 10,
    data: Annotated[str, Param("the examples", choices=("synthetic", "digits"))] = "synthetic",
    inputs: Annotated[int, Param("inputs; 0 takes 10, or the data's", low=0, high=EXAMPLES)] = 0,
    outputs: Annotated[int, Param("targets; 0 takes 10, or the data's", low=0, high=1000)] = 0,
    noise: Annotated[float, Param("standard deviation in synthetic targets", low=0)] = 0.0,
    init: Annotated[str, Param("how the matrices start", choices=STARTS)] = "random",
    scale: Annotated[float, Param("size of the start", above=0)] = 0.5,
    seed: Annotated[int, Param("makes the synthetic data and the starts", low=0)] = 0,
) -> Problem:
    """A network without activations, fitted by least squares.

    f(W_1, ..., W_N) = 1/(2n) |W_N ... W_1 X - Y|_F^2; X has an example a column, x holds W_1, W_2
    ... row by row, named 0.weight, 1.weight ... as in torch's Sequential.

    Data: synthetic, 200 examples whose inputs are white (X X'/n = I), Y = M X and noise, M with
    singular values 1, ..., 2/m, 1/m and random singular vectors, m the smaller of inputs and
    outputs; digits, 1797 images of 61 standardised pixels, correlated as they are, whose targets
    are the unit vectors of the 10 classes.
    Facts: not convex, no L. Every local minimum is global, every other critical point a saddle.
    With Z the projection of Y on the row space of X, s_1 >= s_2 ... its singular values and r the
    smallest width, f* = (|Y - Z|_F^2 + sum_(i > r) s_i^2)/(2n); the residual is the gradient at a
    minimum.
    Start: by `init`, another for each seed. random: normal entries of variance scale^2/(width
    before); orthogonal: scale times a random matrix with orthonormal rows or columns; balanced: a
    random matrix with entries of variance scale^2/inputs, cut to rank r and split evenly, so that
    W_(j+1)'W_(j+1) = W_j W_j', which gradient flow keeps.
    Source: Baldi and Hornik, Neural networks and principal component analysis, 1989, for f* and
    the landscape; Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks, 2014; Arora, Cohen, Golowich and Hu, A convergence
    analysis of gradient descent for deep linear neural networks, 2019, procedure 1 (balanced).

    Raises:
        SpecError: When the data have other inputs or targets than were asked for.
    """
    X, Y = (
        _digits(inputs, outputs)
        if data == "digits"
        else _synthetic(inputs or SIZE, outputs or SIZE, noise, seed)
    )
    n = X.shape[1]
    widths = (len(X), *[hidden] * (layers - 1), len(Y))
    sizes = [(after, before) for before, after in itertools.pairwise(widths)]
    layout = Layout(tuple(Block(f"{i}.weight", size) for i, size in enumerate(sizes)))
    R, inverse, near, far, f_star = _reduced(X, Y, min(widths))
    inner, best, missed = Constant(R), Constant(near), Constant(far)
    columns, targets = Constant(X.T.copy()), Constant(Y.T.copy())

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        weights = layout.split(x)
        tape = forward(weights, inner.like(x).expand(len(x), -1, -1))
        error, rest = tape[-1] - best.like(x), missed.like(x)
        # |H - near - far|^2/2 less its minimum |far|^2/2, without the cancellation.
        gap = (error * (0.5 * error - rest)).sum((-2, -1))
        return gap, layout.join(pull_back(weights, tape, error - rest))

    def minibatch(x: Tensor, indices: Tensor) -> Tensor:
        weights = layout.split(x)
        tape = forward(weights, columns.like(x)[indices].mT)
        error = (tape[-1] - targets.like(x)[indices].mT) / indices.shape[1]
        return layout.join(pull_back(weights, tape, error))

    minimum = _flat(balanced_factors(near @ inverse, widths))
    return Problem(
        facts=Facts(
            dim=len(minimum),
            f_star=f_star,
            convex=False,
            noise_variance=None,
            residuals={"f_star": float(oracle(minimum[None])[1].norm())},
        ),
        start=lambda run_seed: _flat(
            starting_weights(init, scale, widths, stream(seed, run_seed, "start"))
        ),
        oracle=oracle,
        shift=f_star,
        hessian_vector=hessian_vector_of(oracle),
        examples=n,
        minibatch=minibatch,
        blocks=layout.blocks,
        scale=0.5 * float(np.square(near).sum()),
        seed=seed,
        domain=(-2.0, 2.0),
    )


def _flat(weights: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate([W.ravel() for W in weights]))


def _reduced(
    X: np.ndarray, Y: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Rewrite |W X - Y|^2/(2n) as |W R - near - far|^2/2 and a constant.

    Returns:
        R, of full column rank; its left inverse; the best approximation of that rank, `near`, of
        the projected targets, and the rest of them, `far`; f* over the W of that rank.
    """
    root = X.shape[1] ** 0.5
    left, s, right = np.linalg.svd(X / root, full_matrices=False)
    kept = s > s[0] * max(X.shape) * np.finfo(float).eps
    left, s, right = left[:, kept], s[kept], right[kept]
    Z = Y @ right.T / root
    U, z, V = np.linalg.svd(Z, full_matrices=False)
    near = (U[:, :rank] * z[:rank]) @ V[:rank]
    f_star = (np.square(Y / root - Z @ right).sum() + np.square(z[rank:]).sum()) / 2
    return left * s, (left / s).T, near, Z - near, float(f_star)


def _synthetic(inputs: int, outputs: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return white inputs (inputs, n) and targets (outputs, n) that a matrix makes of them."""
    generator = stream(seed, 0, "data")
    m = min(inputs, outputs)
    white, _ = np.linalg.qr(generator.standard_normal((EXAMPLES, inputs)))
    X = white.T * EXAMPLES**0.5
    left, _ = np.linalg.qr(generator.standard_normal((outputs, m)))
    right, _ = np.linalg.qr(generator.standard_normal((inputs, m)))
    Y = (left * np.arange(m, 0, -1) / m) @ right.T @ X
    return X, Y + noise * generator.standard_normal(Y.shape)


def _digits(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (61, n) and the classes as unit vectors (10, n)."""
    features, classes = tabular.digits()
    X, Y = tabular.design_matrix(features)[:, :-1].T, np.eye(10)[classes].T
    if inputs not in (0, len(X)) or outputs not in (0, len(Y)):
        raise SpecError(f"digits have {len(X)} inputs and {len(Y)} targets")
    return X, Y
