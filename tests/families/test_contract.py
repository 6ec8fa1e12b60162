"""What every problem family promises, checked for each of them at several settings."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.parameters import parameters_of
from optbench.core.problem import Problem
from optbench.core.registry import load
from optbench.families import FAMILIES

RTOL_DIFFERENCE = 1e-6  # central difference, h = 1e-5: error h^2 f'''/6 + eps |f|/h
RTOL_ROUNDING = 1e-11  # the same sum in another order, some hundred terms
RTOL_EIGENVALUE = 1e-9  # rounding of an eigenvalue of norm at most 1e3 mu, relative to mu
ATOL_STATIONARY = 1e-12  # "a solver run to 1e-12", times the problem's own scale
RTOL_FLOAT32 = 2e-3  # single precision, 1e-7, through cancelling differences of some digits


@dataclass(frozen=True)
class Case:
    """A family at some setting, and what cannot be asked of it."""

    family: str
    params: dict[str, Any] = field(default_factory=dict)
    spread: float = 1.5

    def __str__(self) -> str:
        """Return the test's id."""
        settings = ",".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.family}:{settings}"


def quadratics() -> list[Case]:
    """Return the quadratic at every spectrum, orientation and start."""
    spectra = ("two_mode", "gap", "uniform", "log_uniform", "power", "clustered")
    cases = [
        Case("quadratic", {"dim": 12, "kappa": 100.0, "spectrum": s, "rotated": r, "center": c})
        for s in spectra
        for r, c in ((True, 0.0), (False, 2.5))
    ]
    cases += [Case("quadratic", {"dim": 6, "start": s}) for s in ("random", "equal", "slow")]
    return [*cases, Case("quadratic", {"dim": 1, "kappa": 1.0, "noise": 0.3, "smoothness": 4.0})]


CASES = [
    *quadratics(),
    *(Case(name) for name in FAMILIES if name != "softmax_regression"),
    Case("parabola", {"curvature": 0.5, "center": 3.0, "start": 0.0}),
    Case("least_squares", {"rows": 15, "columns": 4, "noise": 0.0}),
    Case("least_squares", {"rows": 6, "columns": 9, "kappa": 10.0}),
    Case("least_squares", {"rows": 5, "columns": 5, "seed": 3}),
    Case("huber", {"tau": 0.4, "smoothness": 3.0, "radius": 2.0}),
    Case("power", {"p": 2.0}),
    Case("power", {"p": 6.0, "start": -1.2}),
    Case("power", {"p": 2.5}),
    Case("log_sum_exp", {"rows": 12, "columns": 3, "temperature": 0.3, "seed": 1}),
    Case("nesterov_convex", {"T": 3, "smoothness": 2.0}),
    Case("nesterov_strongly_convex", {"dim": 7, "kappa": 10.0, "smoothness": 3.0}),
    Case("max_coordinate", {"dim": 4, "radius": 3.0}),
    Case("logistic", {"l2": 0.0}),
    Case("logistic", {"data": "digits", "l2": 0.1}),
    Case("logistic", {"data": "digits", "l2": 0.0}),
    Case("logistic", {"data": "separable", "seed": 2}),
    Case("logistic", {"data": "separable", "l2": 0.0}),
    Case("softmax_regression", {"l2": 0.01}, spread=0.1),
    Case("softmax_regression", {"l2": 0.0}, spread=0.1),
    Case("rosenbrock", {"dim": 5}),
    Case("rosenbrock", {"b": 5.0, "a": -2.0}),
    Case("rosenbrock", {"dim": 3, "a": 0.5}),
    Case("rastrigin", {"dim": 3}),
    Case("ackley", {"dim": 1}),
    Case("styblinski_tang", {"dim": 3}),
    Case("saddle", {"offset": 0.0}),
]
CHECK = functools.partial(pytest.mark.parametrize, "case", ids=str)


@functools.cache
def _built(family: str, params: tuple[tuple[str, Any], ...]) -> Problem:
    problem: Problem = load(FAMILIES[family].target)(**dict(params))
    return problem


def build(case: Case) -> Problem:
    """Build the case's problem, once."""
    return _built(case.family, tuple(case.params.items()))


def points(case: Case, count: int = 5, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return random points around the minimiser, or the origin, shape (count, d)."""
    problem = build(case)
    generator = np.random.default_rng(7)
    x = torch.from_numpy(generator.normal(0, case.spread, (count, problem.facts.dim)))
    if problem.facts.x_star is not None:
        x = x + problem.facts.x_star
    x = problem.project(x) if problem.project else x
    return x.to(dtype)


def close(actual: Tensor, expected: Tensor, tolerance: float) -> bool:
    """Whether arrays agree, relative to the largest entry of the expected one (at least 1e-3)."""
    scale = max(float(expected.abs().max()), 1e-3)
    return float((actual - expected).abs().max()) <= tolerance * scale


def hessian(problem: Problem, x: Tensor) -> Tensor:
    """Return the Hessian at a point (d,) by autograd on the gradient, shape (d, d)."""
    jacobian: Callable[..., Tensor] = torch.autograd.functional.jacobian
    return jacobian(lambda z: problem.oracle(z[None])[1][0], x)


@CHECK([case for case in CASES if case.family != "max_coordinate"])
def test_gradient_is_the_derivative_of_the_value_by_autograd(case: Case) -> None:
    """Autograd through the value gives the closed-form gradient."""
    problem, x = build(case), points(case).requires_grad_(True)
    f, g = problem.oracle(x)

    (expected,) = torch.autograd.grad(f.sum(), x)

    assert close(g.detach(), expected, 1e-10)  # autograd of the gap, which rounds elsewhere


@CHECK(CASES)
def test_gradient_agrees_with_central_differences(case: Case) -> None:
    """The slope along random directions is the gradient's component."""
    problem, x = build(case), points(case)
    v = torch.nn.functional.normalize(points(case, 10)[5:] + 0.1, dim=-1)
    h = 1e-5

    slope = (problem.oracle(x + h * v)[0] - problem.oracle(x - h * v)[0]) / (2 * h)

    g = problem.oracle(x)[1]
    scale = max(float(g.norm(dim=-1).max()), 1e-2)
    assert close((g * v).sum(-1) / scale, slope / scale, RTOL_DIFFERENCE)


@CHECK([case for case in CASES if build(case).hessian_vector])
def test_hessian_vector_product_is_the_derivative_of_the_gradient(case: Case) -> None:
    """The gradient's central difference along v is Hessian(x) v."""
    problem, x = build(case), points(case, 4)
    v = torch.nn.functional.normalize(points(case, 8)[4:] + 0.1, dim=-1)
    h = 1e-5

    expected = (problem.oracle(x + h * v)[1] - problem.oracle(x - h * v)[1]) / (2 * h)

    assert problem.hessian_vector is not None
    assert close(problem.hessian_vector(x, v), expected, RTOL_DIFFERENCE)


@CHECK([case for case in CASES if build(case).facts.smoothness and build(case).facts.dim <= 110])
def test_hessian_eigenvalues_lie_between_mu_and_L(case: Case) -> None:
    """At sampled points no eigenvalue of the Hessian leaves [mu, L]."""
    problem = build(case)
    L, mu = problem.facts.smoothness or 0.0, problem.facts.strong_convexity

    for x in points(case, 4):
        values = torch.linalg.eigvalsh(hessian(problem, x))

        assert float(values.abs().max()) <= L * (1 + RTOL_EIGENVALUE)
        if mu is not None:
            assert float(values[0]) >= mu * (1 - RTOL_EIGENVALUE) - 1e-14 * L


@CHECK([case for case in CASES if build(case).facts.smoothness])
def test_gradient_is_lipschitz_with_constant_L(case: Case) -> None:
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
    if case.family != "max_coordinate":
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
    x, y = points(case, 60).split(30)

    (f, g), (f_y, _) = problem.oracle(x), problem.oracle(y)

    e = y - x
    bound = f + (g * e).sum(-1) + mu / 2 * e.square().sum(-1)
    assert bool((f_y >= bound - 1e-12 * (1 + f_y.abs() + f.abs())).all())


@CHECK([case for case in CASES if build(case).facts.convex is False])
def test_problems_that_are_not_convex_have_a_witness(case: Case) -> None:
    """Somewhere in the domain the function rises above a chord."""
    problem = build(case)
    low, high = problem.domain or (-2.0, 2.0)
    generator = np.random.default_rng(3)
    x, y = torch.from_numpy(generator.uniform(low, high, (2, 3000, problem.facts.dim)))

    middle = problem.oracle((x + y) / 2)[0]

    chord = (problem.oracle(x)[0] + problem.oracle(y)[0]) / 2
    assert float((middle - chord).max()) > 1e-3


@CHECK([case for case in CASES if build(case).facts.pl_constant])
def test_polyak_lojasiewicz_inequality_holds(case: Case) -> None:
    """|g|^2 >= 2 mu_PL (f - f*) at random points."""
    problem = build(case)
    f, g = problem.oracle(torch.cat([points(case, 100), 3 * points(case, 100)]))

    bound = 2 * (problem.facts.pl_constant or 0.0) * f

    assert bool((g.square().sum(-1) >= bound * (1 - 1e-9) - 1e-14).all())


@CHECK([case for case in CASES if build(case).facts.lipschitz])
def test_gradient_norm_is_at_most_G(case: Case) -> None:
    """The (sub)gradient's norm never exceeds the fact `lipschitz`, far away neither."""
    problem = build(case)
    x = torch.cat([points(case, 100), 100 * points(case, 100)])

    norms = problem.oracle(x)[1].norm(dim=-1)

    assert float(norms.max()) <= (problem.facts.lipschitz or 0.0) * (1 + 1e-12)


@CHECK(CASES)
def test_a_stack_is_evaluated_as_its_points_one_by_one(case: Case) -> None:
    """Rows do not influence each other, beyond the rounding of matrix products."""
    problem, x = build(case), points(case)
    f, g = problem.oracle(x)

    singles = [problem.oracle(row[None]) for row in x]

    assert f.shape == (5,)
    assert g.shape == x.shape
    assert close(f, torch.cat([s[0] for s in singles]), RTOL_ROUNDING)
    assert close(g, torch.cat([s[1] for s in singles]), RTOL_ROUNDING)


@CHECK(CASES)
def test_a_bad_row_leaves_the_others_alone(case: Case) -> None:
    """A row of NaN or infinities in the stack does not reach the rows beside it."""
    problem, x = build(case), points(case)
    spoilt = x.clone()
    spoilt[1], spoilt[3] = torch.nan, torch.inf

    f, g = problem.oracle(spoilt)

    keep = [0, 2, 4]
    assert close(f[keep], problem.oracle(x)[0][keep], RTOL_ROUNDING)
    assert close(g[keep], problem.oracle(x)[1][keep], RTOL_ROUNDING)


@CHECK(CASES)
def test_functions_leave_their_arguments_alone(case: Case) -> None:
    """No function of a problem writes into the points it is given."""
    problem, x = build(case), points(case)
    before = x.clone()
    functions = [problem.oracle, problem.value, problem.project, problem.nearest]
    calls: list[Callable[[Tensor], object]] = [function for function in functions if function]

    for function in calls:
        function(x)
    if problem.hessian_vector:
        problem.hessian_vector(x, x)

    assert torch.equal(before, x)


@CHECK(CASES)
def test_single_precision_in_gives_single_precision_out(case: Case) -> None:
    """Everything computed from float32 points is float32 and close to the float64 answer."""
    problem, x = build(case), points(case, dtype=torch.float32)
    f, g = problem.oracle(x)
    f64, g64 = problem.oracle(x.double())

    dtypes = {f.dtype, g.dtype}
    if problem.hessian_vector:
        dtypes.add(problem.hessian_vector(x, x).dtype)
    dtypes |= {fn(x).dtype for fn in (problem.value, problem.nearest, problem.project) if fn}
    if problem.minibatch:
        dtypes.add(problem.minibatch(x, torch.zeros(5, 1, dtype=torch.int64)).dtype)

    assert dtypes == {torch.float32}
    assert close(f.double(), f64, RTOL_FLOAT32)
    assert close(g.double(), g64, RTOL_FLOAT32)


@CHECK([case for case in CASES if build(case).value])
def test_value_alone_is_the_oracles_value(case: Case) -> None:
    """`value` gives the numbers of `oracle`."""
    problem, x = build(case), points(case)

    assert problem.value is not None
    assert close(problem.value(x), problem.oracle(x)[0], RTOL_ROUNDING)


@CHECK([case for case in CASES if build(case).hessian_vector])
def test_hessian_vector_products_work_where_gradients_are_disabled(case: Case) -> None:
    """Under no_grad and under inference mode the products are the same."""
    problem, x = build(case), points(case)
    assert problem.hessian_vector is not None
    expected = problem.hessian_vector(x, x)

    with torch.no_grad():
        disabled = problem.hessian_vector(x, x)
    with torch.inference_mode():
        inference = problem.hessian_vector(x.clone(), x.clone())

    assert torch.equal(expected, disabled)
    assert torch.equal(expected, inference)


@CHECK([case for case in CASES if build(case).examples])
def test_the_minibatch_of_all_examples_is_the_full_gradient(case: Case) -> None:
    """So is the mean of all single examples; a repeated example counts twice."""
    problem, x = build(case), points(case, 2)
    assert problem.minibatch is not None
    everything = torch.arange(problem.examples)
    full = problem.oracle(x)[1]

    whole = problem.minibatch(x, everything.expand(2, -1))
    one = x[:1].expand(problem.examples, -1)
    singles = problem.minibatch(one, everything[:, None])
    twice = problem.minibatch(x[:1], torch.tensor([[0, 1, 1]]))

    assert close(whole, full, RTOL_ROUNDING)
    assert close(singles.mean(0), full[0], RTOL_ROUNDING)
    assert close(twice[0], (singles[0] + 2 * singles[1]) / 3, RTOL_ROUNDING)


@CHECK([case for case in CASES if build(case).examples])
def test_each_row_of_a_minibatch_has_its_own_examples(case: Case) -> None:
    """Row b of the minibatch gradient is computed from row b of the indices."""
    problem, x = build(case), points(case, 3)
    assert problem.minibatch is not None
    indices = torch.tensor([[0, 1], [2, 3], [1, 4]])

    rows = [problem.minibatch(x[b : b + 1], indices[b : b + 1])[0] for b in range(3)]

    assert close(problem.minibatch(x, indices), torch.stack(rows), RTOL_ROUNDING)


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
def test_starts_are_the_same_for_the_same_seed(case: Case) -> None:
    """A start is float64 on the CPU, of shape (d,), finite, and a fresh tensor each time."""
    problem = build(case)
    for seed in (0, 1, 5):
        first, second = problem.start(seed), problem.start(seed)

        assert torch.equal(first, second)
        assert first.data_ptr() != second.data_ptr()
        assert (first.shape, first.dtype) == ((problem.facts.dim,), torch.float64)
        assert bool(first.isfinite().all())


@CHECK(CASES)
def test_starts_differ_between_seeds_unless_the_documentation_says_otherwise(case: Case) -> None:
    """The start depends on the seed exactly where the family's docstring does not deny it."""
    problem = build(case)
    text = load(FAMILIES[case.family].target).__doc__
    fixed = "for every seed" in text or case.params.get("start") in ("equal", "slow")

    distinct = len({tuple(problem.start(seed).tolist()) for seed in range(4)})

    assert distinct == (1 if fixed else 4) or (case.family == "quadratic" and problem.facts.dim == 1)


@CHECK(CASES)
def test_start_is_feasible_and_not_the_solution(case: Case) -> None:
    """Every run has something to do: the start is feasible, its gap positive, its gradient not 0."""
    problem = build(case)
    x = torch.stack([problem.start(seed) for seed in range(3)])

    f, g = problem.oracle(x)

    assert float(g.norm(dim=-1).min()) > 1e-4
    if problem.facts.f_star is not None:
        assert float(f.min()) > 1e-4
    if problem.project:
        assert torch.equal(problem.project(x), x)


@CHECK(CASES)
def test_scale_is_of_the_order_of_the_gap(case: Case) -> None:
    """The scale is positive and within a factor of 1e4 of the starting gap, or above it."""
    problem = build(case)

    gap = float(problem.oracle(problem.start(0)[None])[0])

    assert problem.scale > 0
    assert abs(gap) <= 1e4 * problem.scale


@CHECK(CASES)
def test_residuals_are_small_numbers_of_known_facts(case: Case) -> None:
    """Residuals are plain floats, at most 1e-9, each of a fact that is known."""
    facts = build(case).facts

    for name, residual in facts.residuals.items():
        assert type(residual) is float
        assert 0 <= residual <= 1e-9
        assert getattr(facts, name) is not None
    scalars = facts.scalars().values()
    assert all(value is None or type(value) in (int, float, bool) for value in scalars)


@pytest.mark.parametrize("name", FAMILIES)
def test_documentation_has_a_formula_facts_a_start_and_a_source(name: str) -> None:
    """`optbench show` has something to show, and parameters have a meaning and a valid default."""
    family = load(FAMILIES[name].target)

    text = family.__doc__ or ""

    assert all(word in text for word in ("f(", "Facts:", "Start:", "Source:"))
    assert text.splitlines()[0].endswith(".")
    for parameter in parameters_of(family).values():
        assert parameter.param.about
        if not isinstance(parameter.default, str | bool):
            assert parameter.param.allows(parameter.default)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_builds_with_its_defaults(name: str) -> None:
    """A name alone is a full spec, and building twice gives the same problem."""
    family = load(FAMILIES[name].target)

    first, second = family(), family()

    x = first.start(1)[None]
    assert torch.equal(first.oracle(x)[1], second.oracle(x)[1])
    assert first.facts.scalars() == second.facts.scalars()


def test_listing_the_families_imports_nothing_heavy() -> None:
    """The registry is names and lines; neither torch nor numpy is imported for it."""
    code = "import sys, optbench.families; print({'torch', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "set()"
