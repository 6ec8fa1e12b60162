"""Verdicts from numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.theory.finding import Verdict, all_of, tightest_first
from optbench.theory.tolerance import E0, E1, B, Tolerance
from optbench.theory.verdicts import (
    Z,
    above,
    at_least,
    below,
    equals,
    holds,
    inconclusive,
    sampled_below,
    sampled_equals,
)

FINITE = st.floats(-1e6, 1e6)
LOOSE = Tolerance(relative=0.1, reason="a tenth")


@given(st.lists(FINITE, min_size=1, max_size=9))
def test_equal_numbers_are_equal_at_no_tolerance(values: list[float]) -> None:
    """What is the same bit by bit passes even where nothing is allowed."""
    assert equals(values, values, E0).verdict is Verdict.PASS


@pytest.mark.parametrize("wrong", [1.0 + 3e-12, 1.0 - 3e-12, math.nan, math.inf, -math.inf])
def test_one_wrong_number_fails_and_is_shown(wrong: float) -> None:
    """The pair that lies farthest apart is what the table shows."""
    finding = equals([1.0, wrong, 1.0 + 1e-13], 1.0, E1)
    assert finding.verdict is Verdict.FAIL
    assert finding.theory == 1.0
    assert finding.measured == wrong or (math.isnan(wrong) and math.isnan(float(finding.measured)))


def test_a_zero_is_only_equal_to_zero_without_an_absolute_part() -> None:
    """A relative tolerance allows nothing round zero."""
    assert equals(1e-300, 0.0, E1).verdict is Verdict.FAIL
    assert equals(1e-16, 0.0, Tolerance(absolute=1e-15, reason="")).verdict is Verdict.PASS


def test_a_bound_reports_how_close_it_comes() -> None:
    """The tightness is the largest value over bound, at the place that is shown."""
    finding = below([1.0, 3.0, 2.0], [4.0, 4.0, 8.0], B)
    assert finding.verdict is Verdict.PASS
    assert (finding.tightness, finding.measured, finding.theory) == (0.75, 3.0, 4.0)


@pytest.mark.parametrize("value", [4.0 + 1e-7, math.nan, math.inf])
def test_a_broken_bound_fails_where_it_is_broken(value: float) -> None:
    """One value above its bound is enough, and NaN is below no bound."""
    finding = below([1.0, value], [4.0, 4.0], B)
    assert finding.verdict is Verdict.FAIL
    assert str(finding.measured) == str(value)


def test_subtraction_may_round() -> None:
    """F - f* with f* = 1e3 is allowed 64 roundings of it, and no more."""
    assert below(1e-11, 0.0, B, scale=1e3).verdict is Verdict.PASS
    assert below(1e-10, 0.0, B, scale=1e3).verdict is Verdict.FAIL


def test_a_lower_bound_is_the_mirror_image() -> None:
    """The tightness is bound over value; what lies below fails."""
    finding = above([2.0, 5.0], [1.0, 4.0], B)
    assert (finding.verdict, finding.tightness) == (Verdict.PASS, 0.8)
    assert above([2.0, 3.0], [1.0, 4.0], B).verdict is Verdict.FAIL
    assert above([math.nan], [1.0], B).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("mean", "error", "verdict"),
    [
        (1.0, 0.01, Verdict.PASS),
        (1.0, 0.1, Verdict.INCONCLUSIVE),
        (1.12, 0.01, Verdict.INCONCLUSIVE),
        (1.3, 0.01, Verdict.FAIL),
        (math.nan, 0.01, Verdict.FAIL),
    ],
)
def test_equivalence_never_rewards_small_samples(
    mean: float, error: float, verdict: Verdict
) -> None:
    """PASS needs the whole interval inside the region; a wide one decides nothing."""
    assert sampled_equals(mean, error, 1.0, LOOSE).verdict is verdict


@given(st.floats(-2, 4), st.floats(1e-6, 2))
def test_equivalence_agrees_with_its_definition(mean: float, error: float) -> None:
    """PASS inside, FAIL when disjoint, INCONCLUSIVE else."""
    low, high = mean - Z * error, mean + Z * error
    expected = Verdict.INCONCLUSIVE
    if low >= 0.9 and high <= 1.1:
        expected = Verdict.PASS
    elif high < 0.9 or low > 1.1:
        expected = Verdict.FAIL
    assert sampled_equals(mean, error, 1.0, LOOSE).verdict is expected


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0.5, Verdict.PASS), (0.99, Verdict.INCONCLUSIVE), (1.1, Verdict.FAIL)]
)
def test_a_bound_in_expectation_needs_the_interval(mean: float, verdict: Verdict) -> None:
    """At the worst step the interval lies below, across or above the bound."""
    assert sampled_below([0.1, mean], 0.01, 1.0).verdict is verdict


def test_parts_join_to_the_worst() -> None:
    """A claim holds when every part does; the worst part is shown, the largest tightness kept."""
    good, tight = holds(True, theory="x", measured="x"), below(1.0, 2.0, B)
    open_ = inconclusive(1.0, "no window")
    bad = holds(False, theory="converges", measured="cycles")
    assert all_of([good, tight]).verdict is Verdict.PASS
    assert all_of([good, open_]).verdict is Verdict.INCONCLUSIVE
    joined = all_of([good, open_, bad, tight])
    assert (joined.verdict, joined.measured, joined.tightness) == (Verdict.FAIL, "cycles", 0.5)
    assert joined.reason == "expected converges"
    assert np.isnan(float(open_.measured))


@pytest.mark.parametrize(
    ("smallest", "verdict"), [(0.1, Verdict.PASS), (0.09, Verdict.FAIL), (np.nan, Verdict.FAIL)]
)
def test_what_differs_differs_everywhere(smallest: float, verdict: Verdict) -> None:
    """One small number among many fails, and so does one that is none; no tightness is reported."""
    found = at_least([1.0, smallest], 0.1)
    assert (found.verdict, found.tightness) == (verdict, None)


def test_what_comes_nearest_to_its_bound_is_shown_first() -> None:
    """Of three bounds that hold the one with the largest share leads; what has none comes last."""
    shares = [below(share, 1.0, B) for share in (0.2, 0.9, 0.5)]
    other = equals(1.0, 1.0, B)
    assert [f.tightness for f in tightest_first([other, *shares])] == [0.9, 0.5, 0.2, None]
    assert all_of(tightest_first(shares)).measured == 0.9
