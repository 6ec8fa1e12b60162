"""Who competes on what, and what the targets cost, worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from optbench.analysis.contest import (
    Contest,
    complete,
    contest,
    cost_matrix,
    costs_to,
    hessian_users,
    is_equal_tuning,
    median_cost,
    median_final,
    trials,
)
from optbench.analysis.running_time import running_times
from optbench.analysis.summary import summarize
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def arranged(runs: list[Run]) -> Contest:
    """Make a contest of runs."""
    return contest(summarize(runs))


def test_rows_are_found_by_title_and_name(made: Made) -> None:
    """Problems are sorted by their numbers, names by letters; a pair that never ran has no row."""
    adam = made(problem="k=30", name="adam", schedule="cosine")
    found = arranged([made(problem="k=100"), adam])

    assert (found.problems, found.names) == (("k=30", "k=100"), ("adam, cosine", "gd"))
    row = found.row("k=100", "gd")
    assert row is not None
    assert row.problem == "k=100"
    assert found.row("k=30", "gd") is None


def test_the_target_is_the_hardest_that_a_majority_of_seeds_reaches(made: Made) -> None:
    """Two seeds of three are enough, one of two is not, and nobody at all gives None."""
    hits: list[dict[float, float]] = [{1e-1: 4, 1e-3: 9}, {1e-1: 4, 1e-3: 11}, {1e-1: 6}]
    three = [made(seed=i, hits=h, problem="three") for i, h in enumerate(hits)]
    two = [made(seed=i, hits=h, problem="two") for i, h in enumerate(hits[1:])]
    found = arranged([*three, *two, made(problem="none")])

    assert [found.target(p) for p in ("three", "two", "none", "?")] == [1e-3, 1e-1, None, None]


def test_a_level_that_some_do_not_aim_at_is_no_target(made: Made) -> None:
    """An optimizer that was never asked for 1e-6, and stopped at 1e-3, does not fail at it."""
    far = made(hits={1e-1: 2, 1e-6: 8}, targets=(1e-1, 1e-6))
    near = made(hits={1e-1: 3, 1e-3: 4}, name="adam")
    found = arranged([far, near])

    assert (found.targets("p"), found.target("p")) == ((1e-1,), 1e-1)


def test_what_cannot_be_measured_is_no_target_and_no_failure(made: Made) -> None:
    """Without f* nobody is known to miss; where all runs failed, all are known to."""
    blind = [made(name=name, problem="blind", known=False) for name in ("gd", "adam")]
    failed = [made(gaps=(), status=Status.ERROR, problem="failed", known=False)]
    found = arranged([*blind, *failed, made(problem="half"), made(problem="half", known=False)])

    titles = ("blind", "failed", "half")
    assert [found.is_measured(title) for title in titles] == [False, True, True]
    assert [bool(found.targets(title)) for title in titles] == [False, True, True]
    assert {time.problem for time in running_times(found)} == {"failed", "half"}


def test_costs_are_those_of_the_best_rate_with_misses_at_infinity(made: Made) -> None:
    """The median is infinite from half of the seeds on."""
    hits: list[dict[float, float]] = [{1e-1: 4}, {1e-1: 8}, {}]
    bad = made(lr=9.0, seed=0, gaps=(1, 1e9), status=Status.DIVERGED)
    row = summarize([*(made(seed=i, hits=h) for i, h in enumerate(hits)), bad])[0]

    assert costs_to(row, 1e-1) == (4, 8, np.inf)
    assert costs_to(row, 1e-1, "steps") == (2, 4, np.inf)
    assert median_cost(row, 1e-1) == 8
    assert median_cost(row, None) == np.inf
    half = summarize([made(seed=1, hits=hits[1]), made(seed=2)])[0]
    assert median_cost(half, 1e-1) == np.inf


def test_the_median_end_counts_the_lost(made: Made) -> None:
    """One lost seed of two is a lost end, though the mean over the others is finite."""
    runs = [made(seed=0, gaps=(1, 0.5)), made(seed=1, gaps=(1, 9), status=Status.DIVERGED)]

    assert median_final(summarize(runs)[0]) == np.inf


def test_the_complete_part_is_the_largest_and_the_rest_is_told(made: Made) -> None:
    """Three entrants on four problems beat four entrants on one; who misses what is in words."""
    where = {"adam": "abcde", "gd": "abcd", "lion": "abcd", "newton": "a"}
    runs = [made(name=name, problem=p) for name, problems in where.items() for p in problems]
    part, left_out = complete(arranged(runs))

    assert (part.problems, part.names) == (tuple("abcd"), ("adam", "gd", "lion"))
    assert len(part.rows) == 12
    assert left_out == {"newton": "no run on b, c, d", "e": "without a run of gd, lion"}


def test_one_entrant_is_no_contest_where_two_can_meet(made: Made) -> None:
    """Ten problems of one optimizer alone do not throw out the three that two share."""
    runs = [made(problem=p) for p in "abcdefghij"]
    runs += [made(problem=p, name="adam") for p in "abc"]
    part, left_out = complete(arranged(runs))

    assert part.names == ("adam", "gd")
    assert sorted(left_out) == list("defghij")


def test_a_refusal_is_no_run_and_an_error_is_a_miss(made: Made) -> None:
    """Who cannot take a problem leaves the block; who failed on it stays in every denominator."""
    refused = [made(gaps=(), status=Status.REFUSED, name="polyak", problem=p) for p in "ab"]
    failed = made(gaps=(), status=Status.ERROR, name="adam", problem="b")
    runs = [*refused, failed, made(name="adam", problem="a"), made(name="polyak", problem="c")]
    runs += [made(problem=p, hits={1e-1: 4}) for p in "abc"]
    found = arranged(runs)
    part, left_out = complete(found)

    assert found.refused == {("a", "polyak"), ("b", "polyak")}
    assert part.names == ("adam", "gd")
    assert left_out["polyak"] == "no run on a, b, refused on 2 of them"
    assert cost_matrix(part).tolist() == [[np.inf, 4], [np.inf, 4]]


def test_nothing_at_all_is_an_empty_contest() -> None:
    """No rows leave no problem, no entrant and no error."""
    part, left_out = complete(contest([]))

    assert (part.problems, part.names, left_out) == ((), (), {})
    assert cost_matrix(part).shape == (0, 0)


@pytest.mark.parametrize(("rates", "equal"), [((0.1, 0.2), True), ((0.1,), False)])
def test_equal_tuning_is_as_many_learning_rates(
    made: Made, rates: tuple[float, ...], equal: bool
) -> None:
    """A method that has no learning rate, or that tried one, was tuned once."""
    runs = [made(lr=lr) for lr in (0.1, 0.2)] + [made(lr=lr, name="adam") for lr in rates]

    assert is_equal_tuning(arranged(runs)) is equal
    assert trials(summarize([made(lr=None)])[0]) == 1


def test_who_uses_hessian_products_is_known(made: Made) -> None:
    """Newton-CG has few gradient evaluations because its products are not among them."""
    run = made(name="newton_cg")
    newton = dataclasses.replace(run, curve={**run.curve, "hvp_calls": np.array([0.0, 30.0])})

    assert hessian_users(arranged([newton, made()])) == ("newton_cg",)
