"""What a problem says of itself is true, checked for every family at several settings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.problem import Problem
from tests.families.cases import CASES, CHECK, RTOL_ROUNDING, Case, build, close, points

RTOL_EIGENVALUE = 1e-9  # rounding of an eigenvalue of norm at most 1e3 mu, relative to mu
ATOL_STATIONARY = 1e-12  # "a solver run to 1e-12", times the problem's own scale


def hessian(problem: Problem, x: Tensor) -> Tensor:
    """Return the Hessian at a point (d,) by autograd on the gradient, shape (d, d)."""
    jacobian: Callable[..., Tensor] = torch.autograd.functional.jacobian
    return jacobian(lambda z: problem.oracle(z[None])[1][0], x)


@CHECK([case for case in CASES if build(case).facts.smoothness and build(case).facts.dim <= 110])
def test_hessian_eigenvalues_lie_between_mu_and_smoothness(case: Case) -> None:
    """At sampled points no eigenvalue of the Hessian leaves [mu, L]."""
    problem = build(case)
    L, mu = problem.facts.smoothness or 0.0, problem.facts.strong_convexity

    for x in points(case, 4):
        values = torch.linalg.eigvalsh(hessian(problem, x))

        assert float(values.abs().max()) <= L * (1 + RTOL_EIGENVALUE)
        if mu is not None:
            assert float(values[0]) >= mu * (1 - RTOL_EIGENVALUE) - 1e-14 * L


@CHECK([case for case in CASES if build(case).facts.smoothness])
def test_gradient_is_lipschitz_with_its_constant(case: Case) -> None:
    """|g(x) - g(y)| <= L |x - y| and, when mu is known, >= mu |x - y|, for points near and far."""
    problem = build(case)
    x = points(case, 40)
    y = torch.cat([points(case, 80)[40:60] * 3, x[20:] + 1e-3 * points(case, 80)[60:]])

    change = (problem.oracle(x)[1] - problem.oracle(y)[1]).norm(dim=-1)

    distance = (x - y).norm(dim=-1)
    assert bool((change <= (problem.facts.smoothness or 0.0) * distance * (1 + 1e-9)).all())
    mu = problem.facts.strong_convexity or 0.0
    assert bool((change >= mu * distance * (1 - 1e-9)).all())


@CHECK([case for case in CASES if build(case).facts.x_star is not None])
def test_minimiser_is_stationary_and_has_the_value_f_star(case: Case) -> None:
    """At x* the gap is 0 and, where f is smooth, the gradient too."""
    problem = build(case)
    assert problem.facts.x_star is not None
    x = problem.facts.x_star[None]

    gap, g = problem.oracle(x)
    f, _ = problem.value_and_gradient(x)

    size = max(1.0, float(problem.oracle(points(case))[1].norm(dim=-1).max()))
    assert float(gap.abs()) <= 1e-14 * max(1.0, problem.scale)
    assert float(f) == pytest.approx(problem.facts.f_star, rel=1e-13, abs=1e-14)
    if case.family not in ("max_coordinate", "online"):
        assert float(g.norm()) <= ATOL_STATIONARY * size


@CHECK([case for case in CASES if build(case).facts.f_star is not None])
def test_no_point_lies_below_f_star(case: Case) -> None:
    """Random points near and far, and a few gradient steps from them, are never below f*."""
    problem = build(case)
    x = torch.cat([points(case, 50), 10 * points(case, 50), 1e-3 * points(case, 50)])
    if problem.project:
        x = problem.project(x)

    f, _ = problem.value_and_gradient(x)

    assert problem.facts.f_star is not None
    floor = 1e-14 * max(1.0, problem.scale)
    assert float(f.min()) >= problem.facts.f_star - floor


@CHECK([case for case in CASES if build(case).facts.f_star is not None])
def test_the_oracle_leaves_out_f_star_itself(case: Case) -> None:
    """The shift is f*, so that the oracle's value is the suboptimality."""
    problem = build(case)

    assert problem.shift == pytest.approx(problem.facts.f_star, rel=1e-15, abs=0)


@CHECK([case for case in CASES if build(case).facts.convex])
def test_convex_problems_lie_above_their_tangents(case: Case) -> None:
    """f(y) >= f(x) + g(x)'(y - x) + mu/2 |y - x|^2 on random pairs."""
    problem = build(case)
    mu = problem.facts.strong_convexity
    assert mu is not None
    x, y = points(case, 60)[:30], points(case, 60)[30:]

    (f, g), (f_y, _) = problem.oracle(x), problem.oracle(y)

    e = y - x
    bound = f + (g * e).sum(-1) + mu / 2 * e.square().sum(-1)
    assert bool((f_y >= bound - 1e-12 * (1 + f_y.abs() + f.abs())).all())


@CHECK([case for case in CASES if build(case).facts.convex is False])
def test_problems_that_are_not_convex_have_a_witness(case: Case) -> None:
    """Somewhere the function rises above a chord: in the domain, or down a ridge at the start."""
    problem = build(case)
    low, high = problem.domain or (-2.0, 2.0)
    generator = np.random.default_rng(3)
    pairs = torch.from_numpy(generator.uniform(low, high, (2, 3000, problem.facts.dim)))

    if _rise(problem, pairs) <= 1e-3:
        # In many dimensions random pairs meet convex directions only; an eigenvector does not.
        start = problem.start(0)
        v = torch.linalg.eigh(hessian(problem, start))[1][:, 0]
        pairs = torch.stack([start - 0.5 * v, start + 0.5 * v])[:, None]

    assert _rise(problem, pairs) > 1e-3


def _rise(problem: Problem, pairs: Tensor) -> float:
    """Return by how much the function lies above the middle of a chord at most, (2, k, d)."""
    ends = torch.stack([problem.oracle(x)[0] for x in pairs])
    return float((problem.oracle(pairs.mean(0))[0] - ends.mean(0)).max())


@CHECK(CASES)
def test_exactly_the_quadratics_have_a_constant_hessian(case: Case) -> None:
    """Gradients at x, x + v and x + 2 v lie evenly spaced, always, if and only if f says so."""
    problem = build(case)
    x, v = points(case, 200)[:100], points(case, 200)[100:]

    g = [problem.oracle(x + t * v)[1] for t in (0, 1, 2)]

    bend = float((g[2] - 2 * g[1] + g[0]).norm(dim=-1).max())
    size = max(float(part.norm(dim=-1).max()) for part in g)
    assert problem.facts.quadratic is (True if bend <= 1e-12 * size else None)
    assert problem.facts.quadratic or bend >= 1e-3 * size


@CHECK([case for case in CASES if build(case).facts.pl_constant])
def test_polyak_lojasiewicz_inequality_holds(case: Case) -> None:
    """|g|^2 >= 2 mu_PL (f - f*) at random points."""
    problem = build(case)
    f, g = problem.oracle(torch.cat([points(case, 100), 3 * points(case, 100)]))

    bound = 2 * (problem.facts.pl_constant or 0.0) * f

    assert bool((g.square().sum(-1) >= bound * (1 - 1e-9) - 1e-14).all())


@CHECK([case for case in CASES if build(case).facts.lipschitz])
def test_gradient_norm_is_at_most_its_bound(case: Case) -> None:
    """At feasible points near and far the (sub)gradient's norm is at most `lipschitz`."""
    problem = build(case)
    x = torch.cat([points(case, 100), 100 * points(case, 100)])
    x = problem.project(x) if problem.project else x

    norms = problem.oracle(x)[1].norm(dim=-1)

    assert float(norms.max()) <= (problem.facts.lipschitz or 0.0) * (1 + 1e-12)


@CHECK([case for case in CASES if build(case).nearest])
def test_nearest_is_a_minimiser_and_no_farther_than_x_star(case: Case) -> None:
    """The projection on the set of minimisers lands in it, closer than x*, and stays."""
    problem, x = build(case), points(case, 30)
    assert problem.nearest is not None
    assert problem.facts.x_star is not None

    y = problem.nearest(x)

    assert float(problem.oracle(y)[0].abs().max()) <= 1e-14 * max(1.0, problem.scale)
    assert bool(((x - y).norm(dim=-1) <= (x - problem.facts.x_star).norm(dim=-1) + 1e-12).all())
    assert close(problem.nearest(y), y, RTOL_ROUNDING)


@CHECK(CASES)
def test_scale_is_of_the_order_of_the_gap(case: Case) -> None:
    """The scale is positive and within a factor of 1e4 of the starting gap, or above it."""
    problem = build(case)

    gap = float(problem.oracle(problem.start(0)[None])[0])

    assert problem.scale > 0
    assert abs(gap) <= 1e4 * problem.scale


@CHECK(CASES)
def test_residuals_are_small_numbers_of_known_facts(case: Case) -> None:
    """Residuals are plain floats of known facts: 1e-12 for minima, 1e-9 for eigenvalues."""
    facts = build(case).facts

    for name, residual in facts.residuals.items():
        assert type(residual) is float
        assert 0 <= residual <= (1e-12 if name in ("x_star", "f_star") else 1e-9)
        assert getattr(facts, name) is not None
    scalars = facts.scalars().values()
    assert all(value is None or type(value) in (int, float, bool) for value in scalars)
