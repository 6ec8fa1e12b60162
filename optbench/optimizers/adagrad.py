"""Methods that divide by the sum of all squared gradients: AdaGrad, by coordinate and by norm."""

from __future__ import annotations

from typing import Annotated, Any

from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.core.parameters import Epsilon, LearningRate, Param
from optbench.optimizers.algebra import descend, inner


def adagrad(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1e-2,
    eps: Epsilon = 1e-10,
) -> tuple[Tensor, State]:
    """AdaGrad, diagonal (Duchi, Hazan and Singer 2011, figure 1).

    s+ = s + g^2,  x+ = x - eta g / (sqrt(s+) + eps),  s_0 = 0

    Default: eta = 1e-2, eps = 1e-10 (torch). Search range: 1e-4 to 10.
    """
    del t
    (s,) = state
    g = oracle.gradient(x)
    s = s.addcmul(g, g)
    return descend(x, lr, g, s.sqrt().add_(eps)), (s,)


def adagrad_norm(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    lr: LearningRate = 1.0,
    b0: Annotated[Any, Param("denominator b_0 at the start", above=0, per_run=True)] = 1e-2,
) -> tuple[Tensor, State]:
    """AdaGrad-Norm, one step size for all coordinates (Ward, Wu and Bottou 2019, algorithm 1).

    b+^2 = b^2 + |g|_2^2,  x+ = x - eta g / b+

    Without noise the denominator b stops growing once eta/b is near 2/L, so that L need not be
    known; if eta is far below R, about (R/eta)^2 steps go by first.

    Default: eta = 1, b_0 = 1e-2 (ours; the paper asks for b_0 > 0 and gives none). Search range:
    1e-4 to 100.
    """
    del t
    (s,) = state
    g = oracle.gradient(x)
    s = s + inner(g, g)
    return descend(x, lr, g, (s + b0 * b0).sqrt_()), (s,)


def _one_sum(x: Tensor, layout: Layout) -> State:
    del layout
    return (x.new_zeros(len(x), 1),)


ADAGRAD = UpdateRule(step=adagrad, memory=1)
ADAGRAD_NORM = UpdateRule(step=adagrad_norm, start=_one_sum)
