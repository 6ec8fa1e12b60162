"""Performance and data profiles against hand counts, brute force and their properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from optbench.analysis.contest import Contest, contest
from optbench.analysis.profiles import Profile, data_profile, performance_profile, profile_score
from optbench.analysis.summary import summarize
from optbench.core.run import Run

Made = Callable[..., Run]

COSTS = st.one_of(st.integers(1, 1000).map(float), st.just(np.inf))
TABLES = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(COSTS, min_size=k, max_size=k), min_size=1, max_size=5)
)
"""Costs of some problems, one list a problem, one number an entrant; inf is a miss."""


def played(made: Made, table: Sequence[Sequence[float]]) -> Contest:
    """Make a contest of entrants a, b, ... with one seed, a target, and these costs."""
    runs = [
        made(name="abcdef"[j], problem=f"p{i}", targets=(0.1,), hits=_hits({0.1: cost}))
        for i, costs in enumerate(table)
        for j, cost in enumerate(costs)
    ]
    return contest(summarize(runs))


def _hits(costs: Mapping[float, float]) -> dict[float, float]:
    return {level: cost for level, cost in costs.items() if np.isfinite(cost)}


def at(profile: Profile, name: str, x: float) -> float:
    """Return the height of a profile at any x."""
    index = np.searchsorted(profile.x, x, side="right") - 1
    return float(profile.shares[name][index]) if index >= 0 else 0.0


def test_a_performance_profile_by_hand(made: Made) -> None:
    """Three problems: b is twice as dear, tied, and unsolved; a tie is a win of both."""
    profile = performance_profile(played(made, [[10, 20], [30, 30], [7, np.inf]]))

    assert profile.x.tolist() == [1, 2]
    assert profile.shares["a"].tolist() == [1, 1]
    assert profile.shares["b"].tolist() == pytest.approx([1 / 3, 2 / 3])
    expected = stats.binomtest(2, 3).proportion_ci(0.95, method="wilson")
    assert profile.low["b"][1], profile.high["b"][1] == pytest.approx(expected)
    assert (profile.problems, profile.instances, profile.left_out) == (3, 3, {})


def test_a_problem_that_nobody_solves_stays_in_the_denominator(made: Made) -> None:
    """With one problem of two unsolved, the winner of the other has a half."""
    profile = performance_profile(played(made, [[10, 20], [np.inf, np.inf]]))

    assert profile.shares["a"].tolist() == [0.5, 0.5]
    nobody = performance_profile(played(made, [[np.inf, np.inf]]))
    assert (nobody.x.tolist(), nobody.shares["a"].tolist()) == ([1], [0])


def test_a_start_at_the_solution_is_a_tie_and_no_division_by_zero(made: Made) -> None:
    """Who stays at a cost of zero is best; who leaves and comes back is infinitely dearer."""
    profile = performance_profile(played(made, [[0, 0, 5]]))

    assert [profile.shares[name].tolist() for name in "abc"] == [[1], [1], [0]]


@given(TABLES, st.floats(1, 50))
def test_a_profile_is_the_share_within_a_factor_of_the_best(
    made: Made, table: list[list[float]], tau: float
) -> None:
    """At any tau it is what the definition counts, and it never falls nor leaves [0, 1]."""
    profile = performance_profile(played(made, table))

    for j, name in enumerate(profile.names):
        solved = [np.isfinite(costs[j]) and costs[j] / min(costs) <= tau for costs in table]
        assert at(profile, name, tau) == pytest.approx(np.mean(solved))
        for line in (profile.low[name], profile.shares[name], profile.high[name]):
            assert (np.diff(line) >= -1e-12).all()
            assert ((line >= 0) & (line <= 1)).all()
        assert (profile.low[name] <= profile.shares[name] + 1e-12).all()
        assert (profile.shares[name] <= profile.high[name] + 1e-12).all()


@given(TABLES, st.lists(st.sampled_from([0.25, 2.0, 8.0]), min_size=5, max_size=5))
def test_the_unit_of_a_problem_does_not_matter(
    made: Made, table: list[list[float]], units: list[float]
) -> None:
    """Scaling all costs of a problem leaves the performance profile as it is."""
    scaled = [[cost * unit for cost in costs] for costs, unit in zip(table, units, strict=False)]
    one, other = performance_profile(played(made, table)), performance_profile(played(made, scaled))

    assert one.x.tolist() == other.x.tolist()
    for name in one.names:
        assert one.shares[name].tolist() == other.shares[name].tolist()


@given(TABLES)
def test_a_loser_more_changes_no_profile(made: Made, table: list[list[float]]) -> None:
    """An entrant that solves nothing leaves the others' heights, and the winner, as they were."""
    profile = performance_profile(played(made, table))
    more = performance_profile(played(made, [[*costs, np.inf] for costs in table]))

    for name in profile.names:
        assert more.shares[name].tolist() == profile.shares[name].tolist()
    assert not more.shares[more.names[-1]].any()


@given(TABLES, st.floats(1.5, 100))
def test_the_score_is_the_closed_form(made: Made, table: list[list[float]], r_max: float) -> None:
    """The integral of the steps equals the mean of max(0, r_max - r)/(r_max - 1)."""
    score = profile_score(performance_profile(played(made, table)), r_max)

    for j, name in enumerate(score):
        ratios = [costs[j] / min(costs) if np.isfinite(costs[j]) else np.inf for costs in table]
        closed = np.mean([max(0.0, r_max - ratio) for ratio in ratios]) / (r_max - 1)
        assert score[name] == pytest.approx(closed, abs=1e-12)


def test_a_data_profile_by_hand(made: Made) -> None:
    """Of 2 targets x 2 seeds that both ran, one after the other is solved; seed 2 is told."""
    hits: list[dict[float, float]] = [{1e-1: 4, 1e-3: 9}, {1e-1: 5}, {1e-1: 1}]
    runs = [made(seed=i, hits=h) for i, h in enumerate(hits)]
    runs += [made(seed=i, name="adam", hits={1e-1: 9}) for i in range(2)]
    profile = data_profile(contest(summarize(runs)))

    assert profile.x.tolist() == [4, 5, 9]
    assert profile.shares["gd"].tolist() == [0.25, 0.5, 0.75]
    assert profile.shares["adam"].tolist() == [0, 0, 0.5]
    assert (profile.problems, profile.instances) == (1, 4)
    assert profile.left_out == {"p, seed 2": "not run by all at their best learning rate"}
    expected = _wilson(0.5, 1)
    assert (profile.low["gd"][1], profile.high["gd"][1]) == pytest.approx(expected)


def _wilson(share: float, n: int) -> NDArray[np.float64]:
    """Solve (p - share)^2 = z^2 p (1 - p)/n for p."""
    z2 = stats.norm.ppf(0.975) ** 2 / n
    return np.sort(np.roots([1 + z2, -2 * share - z2, share**2]).real)


def test_an_optimizer_that_ran_on_less_is_left_out_and_told(made: Made) -> None:
    """What is missing is not a failure, and not forgotten."""
    runs = [made(name=name, problem=p, hits={1e-1: 4}) for name in ("gd", "adam") for p in "ab"]
    profile = performance_profile(contest(summarize([*runs, made(name="newton", problem="a")])))

    assert profile.names == ("adam", "gd")
    assert profile.left_out == {"newton": "no run on b"}


def test_without_a_common_target_there_is_nothing_to_solve(made: Made) -> None:
    """Problems without targets are left out, and no problem at all is an empty profile."""
    runs = [made(name=name, targets=()) for name in ("gd", "adam")]
    for profile in map(performance_profile, [contest(summarize(runs)), contest([])]):
        assert profile.problems == 0
        assert all(score == 0 for score in profile_score(profile).values())
    assert data_profile(contest(summarize(runs))).left_out == {
        "p": "no target that all optimizers aim at and that can be measured"
    }
    assert data_profile(contest([])).x.size == 0
