"""Ranks and their tests against scipy.stats, published constants and hand counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optbench.analysis.contest import Contest, contest
from optbench.analysis.ranks import critical_difference, friedman, ranks
from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status

Made = Callable[..., Run]

TABLES = st.integers(2, 5).flatmap(
    lambda k: st.lists(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, np.inf]), min_size=k, max_size=k),
        min_size=5,
        max_size=9,
    )
)
"""Costs on some problems, with ties and misses."""


def played(made: Made, table: Sequence[Sequence[float]]) -> Contest:
    """Make a contest of entrants a, b, ... with one seed, a target, and these costs."""
    runs = [
        made(
            name="abcdef"[j],
            problem=f"p{i}",
            targets=(0.1,),
            hits={} if math.isinf(cost) else {0.1: cost},
        )
        for i, costs in enumerate(table)
        for j, cost in enumerate(costs)
    ]
    return contest(summarize(runs))


@given(TABLES)
def test_ranks_and_friedman_are_scipys(made: Made, table: list[list[float]]) -> None:
    """Ranks of costs share ties and sum to k (k + 1)/2; Friedman's p agrees, ties included."""
    found = ranks(played(made, table))
    k = len(table[0])
    columns = [sorted("abcdef"[:k]).index(name) for name in found.names]

    assert found.matrix.sum(axis=1).tolist() == [k * (k + 1) / 2] * len(table)
    assert (found.matrix == stats.rankdata(table, axis=1)[:, columns]).all()
    assert (np.diff(found.mean) >= 0).all()
    if k > 2 and any(len(set(costs)) > 1 for costs in table):
        expected = stats.friedmanchisquare(*np.array(table).T).pvalue
        assert found.friedman_p == pytest.approx(expected)


def test_all_tied_ranks_tell_nothing() -> None:
    """Where everyone ties on everything p is 1 and no 0/0."""
    assert friedman(np.full((6, 3), 2.0)) == 1


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_demsars_constants(k: int, q: float) -> None:
    """The q/sqrt(2) of the table in Demsar 2006 (three decimals), not q: a known mistake."""
    assert critical_difference(k, 6) == pytest.approx(q * math.sqrt(k * (k + 1) / 36), abs=2e-3)


def test_the_critical_difference_is_autoranks() -> None:
    """For 8 entrants on 30 problems it is 1.9169, as autorank prints; for 50 scipy agrees."""
    assert critical_difference(8, 30) == pytest.approx(1.9169, abs=5e-5)
    q = stats.studentized_range.ppf(0.95, 50, np.inf)
    assert critical_difference(50, 7) == pytest.approx(q / math.sqrt(2) * math.sqrt(50 * 51 / 42))


def test_misses_are_ranked_by_their_end_and_the_lost_are_last(made: Made) -> None:
    """Of three that miss the target the lowest end comes first, the diverged one last."""
    runs = []
    for problem in "abcde":
        runs.append(made(problem=problem, name="hit", hits={0.1: 9}, gaps=(1, 0.1)))
        runs.append(made(problem=problem, name="far", gaps=(1, 0.8)))
        runs.append(made(problem=problem, name="near", gaps=(1, 0.3)))
        gone = made(problem=problem, name="gone", gaps=(1, 0.01), status=Status.DIVERGED)
        runs.append(gone)

    assert ranks(contest(summarize(runs))).names == ("hit", "near", "far", "gone")


def test_two_codes_of_one_method_tie(made: Made) -> None:
    """Ends that differ by a rounding are no ranks of their own."""
    runs = [
        made(problem=problem, name=name, gaps=(1, end))
        for problem in "abcde"
        for name, end in (("gd", 0.5), ("torch.SGD", 0.5 * (1 + 1e-14)))
    ]

    assert ranks(contest(summarize(runs))).mean.tolist() == [1.5, 1.5]


def test_what_overshoots_the_last_target_ties(made: Made) -> None:
    """Runs stop there: at equal cost the one whose last step was longer is no better."""
    hit = {1e-1: 5, 1e-3: 9}
    runs = [
        made(problem=problem, name=name, hits=hit, gaps=(1, end), status=Status.CONVERGED)
        for problem in "abcde"
        for name, end in (("long", 1e-9), ("short", 9e-4))
    ]

    assert ranks(contest(summarize(runs))).mean.tolist() == [1.5, 1.5]


def test_cliques_are_the_longest_stretches_within_the_difference(made: Made) -> None:
    """Against a brute-force search over all stretches, where the order is clear on 12 problems."""
    table = [[1.0, 2, 3, 4, 5, 6]] * 12
    found = ranks(played(made, table))
    close = [
        (i, j)
        for i in range(6)
        for j in range(i + 1, 6)
        if found.mean[j] - found.mean[i] < found.critical_difference
    ]
    longest = [
        (i, j)
        for i, j in close
        if not any((a, b) != (i, j) and a <= i and j <= b for a, b in close)
    ]

    assert list(found.cliques) == longest
    assert len(longest) > 1


def test_where_friedman_sees_nothing_all_are_one_clique(made: Made) -> None:
    """Ends that are further apart than the difference are joined if the first test is at 0.06."""
    table = ["253416", "425316", "426135", "253416", "531624", "154623"]
    found = ranks(played(made, [list(map(float, line)) for line in table]))

    assert found.friedman_p > 0.05
    assert found.mean[-1] - found.mean[0] > found.critical_difference
    assert found.cliques == ((0, 5),)


def test_pairs_are_tested_on_costs_and_corrected(made: Made) -> None:
    """Scipy's Wilcoxon of the log costs; with three pairs the smallest p is tripled."""
    rng = np.random.default_rng(0)
    table = rng.integers(10, 1000, size=(9, 3)).astype(float)
    table[:, 2] *= 4
    found = ranks(played(made, table.tolist()))

    for pair in found.pairs:
        a, b = (np.log(table[:, "abc".index(name)]) for name in (pair.a, pair.b))
        assert pair.p == pytest.approx(stats.wilcoxon(a - b, method="exact").pvalue)
    assert len(found.pairs) == 3
    smallest = min(found.pairs, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(3 * smallest.p)


def test_too_little_for_ranks_is_an_error(made: Made) -> None:
    """Three problems, one optimizer, or nothing: one line that says what is needed."""
    with pytest.raises(OptbenchError, match=r"ranks need 5 problems .* ran on; there are 3"):
        ranks(played(made, [[1.0, 2.0]] * 3))
    with pytest.raises(OptbenchError, match="ranks need 2 optimizers; there is 1"):
        ranks(played(made, [[1.0]] * 6))
    with pytest.raises(OptbenchError, match="there is none"):
        ranks(contest([]))


def test_a_task_without_targets_is_ranked_by_its_end(made: Made) -> None:
    """Where there is nothing to reach, the final measure decides alone."""
    runs = [
        made(problem=problem, name=name, gaps=(1, end), targets=())
        for problem in "abcde"
        for name, end in (("gd", 0.5), ("adam", 0.2))
    ]

    assert ranks(contest(summarize(runs))).names == ("adam", "gd")
