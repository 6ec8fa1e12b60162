"""What every problem family promises, checked for each of them at several settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from optbench.core.parameters import parameters_of
from optbench.core.registry import load
from optbench.families import FAMILIES
from tests.families.cases import (
    CASES,
    CHECK,
    FUNCTIONS,
    RTOL_ROUNDING,
    Case,
    build,
    close,
    points,
)

RTOL_DIFFERENCE = 1e-6  # central difference, h = 1e-5: error h^2 f'''/6 + eps |f|/h
FIXED = ("equal", "slow", "power_law")  # words for starts that are the same for every seed
RTOL_FLOAT32 = 2e-3  # single precision, 1e-7, through cancelling differences of some digits


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
    for product in filter(None, (problem.hessian_vector, problem.fisher_vector)):
        product(x, x)

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
    if problem.fisher_vector:
        dtypes.add(problem.fisher_vector(x, x).dtype)
    first = torch.zeros(5, 1, dtype=torch.int64)
    if problem.minibatch:
        dtypes.add(problem.minibatch(x, first).dtype)
    if problem.sampled_gradient:
        dtypes.add(problem.sampled_gradient(x, first, torch.full((5, 1), 0.5)).dtype)

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
    last = problem.examples - 1
    twice = problem.minibatch(x[:1], torch.tensor([[0, last, last]]))

    assert close(whole, full, RTOL_ROUNDING)
    assert close(singles.mean(0), full[0], RTOL_ROUNDING)
    assert close(twice[0], (singles[0] + 2 * singles[last]) / 3, RTOL_ROUNDING)


@CHECK([case for case in CASES if build(case).examples])
def test_each_row_of_a_minibatch_has_its_own_examples(case: Case) -> None:
    """Row b of the minibatch gradient is computed from row b of the indices."""
    problem, x = build(case), points(case, 3)
    assert problem.minibatch is not None
    indices = torch.tensor([[0, 1], [2, 3], [1, 4]]) % problem.examples

    rows = [problem.minibatch(x[b : b + 1], indices[b : b + 1])[0] for b in range(3)]

    assert close(problem.minibatch(x, indices), torch.stack(rows), RTOL_ROUNDING)


@CHECK([case for case in CASES if build(case).sampled_gradient])
def test_scores_of_drawn_labels_have_mean_zero(case: Case) -> None:
    """Over evenly spaced uniforms the gradient with drawn labels averages to the penalty's."""
    problem, x = build(case), points(case, 1)
    assert problem.sampled_gradient is not None
    count = 4000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5)[None] / count
    default = parameters_of(load(FAMILIES[case.family].target))["l2"].default
    penalty = float(case.params.get("l2", default or 0)) * x

    for example in (0, problem.examples - 1):
        indices = torch.full((1, count), example)
        mean = problem.sampled_gradient(x, indices, uniforms) - penalty
        ends = problem.sampled_gradient(x, indices[:, :1], uniforms[:, :1]) - penalty

        # Each label's share is within 1/count of its probability; there are at most ten labels.
        assert float(mean.norm()) <= 10 / count * max(float(ends.norm()), 30.0)


@CHECK([case for case in CASES if build(case).fisher_vector])
def test_fisher_products_are_symmetric_and_not_negative(case: Case) -> None:
    """U'F v = v'F u, v'F v >= 0, at the same point; and rows do not influence each other."""
    problem, x = build(case), points(case, 1)
    assert problem.fisher_vector is not None
    u, v = points(case, 3)[1:2], points(case, 3)[2:]

    forth, back = problem.fisher_vector(x, v), problem.fisher_vector(x, u)
    both = problem.fisher_vector(torch.cat([x, x + 1]), torch.cat([v, v]))

    assert float((u * forth).sum()) == pytest.approx(float((v * back).sum()), rel=1e-10)
    assert float((v * forth).sum()) >= 0
    assert close(both[:1], forth, RTOL_ROUNDING)


@CHECK(CASES)
def test_blocks_make_up_the_point(case: Case) -> None:
    """The blocks have names of their own and as many coordinates as the problem."""
    layout = build(case).layout

    assert sum(block.size for block in layout.blocks) == build(case).facts.dim
    assert len({block.name for block in layout.blocks}) == len(layout.blocks)


@CHECK([case for case in CASES if build(case).model])
def test_model_is_the_problem_as_a_module(case: Case) -> None:
    """Same names and shapes; its loss and gradient, full and of a minibatch, are the problem's."""
    problem = build(case)
    assert problem.model is not None
    assert problem.minibatch is not None
    model = problem.model()
    named = dict(model.module.named_parameters())
    x, chosen = points(case, 1), torch.tensor([3, 1, 3])
    for parameter, part in zip(named.values(), problem.layout.split(x), strict=True):
        parameter.data = part[0].clone()

    full, some = model.loss(None), model.loss(chosen)
    g_full = torch.autograd.grad(full, list(named.values()))
    g_some = torch.autograd.grad(some, list(named.values()))

    f, g = problem.oracle(x)
    assert [(b.name, b.shape) for b in problem.blocks] == [(n, p.shape) for n, p in named.items()]
    assert float(full.detach()) == pytest.approx(float(f) + problem.shift, rel=1e-13)
    assert close(problem.layout.join(g_full), g[0], RTOL_ROUNDING)
    assert close(problem.layout.join(g_some), problem.minibatch(x, chosen[None])[0], RTOL_ROUNDING)


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
    fixed = "for every seed" in text or case.params.get("start") in FIXED

    distinct = len({tuple(problem.start(seed).tolist()) for seed in range(4)})

    assert distinct == (1 if fixed else 4) or (
        case.family in ("quadratic", "logistic") and problem.facts.dim == 1
    )


@CHECK(CASES)
def test_start_is_feasible_and_not_the_solution(case: Case) -> None:
    """Every run has something to do: a feasible start, a positive gap, a gradient."""
    problem = build(case)
    x = torch.stack([problem.start(seed) for seed in range(3)])

    f, g = problem.oracle(x)

    assert float(g.norm(dim=-1).min()) > 1e-4
    if problem.facts.f_star is not None:
        assert float(f.min()) > 1e-4
    if problem.project:
        assert torch.equal(problem.project(x), x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_documentation_has_a_formula_facts_a_start_and_a_source(name: str) -> None:
    """`optbench show` has something to show, and parameters have a meaning and a valid default."""
    family = load(FAMILIES[name].target)

    text = family.__doc__ or ""

    assert all(word in text for word in ("f(", "Facts:", "Start:", "Source:"))
    assert text.splitlines()[0].endswith(".")
    for parameter in parameters_of(family).values():
        assert parameter.param.about
        if parameter.kind in (int, float):
            assert parameter.param.allows(float(parameter.default or 0))


@pytest.mark.parametrize("name", FUNCTIONS)
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
