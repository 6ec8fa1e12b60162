"""Starts: uniform in their box, uniform in direction, named by the seed."""

from __future__ import annotations

import pytest
import torch

from optbench.core.errors import SpecError
from optbench.core.parameters import parameters_of
from optbench.core.registry import load
from optbench.core.spec import parse_one
from optbench.families import FAMILIES, starts
from optbench.families.find import build_problem
from optbench.request import Request, expand, problem_vectors


def test_seed_zero_is_the_standard_start_and_others_fill_the_box() -> None:
    """Seed 0 starts at the point; other seeds are uniform in the box, by mean and spread."""
    start = starts.standard([7.0, 7.0], (-3.0, 5.0))

    points = torch.stack([start(seed) for seed in range(1, 2001)])

    assert start(0).tolist() == [7.0, 7.0]
    assert -3 <= float(points.min()) < -2.9
    assert 4.9 < float(points.max()) <= 5
    # Standard error of the mean: 8/sqrt(12 * 2000) = .05.
    assert bool(((points.mean(0) - 1).abs() < 0.25).all())


def test_directions_are_unit_vectors_without_a_preference() -> None:
    """Random directions have norm 1 and a mean near 0; problem and run seed both matter."""
    points = torch.stack([starts.direction(5, 3, seed) for seed in range(2000)])

    torch.testing.assert_close(points.norm(dim=1), torch.ones(2000).double())
    assert float(points.mean(0).norm()) < 0.1  # expected 1/sqrt(2000) = .022
    assert not torch.equal(starts.direction(5, 1, 0), starts.direction(5, 2, 0))


def test_a_fixed_start_cannot_be_changed_from_outside() -> None:
    """Writing into a start that was handed out does not move the next one."""
    start = starts.always([1.0, 2.0])
    start(0).zero_()

    assert start(1).tolist() == [1.0, 2.0]


def _with_start() -> list[str]:
    """Return the families that take a first point; those of one variable may take a number."""
    return sorted(n for n, e in FAMILIES.items() if "start" in parameters_of(load(e.target)))


def test_the_small_families_take_a_start() -> None:
    """What people draw and try by hand can be started where they like."""
    classics = ["rosenbrock", "beale", "himmelblau", "rastrigin", "ackley", "styblinski_tang"]
    small = ["saddle", "saddle_quartic", "double_well", "product", "parabola", "power", "quadratic"]

    assert {*classics, *small} <= set(_with_start())


@pytest.mark.parametrize("family", _with_start())
@pytest.mark.parametrize("seed", [0, 3])
def test_a_start_that_is_given_is_the_first_point_of_every_seed(family: str, seed: int) -> None:
    """The numbers arrive exactly as they were typed, one for each variable."""
    parameters = parameters_of(load(FAMILIES[family].target))
    default = build_problem(parse_one(family)).facts.dim
    dim = 3 if "dim" in parameters else default
    numbers = [1.7, -0.3, 1e-7][:dim]
    text = f"{family}:start={'/'.join(map(repr, numbers))}" + (",dim=3" if dim != default else "")
    (spec,) = expand(Request(problems=(text,), optimizers=("gd:lr=0.1",), targets=()))
    problem = build_problem(spec.problem)

    assert problem.start(seed).tolist() == numbers
    assert parse_one(str(spec.problem), problem_vectors) == spec.problem


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rosenbrock:start=1/2/3", "^start has 3 numbers, rosenbrock has 2 variables$"),
        ("rosenbrock:start=1", "^start has 1 number, rosenbrock has 2 variables$"),
        ("double_well:start=1/2", "^start has 2 numbers, double_well has 1 variable$"),
        ("quadratic:start=1/2", "^start has 2 numbers, quadratic has 100 variables$"),
        ("quadratic:start=solw", "unknown start of quadratic: 'solw'; did you mean slow"),
        ("beale:start=here", "beale: start: 'here' is not numbers joined by /"),
    ],
)
def test_a_start_of_the_wrong_kind_is_one_clear_line(text: str, complaint: str) -> None:
    """The message says how many numbers were given and how many are needed."""
    with pytest.raises(SpecError, match=complaint):
        expand(Request(problems=(text,), optimizers=("gd:lr=0.1",), targets=()))


def test_a_start_decides_the_radius_of_a_quadratic() -> None:
    """What counts as divergence, and the box that is drawn, follow the point that was given."""
    text = "quadratic:dim=2,center=1,smoothness=4,start=4/5"
    problem = build_problem(expand(Request(problems=(text,), optimizers=("gd",)))[0].problem)

    assert problem.scale == pytest.approx(0.5 * 4 * 5**2)
    assert problem.domain == pytest.approx((1 - 7.5, 1 + 7.5))
