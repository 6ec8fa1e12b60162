"""Least mean squares with fresh Gaussian features at every step, many copies at once."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families import starts


def least_mean_squares(
    *,
    dim: Annotated[int, Param("number of features p", low=1)] = 6,
    batch: Annotated[int, Param("fresh examples B behind a gradient", low=1)] = 4,
    chains: Annotated[int, Param("independent copies in one run, d = p chains", low=1)] = 1,
    seed: Annotated[int, Param("makes the features", low=0)] = 0,
) -> Problem:
    """Linear regression without label noise, on a stream of Gaussian features.

    f(x) = E (a'x)^2/2 = |x|^2/2 with a ~ N(0, I_p), summed over the chains; the gradient that is
    shown at step t is (1/B) sum_b a_b a_b'x, with B new vectors a_b for each step and chain.

    Every chain obeys E |x_(t+1)|^2 = (1 - 2 eta + eta^2 (p + 1 + B)/B) E |x_t|^2 under gradient
    descent, so that the mean square grows for eta > 2B/(B + p + 1), where 2/L is 2. With many
    chains f of a single run is that expectation's estimate. Features depend on the step and on the
    problem's seed, not on the run's: runs with other learning rates are paired.
    Facts: L = mu = 1, x* = 0, f* = 0.
    Start: (1, ..., 1)/sqrt(p) in every chain, for every seed.
    Source: Widrow and Hoff, Adaptive switching circuits, 1960; fourth moments by Isserlis's
    theorem: Feuer and Weinstein, Convergence analysis of LMS filters with uncorrelated Gaussian
    data, 1985.
    """

    def features(t: int) -> Tensor:
        draws = stream(seed, 0, "features", t).standard_normal((chains, batch, dim))
        return torch.from_numpy(draws)

    def shown(x: Tensor, t: int) -> Tensor:
        a = features(t).to(x)
        errors = torch.einsum("cbp,rcp->rcb", a, x.view(-1, chains, dim))
        return torch.einsum("cbp,rcb->rcp", a, errors).reshape(x.shape) / batch

    size = dim * chains
    return Problem(
        facts=Facts(
            dim=size,
            smoothness=1.0,
            strong_convexity=1.0,
            f_star=0.0,
            x_star=torch.zeros(size, dtype=torch.float64),
            convex=True,
            pl_constant=1.0,
            quadratic=True,
            noise_variance=None,
        ),
        start=starts.always([dim**-0.5] * size),
        oracle=lambda x: (0.5 * x.square().sum(-1), x.clone()),
        hessian_vector=lambda x, v: v.clone(),
        stream=shown,
        scale=0.5 * chains,
        seed=seed,
        domain=(-2.0, 2.0),
    )
