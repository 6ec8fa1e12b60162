"""Saddles, two wells, a valley of minima: small functions with one trait of non-convexity each."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts
from optbench.families.newton import hessian_vector_of

Offset = Annotated[float, Param("how far off the saddle's stable line seed 0 starts")]

DOMAIN = (-2.0, 2.0)


def saddle(*, offset: Offset = 1e-10, start: starts.Point = "") -> Problem:
    """The plain saddle: a function without a lower bound.

    f(x, y) = x^2 - y^2.

    Gradient descent from (1, 0) stops at the saddle; the smallest offset in y grows by the factor
    1 + 2 eta a step and goes to minus infinity.
    Facts: L = 2, not convex, unbounded below: no f*, no x*.
    Start: (1, offset) for seed 0, uniform on [-2, 2]^2 for other seeds; `start` if it is given.
    Source: Lee, Simchowitz, Jordan and Recht, Gradient descent only converges to minimizers, 2016.
    """

    def oracle(z: Tensor) -> tuple[Tensor, Tensor]:
        x, y = z.unbind(-1)
        return x * x - y * y, torch.stack([2 * x, -2 * y], dim=-1)

    return Problem(
        facts=Facts(dim=2, smoothness=2.0, convex=False, quadratic=True),
        start=starts.given("saddle", start, 2) or starts.standard([1.0, offset], DOMAIN),
        oracle=oracle,
        hessian_vector=lambda z, v: torch.stack([2 * v[:, 0], -2 * v[:, 1]], -1),
        domain=DOMAIN,
    )


def saddle_quartic(*, offset: Offset = 1e-10, start: starts.Point = "") -> Problem:
    """A saddle between two minima.

    f(x, y) = x^2/2 + y^4/4 - y^2/2.

    Gradient descent from (1, 0) stops at the saddle at the origin; an offset in y grows by 1 + eta
    a step until it reaches a minimum.
    Facts: f* = -1/4 at (0, 1) and (0, -1); not convex, no L.
    Start: (1, offset) for seed 0, uniform on [-2, 2]^2 for other seeds; `start` if it is given.
    Source: Nesterov, Introductory Lectures on Convex Optimization, 2004, example 1.2.2; escape from
    saddles: Lee, Simchowitz, Jordan and Recht, Gradient descent only converges to minimizers, 2016.
    """

    def oracle(z: Tensor) -> tuple[Tensor, Tensor]:
        x, y = z.unbind(-1)
        dip = (y - 1) * (y + 1)
        return x * x / 2 + dip * dip / 4, torch.stack([x, y * dip], dim=-1)

    def nearest(z: Tensor) -> Tensor:
        y = z[:, 1]
        return torch.stack([torch.zeros_like(y), torch.where(y >= 0, 1.0, -1.0).to(y)], dim=-1)

    return Problem(
        facts=Facts(
            dim=2,
            f_star=-0.25,
            x_star=torch.tensor([0.0, 1.0], dtype=torch.float64),
            convex=False,
        ),
        start=starts.given("saddle_quartic", start, 2) or starts.standard([1.0, offset], DOMAIN),
        oracle=oracle,
        shift=-0.25,
        hessian_vector=lambda z, v: torch.stack(
            [v[:, 0], (3 * z[:, 1].square() - 1) * v[:, 1]], dim=-1
        ),
        nearest=nearest,
        domain=DOMAIN,
    )


def double_well(*, start: starts.Point = "") -> Problem:
    """Two wells of different depth, in one variable.

    f(x) = x^4 - x^3 - x^2.

    Gradient descent from -1 ends in the shallow well at (3 - sqrt 41)/8 = -.42539.
    Facts: f* at x* = (3 + sqrt 41)/8 = 1.17539; a maximum at 0; not convex, no L.
    Start: -1 for seed 0, uniform on [-2, 2] for other seeds; `start` if it is given.
    Source: the critical points are the roots of f'(x) = x (4 x^2 - 3 x - 2); that the start decides
    is in Nesterov, Introductory Lectures on Convex Optimization, 2004, section 1.2.3.
    """
    r = (3 + math.sqrt(41)) / 8
    f_star = r**4 - r**3 - r**2

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - r
        # f - f* has the double root r; divided out, nothing cancels.
        f = (e * e * (x * (x + (2 * r - 1)) + (3 * r * r - 2 * r - 1))).sum(-1)
        return f, x * (4 * x * x - 3 * x - 2)

    return Problem(
        facts=Facts(
            dim=1,
            f_star=f_star,
            x_star=torch.tensor([r], dtype=torch.float64),
            convex=False,
        ),
        start=starts.given("double_well", start, 1) or starts.standard([-1.0], DOMAIN),
        oracle=oracle,
        shift=f_star,
        hessian_vector=lambda x, v: (12 * x * x - 6 * x - 2) * v,
        domain=DOMAIN,
    )


def product(*, start: starts.Point = "") -> Problem:
    """Two factors that should multiply to one: minima of every sharpness, on a curve.

    f(x, y) = (x y - 1)^2/2.

    On the hyperbola x y = 1 of minima the Hessian's larger eigenvalue is x^2 + y^2, from 2 up;
    gradient descent with learning rate eta can stay only where x^2 + y^2 <= 2/eta.
    Facts: f* = 0; not convex, no L. The minimisers are a curve, to which no distance is offered.
    Start: (2, 1/4) for seed 0, uniform on [-2, 2]^2 for other seeds; `start` if it is given.
    Source: the scalar case of matrix factorisation; edge of stability: Cohen, Kaur, Li, Kolter and
    Talwalkar, Gradient descent on neural networks typically occurs at the edge of stability, 2021.
    """

    def oracle(z: Tensor) -> tuple[Tensor, Tensor]:
        r = z[:, 0] * z[:, 1] - 1
        return r * r / 2, r[:, None] * z.flip(-1)

    return Problem(
        facts=Facts(dim=2, f_star=0.0, convex=False),
        start=starts.given("product", start, 2) or starts.standard([2.0, 0.25], DOMAIN),
        oracle=oracle,
        hessian_vector=hessian_vector_of(oracle),
        domain=DOMAIN,
    )
