"""Functions of one variable on which Newton's method has a closed form, and the absolute value."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts

Begin = Annotated[float, Param("starting point of every seed")]


def log_barrier(*, start: Begin = 0.5) -> Problem:
    """A line and a logarithmic barrier: Newton's error is squared exactly at each step.

    f(x) = x - ln x for x > 0, infinite elsewhere.

    Newton's method obeys 1 - x_(k+1) = (1 - x_k)^2 and converges if and only if 0 < x_0 < 2.
    Facts: x* = 1, f* = 1, convex; the curvature 1/x^2 has neither a bound nor a positive minimum,
    so no L, and mu = 0.
    Start: `start`, for every seed.
    Source: Boyd and Vandenberghe, Convex Optimization, 2004, section 9.6 (self-concordance); the
    recurrence is algebra.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - 1
        return torch.where(x > 0, e - e.log1p(), torch.inf).sum(-1), e / x

    return Problem(
        facts=Facts(
            dim=1,
            strong_convexity=0.0,
            f_star=1.0,
            x_star=torch.ones(1, dtype=torch.float64),
            convex=True,
        ),
        start=starts.always([start]),
        oracle=oracle,
        shift=1.0,
        hessian_vector=lambda x, v: v / (x * x),
        domain=(0.05, 3.0),
    )


def pseudo_huber(*, start: Begin = 0.9) -> Problem:
    """A smooth absolute value, on which Newton's method needs a line search.

    f(x) = sqrt(1 + x^2).

    Newton's method obeys x_(k+1) = -x_k^3: it converges, with order 3, if and only if |x_0| < 1,
    and goes round 1, -1 for ever from 1.
    Facts: x* = 0, f* = 1, convex, L = 1, mu = 0, |f'| < 1.
    Start: `start`, for every seed.
    Source: Charbonnier, Blanc-Feraud, Aubert and Barlaud, Two deterministic half-quadratic
    regularization algorithms for computed imaging, 1994; cf. Boyd and Vandenberghe, Convex
    Optimization, 2004, exercise 9.10.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        root = (1 + x * x).sqrt()
        return (x * x / (1 + root)).sum(-1), x / root

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=1.0,
            strong_convexity=0.0,
            f_star=1.0,
            x_star=torch.zeros(1, dtype=torch.float64),
            convex=True,
            lipschitz=1.0,
        ),
        start=starts.always([start]),
        oracle=oracle,
        shift=1.0,
        hessian_vector=lambda x, v: v / ((1 + x * x) * (1 + x * x).sqrt()),
        domain=(-2.0, 2.0),
    )


def cubic(*, start: Begin = 0.5) -> Problem:
    """A parabola with a cubic term, on which the secant method is a rational map.

    f(x) = x^2/2 + x^3/3, f'(x) = x (1 + x).

    The secant method, which quasi-Newton methods with unit steps are in one variable, obeys
    x_(k+1) = x_k x_(k-1)/(1 + x_k + x_(k-1)) and converges to 0 with the golden ratio as its order.
    Facts: a local minimum at 0, a maximum at -1; not convex, unbounded below: no f*, x* or L.
    Start: `start`, for every seed.
    Source: Ortega and Rheinboldt, Iterative Solution of Nonlinear Equations in Several Variables,
    1970, section 11.2 (order of the secant method); the map is algebra.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        return (x * x * (0.5 + x / 3)).sum(-1), x * (1 + x)

    return Problem(
        facts=Facts(dim=1, convex=False),
        start=starts.always([start]),
        oracle=oracle,
        hessian_vector=lambda x, v: (1 + 2 * x) * v,
        domain=(-1.5, 1.5),
    )


def absolute(
    *,
    dim: Annotated[int, Param("number of variables d", low=1)] = 1,
    mu: Annotated[float, Param("curvature beside the kink", low=0)] = 1.0,
    radius: Annotated[float, Param("half-width of the box |x_i| <= radius; 0: none", low=0)] = 1.0,
    noise: Annotated[float, Param("trace of the gradient noise's covariance", low=0)] = 0.0,
    start: starts.Point = "",
) -> Problem:
    """The absolute value and a parabola: strongly convex, not smooth.

    f(x) = sum_i |x_i| + mu/2 x_i^2, subject to |x_i| <= radius.

    The coordinates do not interact: under a coordinate-wise method d of them are d independent
    copies, each with noise variance noise/d. The subgradient at 0 is 0.
    Facts: x* = 0, f* = 0, mu; no L. In the box subgradients have norm at most
    G = sqrt(d)(1 + mu radius).
    Start: every coordinate at the edge of the box, or at 1, for every seed; `start` if it is given.
    Source: Lacoste-Julien, Schmidt and Bach, A simpler approach to obtaining an O(1/t) convergence
    rate for the projected stochastic subgradient method, 2012, for the class of functions.
    """
    bounded = radius > 0 or mu == 0
    return Problem(
        facts=Facts(
            dim=dim,
            strong_convexity=mu,
            f_star=0.0,
            x_star=torch.zeros(dim, dtype=torch.float64),
            convex=True,
            lipschitz=dim**0.5 * (1 + mu * radius) if bounded else None,
            noise_variance=noise,
        ),
        start=starts.given("absolute", start, dim) or starts.always([radius or 1.0] * dim),
        oracle=lambda x: ((x.abs() + 0.5 * mu * x * x).sum(-1), x.sign() + mu * x),
        hessian_vector=lambda x, v: mu * v,
        project=(lambda x: x.clamp(-radius, radius)) if radius else None,
        scale=float(dim),
        domain=(-(radius or 2.0), radius or 2.0),
    )
