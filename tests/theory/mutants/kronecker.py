"""Bugs that the claims about Kronecker factors, Shampoo and preconditioning catch."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import LearningRate, WholeEpsilon
from optbench.core.problem import Problem
from optbench.families.mlp import mlp
from optbench.families.mlp_regression import mlp_regression
from optbench.optimizers.shampoo import axes, gram, inverse_root, multiply
from optbench.theory.claims import _kronecker
from optbench.theory.plot import Array
from tests.theory.mutants.newton import DAMPED, DIAGONAL
from tests.theory.planting import Mutant, attribute, family, step


def _shampoo(
    x: Tensor, state: State, oracle: Oracle, lr: Any, eps: Any, order: int, forgets: bool = False
) -> tuple[Tensor, State]:
    """Shampoo with another exponent, -1/order for every axis."""
    sums, parts, before = [], [], iter(state)
    for block, part in zip(
        oracle.layout.blocks, oracle.layout.split(oracle.gradient(x)), strict=True
    ):
        G = direction = part.reshape(len(x), *axes(block))
        for axis in range(1, G.dim()):
            old = next(before)
            sums.append(gram(G, axis) if forgets else old + gram(G, axis))
            direction = multiply(inverse_root(sums[-1], eps, order), direction, axis)
        parts.append(direction.reshape(len(x), -1))
    return x - lr * torch.cat(parts, -1), tuple(sums)


def halves(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.1,
    eps: WholeEpsilon = 1e-6,
) -> tuple[Tensor, State]:
    """The exponent -1/2 on either side."""
    return _shampoo(x, state, oracle, lr, eps, 2)


def quarters(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.1,
    eps: WholeEpsilon = 1e-6,
) -> tuple[Tensor, State]:
    """The exponent -1/4 for vectors too."""
    return _shampoo(x, state, oracle, lr, eps, 4)


def forgetful(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.1,
    eps: WholeEpsilon = 1e-6,
) -> tuple[Tensor, State]:
    """The last gradient alone in the place of the sums."""
    return _shampoo(x, state, oracle, lr, eps, 4, forgets=True)


def by_coordinates(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 0.1,
    eps: WholeEpsilon = 1e-6,
) -> tuple[Tensor, State]:
    """The diagonal of the sums alone, a factored AdaGrad."""
    sums, parts, before = [], [], iter(state)
    for block, part in zip(
        oracle.layout.blocks, oracle.layout.split(oracle.gradient(x)), strict=True
    ):
        G = direction = part.reshape(len(x), *axes(block))
        for axis in range(1, G.dim()):
            total = next(before) + gram(G, axis)
            sums.append(torch.diag_embed(total.diagonal(dim1=-2, dim2=-1)))
            direction = multiply(inverse_root(sums[-1], eps, 4), direction, axis)
        parts.append(direction.reshape(len(x), -1))
    return x - lr * torch.cat(parts, -1), tuple(sums)


@wraps(mlp)
def hessian_for_fisher(**params: Any) -> Problem:
    """The Hessian in the place of the Fisher matrix."""
    right = mlp(**params)
    return replace(right, fisher_vector=right.hessian_vector)


@wraps(mlp_regression)
def halved_fisher(**params: Any) -> Problem:
    """The Fisher matrix is half as large."""
    right = mlp_regression(**params)
    assert right.fisher_vector is not None
    product = right.fisher_vector
    return replace(right, fisher_vector=lambda x, v: product(x, v) / 2)


@wraps(mlp)
def doubled_gradients(**params: Any) -> Problem:
    """The gradients of minibatches are twice too large."""
    right = mlp(**params)
    assert right.minibatch is not None
    minibatch = right.minibatch
    return replace(right, minibatch=lambda x, i: minibatch(x, i) * 2)


def not_inverted(V: Array, A: Array, G: Array, damping: float = 0.0) -> Array:
    """The factors are multiplied instead of inverted."""
    return np.asarray(G @ V @ A)


def always_damped(V: Array, A: Array, G: Array, damping: float = 0.0) -> Array:
    """A damping of 1e-6 that nobody asked for."""
    return _kronecker.direction(V, A, G, damping + 1e-6)


def single(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """The gradient in single precision."""
    return x - lr * oracle.gradient(x).float().double(), state


def half(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: LearningRate = "1/L"
) -> tuple[Tensor, State]:
    """Half of the step."""
    return x - 0.5 * lr * oracle.gradient(x), state


def another_package(patch: pytest.MonkeyPatch) -> None:
    """Leave out the setting that makes K-FAC of what the package has."""
    from optbench.optimizers.foreign.packages import find_class
    from optbench.optimizers.from_torch import adapt

    own = adapt(
        find_class("singd.SINGD"),
        "kfac",
        documentation="",
        defaults={"kfac_like": False, "alpha1": 0.0, "T": 1, "lr_cov": 0.05},
    )
    attribute("optbench.optimizers.kfac:KFAC", own)(patch)


MUTANTS = {
    "KF-01": (
        DAMPED,
        DIAGONAL,
        Mutant("no inverse", attribute("optbench.theory.claims.kronecker:direction", not_inverted)),
    ),
    "KF-01b": (
        Mutant("gradients of examples are doubled", family("mlp", doubled_gradients)),
        Mutant("not K-FAC", another_package),
    ),
    "KF-02a": (Mutant("the Hessian for the Fisher matrix", family("mlp", hessian_for_fisher)),),
    "KF-02b": (Mutant("half of the Fisher matrix", family("mlp_regression", halved_fisher)),),
    "KF-03": (
        Mutant("damped", attribute("optbench.theory.claims.kronecker:direction", always_damped)),
    ),
    "SH-01": (Mutant("exponents -1/2", step("shampoo", halves)),),
    "SH-02": (Mutant("diagonals alone", step("shampoo", by_coordinates)),),
    "SH-03": (Mutant("no sums", step("shampoo", forgetful)),),
    "SH-04": (
        Mutant("exponent -1/4 for vectors", step("shampoo", quarters)),
        Mutant("no sums", step("shampoo", forgetful)),
    ),
    "PC-01": (
        Mutant("the gradient in single precision", step("gd", single)),
        Mutant("half of the step", step("gd", half)),
    ),
}
