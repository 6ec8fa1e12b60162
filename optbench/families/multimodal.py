"""Classics in any dimension with many local minima: Rastrigin, Ackley, Styblinski-Tang."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts
from optbench.families.newton import hessian_vector_of

Dim = Annotated[int, Param("number of variables d", low=1)]

DOMAIN = (-5.12, 5.12)
TWO_PI = 2 * math.pi


def rastrigin(*, dim: Dim = 2, start: starts.Point = "") -> Problem:
    """Rastrigin's function: a parabola with a local minimum near every integer point.

    f(x) = 10 d + sum_i x_i^2 - 10 cos(2 pi x_i) = sum_i x_i^2 + 20 sin^2(pi x_i).

    Facts: f* = 0 at the origin, L = 2 + 40 pi^2, not convex.
    Start: (-2, 3.5, -2, ...) for seed 0, uniform on [-5.12, 5.12]^d for other seeds; `start`
    if it is given.
    Source: Rastrigin, Systems of Extremal Control, 1974; any d: Muhlenbein, Schomisch and Born, The
    parallel genetic algorithm as function optimizer, 1991.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        g = 2 * x + 10 * TWO_PI * (TWO_PI * x).sin()
        return (x * x + 20 * (math.pi * x).sin().square()).sum(-1), g

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=2 + 10 * TWO_PI**2,
            f_star=0.0,
            x_star=torch.zeros(dim, dtype=torch.float64),
            convex=False,
        ),
        start=starts.given("rastrigin", start, dim)
        or starts.standard([(-2.0, 3.5)[i % 2] for i in range(dim)], DOMAIN),
        oracle=oracle,
        hessian_vector=lambda x, v: (2 + 10 * TWO_PI**2 * (TWO_PI * x).cos()) * v,
        scale=10.0 * dim,
        domain=DOMAIN,
    )


def ackley(*, dim: Dim = 2, start: starts.Point = "") -> Problem:
    """Ackley's function: an almost flat plain with holes round a funnel with a pointed end.

    f(x) = -20 exp(-0.2 |x|/sqrt(d)) - exp((1/d) sum_i cos(2 pi x_i)) + 20 + e.

    Facts: f* = 0 at the origin, where f has a kink (the gradient is taken as 0 there), so there is
    no L; |grad f| <= (4 + 2 pi e)/sqrt(d). Not convex.
    Start: (-2, 3.5, -2, ...) for seed 0, uniform on [-5.12, 5.12]^d for other seeds; `start`
    if it is given.
    Source: Ackley, A Connectionist Machine for Genetic Hillclimbing, 1987; any d: Back and
    Schwefel, An overview of evolutionary algorithms for parameter optimization, 1993.
    """

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        rms = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / math.sqrt(dim)
        # cos = 1 - 2 sin^2 and expm1: no difference of nearly equal numbers at the origin.
        ripple = -2 * (math.pi * x).sin().square().mean(-1, keepdim=True)
        f = -20 * torch.expm1(-0.2 * rms) - math.e * torch.expm1(ripple)
        unit = x / rms.clamp(min=torch.finfo(x.dtype).tiny)
        waves = TWO_PI * torch.exp(1 + ripple) * (TWO_PI * x).sin()
        return f.squeeze(-1), (4 * torch.exp(-0.2 * rms) * unit + waves) / dim

    return Problem(
        facts=Facts(
            dim=dim,
            f_star=0.0,
            x_star=torch.zeros(dim, dtype=torch.float64),
            convex=False,
            lipschitz=(4 + TWO_PI * math.e) / math.sqrt(dim),
        ),
        start=starts.given("ackley", start, dim)
        or starts.standard([(-2.0, 3.5)[i % 2] for i in range(dim)], DOMAIN),
        oracle=oracle,
        hessian_vector=hessian_vector_of(oracle),
        scale=20.0,
        domain=DOMAIN,
    )


def styblinski_tang(*, dim: Dim = 2, start: starts.Point = "") -> Problem:
    """The function of Styblinski and Tang: two minima in each coordinate, 2^d in all.

    f(x) = 1/2 sum_i x_i^4 - 16 x_i^2 + 5 x_i.

    Facts: x*_i = r, the smallest root of 4 r^3 - 32 r + 5 (-2.903534...),
    f* = -39.16616570377142 d; not convex, no L.
    Start: the origin for seed 0, uniform on [-5.12, 5.12]^d for other seeds; `start`
    if it is given.
    Source: Styblinski and Tang, Experiments in nonconvex optimization: stochastic approximation
    with function smoothing and simulated annealing, 1990.
    """
    # Viete's formula for r^3 - 8 r + 5/4.
    size = math.sqrt(8 / 3)
    r = 2 * size * math.cos((math.acos(-0.625 / size**3) + TWO_PI) / 3)
    f_star = dim * (r**4 - 16 * r**2 + 5 * r) / 2

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - r
        # f - f* has the double root r in each coordinate; divided out, nothing cancels.
        f = 0.5 * (e * e * (x * (x + 2 * r) + (3 * r * r - 16))).sum(-1)
        return f, 2 * x**3 - 16 * x + 2.5

    return Problem(
        facts=Facts(
            dim=dim,
            f_star=f_star,
            x_star=torch.full((dim,), r, dtype=torch.float64),
            convex=False,
        ),
        start=starts.given("styblinski_tang", start, dim) or starts.standard([0.0] * dim, DOMAIN),
        oracle=oracle,
        shift=f_star,
        hessian_vector=lambda x, v: (6 * x * x - 16) * v,
        scale=-f_star,
        domain=DOMAIN,
    )
