"""Any change of an exact metric is told, with what it is: worse, better, or rounding."""

from __future__ import annotations

import pytest

from optbench.nightly.exact import judge_exact
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Row, Value
from tests.nightly.nights import FINAL, STATUS, STEPS, exact

BYTES = STEPS._replace(metric="state_bytes")
CONFORMS = Key("conformance", "mine", "", "conforms to adam")
CLAIM = Key("theory", "gd", "", "GD-03")

R, B, N, W, Q = (
    Verdict.REGRESSION,
    Verdict.IMPROVED,
    Verdict.NO_CHANGE,
    Verdict.ROUNDING,
    Verdict.INSUFFICIENT,
)


def _verdict(before: Row, after: Row, *, alike: bool = True) -> Verdict:
    return judge_exact(before, after, same_arithmetic=alike).verdict


@pytest.mark.parametrize(
    ("key", "before", "after", "expected"),
    [
        (STEPS, 100, 100, N),
        (STEPS, 100, 101, R),
        (STEPS, 101, 100, B),
        (STEPS, 100, None, R),
        (STEPS, None, 100, B),
        (STEPS._replace(metric="steps_to_target@1e-02"), 5, None, R),
        (STATUS, "converged", "budget", R),
        (STATUS, "budget", "converged", B),
        (STATUS, "budget", "diverged", R),
        (STATUS, "error", "diverged", B),
        (STATUS, "converged", "melted", R),
        (FINAL, 1e-3, 2e-3, R),
        (FINAL, 2e-3, 1e-3, B),
        (FINAL, None, 1e-3, Q),
        (BYTES, 8, 16, R),
        (BYTES, 8, None, Q),
        (CLAIM, "PASS", "FAIL", R),
        (CLAIM, "PASS", "INCONCLUSIVE", R),
        (CLAIM, "FAIL", "PASS", B),
        (CLAIM, "PASS", "SKIPPED", Q),
        (CLAIM, "SKIPPED", "FAIL", Q),
        (CONFORMS, "conforms", "deviates in path", R),
        (CONFORMS, "deviates in path", "conforms", B),
        (CONFORMS, "deviates in path, resume", "deviates in path", B),
        (CONFORMS, "deviates in path", "deviates in path, resume", R),
        (CONFORMS, "deviates in path", "deviates in resume", R),
    ],
)
def test_a_change_that_rounding_cannot_explain(
    key: Key, before: Value, after: Value, expected: Verdict
) -> None:
    """Where no other rounding moves the value, one step more is one step more."""
    assert _verdict(exact(before, key), exact(after, key)) is expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((816, 818, 822), (824, 821, 819), W),  # the ranges overlap
        ((816, 820), (823, 823), W),  # 3 apart, 4 wide
        ((816, 820), (826, 826), R),  # 6 apart, 4 wide
        ((816, 820), (810, 808), B),  # 6 apart the other way
        ((816, 816), (816.5, 816.5), R),
        ((816, None), (818, 816), W),  # a miss among the other roundings has no width
    ],
)
def test_a_change_within_the_spread_is_rounding(
    before: tuple[Value, ...], after: tuple[Value, ...], expected: Verdict
) -> None:
    """What other rounding alone would do is no regression, and what goes beyond is one."""
    rows = (exact(values[0], spread=values[1:]) for values in (before, after))

    assert _verdict(*rows) is expected


def test_a_lost_target_is_never_rounding() -> None:
    """Not even where other rounding loses it too: changes of status always count."""
    before, after = exact(100, spread=(100, None)), exact(None, spread=(100, None))

    assert _verdict(before, after) is R


def test_numbers_below_the_floor_are_not_compared() -> None:
    """1e-17 and 1e-18 of a function that starts at 1 are both nothing; 1e-10 is not."""
    tiny, tinier, more = (exact(v, FINAL, floor=1e-14) for v in (1e-17, 1e-18, 1e-10))

    assert _verdict(tiny, tinier) is N
    assert _verdict(tiny, more) is R


@pytest.mark.parametrize(
    ("key", "before", "after", "expected"),
    [
        (STEPS, 10, 12, W),
        (STEPS, 10, 13, R),
        (STEPS, 1000, 1030, W),
        (STEPS, 1000, 1031, R),
        (STEPS, 1000, 969, B),
        (STEPS, 1000, None, R),
        (FINAL, 1.0, 1.02, W),
        (FINAL, 1.0, 1.04, R),
        (BYTES, 100, 101, R),
        (STATUS, "converged", "budget", R),
    ],
)
def test_machines_that_round_differently_are_forgiven_a_little(
    key: Key, before: Value, after: Value, expected: Verdict
) -> None:
    """Two steps or 3 %, and no more; state and status have nothing to do with rounding."""
    rows = exact(before, key), exact(after, key)

    assert _verdict(*rows, alike=False) is expected
    assert _verdict(*rows) in (R, B)


def test_a_judgement_tells_the_size_of_the_change() -> None:
    """12 % more is .12; of words and of nothing there is no size."""
    found = judge_exact(exact(100), exact(112), same_arithmetic=True, against="then")

    assert found.change == pytest.approx(0.12)
    assert (found.before, found.after, found.against) == (100, 112, "then")
    assert judge_exact(exact(100), exact(None), same_arithmetic=True).change is None
    assert judge_exact(exact(0), exact(1), same_arithmetic=True).change is None
