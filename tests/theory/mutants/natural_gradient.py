"""Bugs that the claims about the natural gradient catch."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.logistic import logistic
from tests.theory.planting import Moved, Mutant, family, step


def by_hessian(
    x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float
) -> Moved:
    """The Hessian in the place of the Fisher matrix."""
    solution = torch.linalg.solve(oracle.hessian(x), oracle.gradient(x)[..., None])
    return x - lr * solution[..., 0], state


def damped(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float) -> Moved:
    """A damping of 1e-3 that nobody asked for."""
    F = oracle.fisher(x) + 1e-3 * torch.eye(x.shape[-1]).to(x)
    return x - lr * torch.linalg.solve(F, oracle.gradient(x)[..., None])[..., 0], state


def plain(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, damping: float) -> Moved:
    """The Fisher matrix is forgotten."""
    return x - lr * oracle.gradient(x), state


@wraps(logistic)
def with_the_datas_labels(**params: Any) -> Problem:
    """The labels drawn from the model are the data's."""
    right = logistic(**params)
    assert right.minibatch is not None
    minibatch = right.minibatch
    return replace(right, sampled_gradient=lambda x, indices, uniforms: minibatch(x, indices))


DAMPED = Mutant("a damping of 1e-3", step("natural_gradient", damped))
HESSIAN = Mutant("the Hessian for the Fisher matrix", step("natural_gradient", by_hessian))

MUTANTS = {
    "NG-01": (HESSIAN, DAMPED),
    "NG-02": (DAMPED,),
    "NG-03": (HESSIAN, Mutant("no Fisher matrix", step("natural_gradient", plain))),
    "NG-04": (DAMPED,),
    "NG-05a": (DAMPED,),
    "NG-05b": (
        DAMPED,
        Mutant("the data's labels are drawn", family("logistic", with_the_datas_labels)),
    ),
}
