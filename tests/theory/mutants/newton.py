"""Bugs that the claims about Newton's method catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.engines.oracle import BatchOracle
from optbench.families.power import power
from optbench.families.rosenbrock import rosenbrock
from optbench.families.scalar import log_barrier, pseudo_huber
from tests.theory.planting import Moved, Mutant, attribute, family, step


def _solved(x: Tensor, oracle: Oracle, lr: Any, matrix: Tensor) -> Tensor:
    moved: Tensor = x - lr * torch.linalg.solve(matrix, oracle.gradient(x)[..., None])[..., 0]
    return moved


def damped(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float) -> Moved:
    """A damping of 1e-3 that nobody asked for."""
    H = oracle.hessian(x)
    return _solved(x, oracle, lr, H + 1e-3 * torch.eye(x.shape[-1]).to(x)), state


def diagonal(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float
) -> Moved:
    """The Hessian's diagonal alone."""
    H = oracle.hessian(x)
    return _solved(x, oracle, lr, torch.diag_embed(H.diagonal(dim1=-2, dim2=-1))), state


def halved(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float) -> Moved:
    """Half of the step."""
    return _solved(x, oracle, 0.5 * lr, oracle.hessian(x)), state


def absolute(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float
) -> Moved:
    """The eigenvalues' moduli: another method, which runs away from saddles."""
    values, vectors = torch.linalg.eigh(oracle.hessian(x))
    return _solved(x, oracle, lr, (vectors * values.abs()[:, None]) @ vectors.mT), state


def _with_hessian(
    base: Callable[..., Problem], product: Callable[[Tensor, Tensor], Tensor]
) -> Callable[..., Problem]:
    @wraps(base)
    def wrong(**params: Any) -> Problem:
        return replace(base(**params), hessian_vector=product)

    return wrong


class Uncounted(BatchOracle):
    """An oracle that forgets to count products."""

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian, (B, d, d)."""
        H = super().hessian(x)
        self.products = 1
        return H


DAMPED = Mutant("a damping of 1e-3", step("newton", damped))
HALVED = Mutant("half of the step", step("newton", halved))
DIAGONAL = Mutant("the Hessian's diagonal alone", step("newton", diagonal))

MUTANTS = {
    "NT-01": (DAMPED, DIAGONAL),
    "NT-02a": (
        DAMPED,
        Mutant(
            "1/x for the Hessian",
            family("log_barrier", _with_hessian(log_barrier, lambda x, v: v / x)),
        ),
    ),
    "NT-02b": (HALVED,),
    "NT-03": (
        DAMPED,
        Mutant(
            "the Hessian lacks its p - 1",
            family("power", _with_hessian(power, lambda x, v: 2 * x.square() * v)),
        ),
    ),
    "NT-04a": (
        DAMPED,
        Mutant(
            "the Hessian lacks a root",
            family("pseudo_huber", _with_hessian(pseudo_huber, lambda x, v: v / (1 + x * x))),
        ),
    ),
    "NT-04b": (HALVED,),
    "NT-05": (DIAGONAL, HALVED),
    "NT-06": (DAMPED, DIAGONAL),
    "NT-07": (
        DAMPED,
        Mutant(
            "half of a Hessian",
            family(
                "rosenbrock",
                _with_hessian(rosenbrock, lambda x, v: v * torch.tensor([2.0, 200.0]).to(v)),
            ),
        ),
    ),
    "NT-08": (Mutant("moduli of the eigenvalues", step("newton", absolute)),),
    "NT-09": (
        DIAGONAL,
        Mutant(
            "products are not counted", attribute("optbench.engines.batched:BatchOracle", Uncounted)
        ),
    ),
}
