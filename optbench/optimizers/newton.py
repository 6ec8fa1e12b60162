"""Methods that hold the whole matrix: Newton, natural gradient, and two solutions of quadratics."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import LearningRate, Param
from optbench.optimizers.algebra import descend

MAX_DIM = 1000
"""Variables beyond which a stack of d x d matrices, 8 MB each, does not fit in memory."""

Damping = Annotated[Any, Param("multiple of the identity in the matrix", low=0, per_run=True)]


def newton(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    damping: Damping = 0.0,
) -> tuple[Tensor, State]:
    """Newton's method without a line search (Newton 1685, Simpson 1740).

    x+ = x - eta (H(x) + lambda I)^-1 grad f(x)

    With eta = 1 and lambda = 0 it solves a quadratic in one step, converges quadratically near a
    minimiser whose Hessian is regular, and does not depend on the basis of x. It seeks stationary
    points: it is drawn to saddles as to minima, and far from either it may diverge. A singular
    matrix ends the run as nan. A step costs one gradient and d Hessian-vector products.

    Default: eta = 1, lambda = 0. Search range: 0.1 to 1.
    """
    del t
    return descend(x, lr, _solve(oracle.hessian(x), oracle.gradient(x), damping)), state


def natural_gradient(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    damping: Damping = 0.0,
) -> tuple[Tensor, State]:
    """Natural gradient with the exact Fisher matrix (Amari 1998).

    x+ = x - eta (F(x) + lambda I)^-1 grad f(x),  F = E[grad log p(y|x) grad log p(y|x)']

    The labels y are the model's, not the data's: the Fisher is not the empirical one. In
    exponential families it is the Hessian, and on logistic and softmax regression this is Newton's
    method; elsewhere it is the Gauss-Newton matrix, never indefinite. Invariant to linear changes
    of x only. A network whose data do not determine every weight has a singular matrix, which ends
    the run as nan: it needs lambda > 0, about 1e-3 to 1 (Martens 2020, section 6). A step costs one
    gradient and d Fisher-vector products.

    Default: eta = 1, lambda = 0. Search range: 0.01 to 1.
    """
    del t
    return descend(x, lr, _solve(oracle.fisher(x), oracle.gradient(x), damping)), state


def _solve(matrix: Tensor, g: Tensor, damping: float | Tensor) -> Tensor:
    """Return (matrix + damping I)^-1 g, (B, d); nan in the rows whose matrix is singular."""
    damped = matrix + torch.diag_embed(damping * torch.ones_like(g))
    solution, info = torch.linalg.solve_ex(damped, g[..., None])
    return torch.where(info[:, None] == 0, solution[..., 0], torch.nan)


def closed_form(x: Tensor, state: State, oracle: Oracle, t: int) -> tuple[Tensor, State]:
    """The minimiser of a convex quadratic nearest to x (Penrose 1956).

    x+ = x - H^+ grad f(x)

    H^+ is the pseudo-inverse: where H is singular the part of x in its null space stays, so that
    from the origin this is the least-squares solution of minimum norm. The reference line for least
    squares. The Hessian, d products, is taken once; steps after the first mend rounding.

    No learning rate.
    """
    (inverse,) = state
    if t == 0:
        inverse = torch.linalg.pinv(oracle.hessian(x), hermitian=True)
    return x - (inverse @ oracle.gradient(x)[..., None])[..., 0], (inverse,)


def coordinate_descent(x: Tensor, state: State, oracle: Oracle, t: int) -> tuple[Tensor, State]:
    """Cyclic coordinate descent with exact minimisation on a convex quadratic (Seidel 1874).

    for i = 1 ... d:  x_i <- argmin over x_i of f,  all d at once: x+ = x - tril(H)^-1 grad f(x)

    tril(H) is the lower triangle with the diagonal: the Gauss-Seidel iteration, which converges
    from anywhere when H is positive definite. It depends on the order of the coordinates and on the
    basis: one pass solves a diagonal H. A step is a whole pass; it costs d partial derivatives,
    counted as the one gradient that they amount to. The Hessian, d products, is taken once.

    No learning rate.
    """
    (lower,) = state
    if t == 0:
        lower = oracle.hessian(x).tril()
    g = oracle.gradient(x)[..., None]
    return x - torch.linalg.solve_triangular(lower, g, upper=False)[..., 0], (lower,)


def _matrix(x: Tensor, layout: Layout) -> State:
    del layout
    return (x.new_zeros(*x.shape, x.shape[-1]),)


_HESSIAN = Needs(hessian_vector=True, unconstrained=True, dim=MAX_DIM)
_FISHER = Needs(fisher=True, unconstrained=True, dim=MAX_DIM)
# Strong convexity is known, as 0 at least, of convex problems only.
_QUADRATIC = Needs(
    facts=("quadratic", "strong_convexity"), hessian_vector=True, unconstrained=True, dim=MAX_DIM
)

NEWTON = UpdateRule(step=newton, needs=_HESSIAN)
NATURAL_GRADIENT = UpdateRule(step=natural_gradient, needs=_FISHER)
CLOSED_FORM = UpdateRule(step=closed_form, start=_matrix, needs=_QUADRATIC)
COORDINATE_DESCENT = UpdateRule(step=coordinate_descent, start=_matrix, needs=_QUADRATIC)
