"""Bugs that the claims about Kronecker factors, Shampoo and preconditioning catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.mlp import mlp
from optbench.families.mlp_regression import mlp_regression
from optbench.optimizers.shampoo import axes, gram, inverse_root, multiply
from optbench.theory.claims import _kronecker
from optbench.theory.plot import Array
from tests.theory.mutants.gradient_descent import HALVED
from tests.theory.mutants.newton import DAMPED, DIAGONAL
from tests.theory.mutants.worked_examples import SINGLE
from tests.theory.planting import Moved, Mutant, attribute, family, step


def _shampoo(
    order: int = 4, kept: Callable[[Tensor, Tensor], Tensor] = torch.add
) -> Callable[..., Moved]:
    """Make a Shampoo with the exponent -1/order for every axis, and of other sums."""

    def wrong(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, eps: float) -> Moved:
        sums, parts, before = [], [], iter(state)
        for block, part in zip(
            oracle.layout.blocks, oracle.layout.split(oracle.gradient(x)), strict=True
        ):
            G = direction = part.reshape(len(x), *axes(block))
            for axis in range(1, G.dim()):
                sums.append(kept(next(before), gram(G, axis)))
                direction = multiply(inverse_root(sums[-1], eps, order), direction, axis)
            parts.append(direction.reshape(len(x), -1))
        return x - lr * torch.cat(parts, -1), tuple(sums)

    return wrong


def last(before: Tensor, product: Tensor) -> Tensor:
    """The last gradient alone in the place of the sums."""
    return product


def diagonal(before: Tensor, product: Tensor) -> Tensor:
    """The diagonal of the sums alone, a factored AdaGrad."""
    return torch.diag_embed((before + product).diagonal(dim1=-2, dim2=-1))


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


NO_SUMS = Mutant("no sums", step("shampoo", _shampoo(kept=last)))

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
    "SH-01": (Mutant("exponents -1/2", step("shampoo", _shampoo(order=2))),),
    "SH-02": (Mutant("diagonals alone", step("shampoo", _shampoo(kept=diagonal))),),
    "SH-03": (NO_SUMS,),
    "SH-04": (
        Mutant("exponent -1/4 for vectors", step("shampoo", _shampoo(order=4))),
        NO_SUMS,
    ),
    "PC-01": (SINGLE, HALVED),
}
