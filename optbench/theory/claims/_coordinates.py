"""Problems in other coordinates: what a claim about invariance compares a problem with."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families.constant import Constant
from optbench.families.likelihoods import gaussian
from optbench.families.logistic import logistic
from optbench.families.matrix_quadratic import matrix_quadratic
from optbench.families.mlp_regression import mlp_regression
from optbench.families.quadratic import quadratic
from optbench.theory.plot import Array

HERE = __name__
"""How specs name the problems of this module: `module:function`."""

SKEW = np.array([[1.0, 20.0], [0.5, 12.0]])
"""A change of two variables with condition number 273."""

LAYER = "2.weight"
"""The layer whose inputs `mapped_inputs` changes."""

SIDES = (4, 3)
"""Shape of the matrix in `turned`."""


def in_coordinates(problem: Problem, M: Array) -> Problem:
    """Return f(M v) as a function of v, with every derivative that f has.

    Args:
        problem: f.
        M: Invertible, (d, d).
    """
    matrix = Constant(M)

    def there(v: Tensor) -> Tensor:
        return v @ matrix.like(v).mT

    def back(g: Tensor) -> Tensor:
        return g @ matrix.like(g)

    def oracle(v: Tensor) -> tuple[Tensor, Tensor]:
        f, g = problem.oracle(there(v))
        return f, back(g)

    def minibatch(v: Tensor, indices: Tensor) -> Tensor:
        assert problem.minibatch is not None
        return back(problem.minibatch(there(v), indices))

    def hessian_vector(v: Tensor, u: Tensor) -> Tensor:
        assert problem.hessian_vector is not None
        return back(problem.hessian_vector(there(v), there(u)))

    def fisher_vector(v: Tensor, u: Tensor) -> Tensor:
        assert problem.fisher_vector is not None
        return back(problem.fisher_vector(there(v), there(u)))

    return Problem(
        facts=Facts(dim=problem.facts.dim, f_star=problem.facts.f_star),
        start=lambda seed: torch.linalg.solve(torch.from_numpy(M), problem.start(seed)),
        oracle=oracle,
        shift=problem.shift,
        examples=problem.examples,
        minibatch=problem.minibatch and minibatch,
        hessian_vector=problem.hessian_vector and hessian_vector,
        fisher_vector=problem.fisher_vector and fisher_vector,
        blocks=problem.blocks,
        scale=problem.scale,
    )


def skewed_logistic() -> Problem:
    """Logistic regression on four examples, l2 = .1, by v where w = M v."""
    return in_coordinates(logistic(data="four-examples", l2=0.1), SKEW)


def skewed_gaussian() -> Problem:
    """The likelihood of a normal distribution by v where (mu, sigma) = M v."""
    return in_coordinates(gaussian(), SKEW)


def turned() -> Problem:
    """The matrix quadratic by Y where X = Qa' Y Qb, with two random rotations."""
    m, n = SIDES
    rows, columns = rotation(m, 0), rotation(n, 1)
    return in_coordinates(
        matrix_quadratic(rows=m, columns=n),
        np.asarray(np.kron(rows.T, columns.T), dtype=np.float64),
    )


def rotation(size: int, seed: int) -> Array:
    """Return a random orthogonal matrix, (size, size)."""
    q, _ = np.linalg.qr(stream(0, seed, "rotation").standard_normal((size, size)))
    return np.asarray(q)


def mapped_inputs() -> Problem:
    """The network fitted to a curve by V where W = V Omega: the second layer sees Omega a."""
    network = mlp_regression(hidden=3)
    parts = [
        np.kron(np.eye(block.shape[0]), omega().T) if block.name == LAYER else np.eye(block.size)
        for block in network.blocks
    ]
    M = np.zeros((network.facts.dim, network.facts.dim), dtype=np.float64)
    at = 0
    for part in parts:
        M[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return in_coordinates(network, M)


def omega() -> Array:
    """Return the map of a layer's three inputs, with condition number 42."""
    return np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 0.2]])


def stretched(
    *,
    spread: Annotated[float, Param("largest over smallest unit of a variable", low=1)] = 1.0,
    jacobi: Annotated[bool, Param("whether the Hessian's diagonal is made 1")] = False,
) -> Problem:
    """A rotated quadratic in 12 variables, kappa = 100, each variable in a unit of its own.

    f(D v), D diagonal from 1 to spread; with `jacobi`, f(D P u), P = diag(D H D)^(-1/2).
    """
    base = quadratic(dim=12, kappa=100.0, start="equal")
    assert base.hessian_vector is not None
    H = base.hessian_vector(torch.zeros(12, 12).double(), torch.eye(12).double()).numpy()
    D = np.geomspace(1.0, spread, 12)
    if jacobi:
        D = D * np.diag(D[:, None] * H * D) ** -0.5
    values = np.linalg.eigvalsh(D[:, None] * H * D)
    problem = in_coordinates(base, np.diag(D))
    facts = replace(
        problem.facts,
        smoothness=float(values[-1]),
        strong_convexity=float(values[0]),
        convex=True,
        quadratic=True,
        residuals={"strong_convexity": 12 * 2.0**-52 * float(values[-1] / values[0])},
    )
    return replace(problem, facts=facts)
