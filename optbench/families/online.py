"""Linear losses that change from step to step: an optimizer is shown a given list of gradients."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.parameters import Param, Vector, vector_of
from optbench.core.problem import Facts, Problem
from optbench.core.randomness import stream
from optbench.families import starts
from optbench.families.constant import Constant

RANDOM = "random"
DEGREES = 2.5
"""Degrees of freedom of Student's t: the mean and variance exist, the third moment does not."""


def online(
    *,
    gradients: Annotated[
        Vector, Param("g_0/g_1/..., shown in turn, in every coordinate", choices=(RANDOM,))
    ] = "3/-1/-1",
    period: Annotated[
        int, Param("steps before they repeat; the last one fills it up; 0: their number", low=0)
    ] = 0,
    growth: Annotated[float, Param("factor by which gradients grow a step", above=0)] = 1.0,
    radius: Annotated[float, Param("half-width of the box |x_i| <= radius; 0: none", low=0)] = 1.0,
    dim: Annotated[int, Param("number of variables d", low=1)] = 1,
    start: starts.Point = "",
    seed: Annotated[int, Param("makes random gradients", low=0)] = 0,
) -> Problem:
    """Online learning with linear losses; by default the one on which Adam goes the wrong way.

    f_t(x) = growth^t g_(t mod period)'x at steps t = 0, 1, ...; what is measured is
    f(x) = (1/period) sum_t g_t'x, the mean of the losses (of the first period, without growth).

    Reddi, Kale and Kumar's sequence is C = 3, then -1 twice, on [-1, 1]: the best point is -1.
    Their stochastic one is gradients=1010/-10, period=101. A constant gradient is gradients=1, an
    alternating one 1/-1. With `random` every coordinate of every gradient is drawn
    from Student's t with 2.5 degrees of freedom, `period` of them.
    Facts: convex. In the box f* = -radius |mean of g|_1, attained at the corner opposite to the
    mean (0 in coordinates whose mean is 0); the gradient there is not zero. Without a box f is
    unbounded below, and with growth no fact holds.
    Start: every coordinate 1, for every seed; `start` if it is given.
    Source: Reddi, Kale and Kumar, On the convergence of Adam and beyond, 2018, theorem 1; online
    linear optimization: Zinkevich, Online convex programming, 2003.
    """
    shown = _gradients(gradients, period, dim, seed)
    mean = shown.mean(0)
    corner = -radius * np.sign(mean)
    f_star = float(mean @ corner) if radius else None
    at, slope, zero = Constant(shown), Constant(mean), Constant(corner)
    begin = starts.given("online", start, dim) or starts.always([1.0] * dim)
    shift = f_star or 0.0

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        g = slope.like(x)
        # From the corner, where the gap is 0 exactly.
        return ((x - zero.like(x)) * g).sum(-1), g.expand_as(x).clone()

    def stream_of_gradients(x: Tensor, t: int) -> Tensor:
        g = at.like(x)[t % len(shown)]
        # By torch, in which a power overflows to infinity.
        g = g if growth == 1 else g * torch.tensor(growth, dtype=torch.float64).pow(t).to(x)
        return g.expand_as(x).clone()

    return Problem(
        facts=Facts(
            dim=dim,
            strong_convexity=0.0,
            f_star=f_star,
            x_star=torch.from_numpy(corner) if radius and mean.all() else None,
            convex=True,
            quadratic=True,
            noise_variance=None,
        ),
        start=begin,
        oracle=oracle,
        shift=shift,
        hessian_vector=lambda x, v: torch.zeros_like(v),
        stream=stream_of_gradients,
        project=(lambda x: x.clamp(-radius, radius)) if radius else None,
        scale=max(float(np.abs(shown).sum(-1).max()) * max(radius, 1.0), 1.0),
        seed=seed,
        domain=(-(radius or 2.0), radius or 2.0),
    )


def _gradients(text: str, period: int, dim: int, seed: int) -> np.ndarray:
    """Return the gradients of one period, shape (period, d)."""
    if text == RANDOM:
        if not period:
            raise SpecError("online: gradients=random needs a period, the number of draws")
        return stream(seed, 0, "gradients").standard_t(DEGREES, (period, dim))
    numbers = np.array(vector_of(text))
    period = period or len(numbers)
    if len(numbers) > period:
        raise SpecError(f"online: period={period} is shorter than the {len(numbers)} gradients")
    filled: np.ndarray = np.append(numbers, np.full(period - len(numbers), numbers[-1]))
    return np.tile(filled[:, None], (1, dim))
