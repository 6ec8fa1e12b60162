"""Paired tests against scipy.stats and against counting every sign."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optbench.analysis.significance import advantage, average_ranks, holm, signed_rank

inf = math.inf


@given(st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=9))
def test_the_signed_rank_test_counts_every_sign(differences: list[int]) -> None:
    """With ties and all, p is the share of the 2^n signs whose sum is as far from its middle."""
    ranks = stats.rankdata(np.abs(differences))
    middle = ranks.sum() / 2
    seen = abs(sum(r for r, d in zip(ranks, differences, strict=True) if d > 0) - middle)
    signs = np.array(list(product([0, 1], repeat=len(ranks))))
    brute = np.mean(np.abs(signs @ ranks - middle) >= seen - 1e-9)

    assert signed_rank(differences) == pytest.approx(brute)


@pytest.mark.parametrize("n", [6, 20, 50])
def test_without_ties_it_is_scipys_exact_test(n: int) -> None:
    """Distinct differences have the p-value that scipy counts."""
    d = np.random.default_rng(n).normal(0.3, 1, n)

    assert signed_rank(list(d)) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


def test_many_differences_have_scipys_normal_approximation() -> None:
    """Beyond 50 the normal distribution with a correction of one half, ties included."""
    d = np.round(np.random.default_rng(0).normal(0.15, 1, 200), 1)
    expected = stats.wilcoxon(d, method="approx", correction=True, zero_method="wilcox")

    assert signed_rank(list(d)) == pytest.approx(expected.pvalue)


def test_successes_of_one_side_alone_are_mcnemars_test() -> None:
    """Seven of eight discordant pairs: 2 (1 + 8)/2^8, with equal pairs out of it."""
    assert signed_rank([inf] * 7 + [-inf] + [0.0] * 5) == pytest.approx(18 / 256)
    assert signed_rank([0.0, 0.0]) == 1
    assert signed_rank([]) == 1


def test_a_miss_outranks_every_cost_and_an_end_none() -> None:
    """The order of advantages: only one reaches it, then costs, then ends, then nothing."""
    only, dearer, ends = advantage(9, inf, 1, 1), advantage(9, 10, 1, 0), advantage(9, 9, 1, 2)

    assert only == inf > dearer > ends > 0
    assert advantage(inf, inf, 3, 3) == 0
    assert advantage(inf, inf, inf, 3) < 0
    assert advantage(0, 0, 1, 1 + 1e-12) == 0
    assert advantage(3, 6, 1, 1) == advantage(1, 2, 1, 1)  # their logarithms differ in a rounding
    assert advantage(0, 4, 1, 1) == inf


@given(*[st.sampled_from([0.0, 1.0, 2.0, 5.0, inf])] * 4)
def test_exchanging_the_sides_turns_the_sign(a: float, b: float, x: float, y: float) -> None:
    """Nothing in it prefers one side."""
    assert advantage(a, b, x, y) == -advantage(b, a, y, x)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, 7.0, inf]), min_size=1))
def test_ranks_are_scipys(values: list[float]) -> None:
    """Ties share their average, infinities included."""
    assert average_ranks(np.array(values)).tolist() == stats.rankdata(values).tolist()


def test_holms_correction_by_hand() -> None:
    """Of 0.01, 0.04, 0.03: three times the first, twice the third, and no less for the second."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []
