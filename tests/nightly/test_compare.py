"""A night is held against the right night, and what cannot be compared is said to be so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from optbench.nightly.compare import Comparison, Exit, compare, find_night
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Night
from optbench.nightly.summary import as_data, lines
from tests.nightly.nights import STATUS, STEPS, TIME, exact, night, noisy

ELSEWHERE = {"blas": "Prescott"}


def _verdicts(comparison: Comparison) -> dict[Key, Verdict]:
    return {judgement.key: judgement.verdict for judgement in comparison.judgements}


def test_the_first_night_has_nothing_to_say() -> None:
    """Too little history is insufficient data and exit 0, not a pass and not a failure."""
    found = compare(night(1, exact(100), noisy(1.0)), [])

    assert {Verdict.INSUFFICIENT} == set(_verdicts(found).values())
    assert (found.verdict, found.exit, found.against) == (Verdict.INSUFFICIENT, Exit.GOOD, None)


def test_one_step_more_is_a_regression_once() -> None:
    """The night of the change is red; the next, with the same count, is not."""
    first, second, third = (night(d, exact(v)) for d, v in ((1, 100), (2, 101), (3, 101)))

    assert Exit.REGRESSION is compare(second, [first]).exit
    assert Exit.GOOD is compare(third, [first, second]).exit


def test_an_improvement_is_told_and_is_no_failure() -> None:
    """Better is exit 0."""
    found = compare(night(2, exact(99)), [night(1, exact(100))])

    assert (found.verdict, found.exit) == (Verdict.IMPROVED, Exit.GOOD)


def test_a_series_is_held_against_the_last_night_that_has_it() -> None:
    """A night that lacks a series, or could not run, does not hide a regression."""
    past = [night(1, exact(100)), night(2, exact("converged", STATUS)), night(3, failures=("x",))]
    found = compare(night(4, exact(101)), past)

    assert Exit.REGRESSION is found.exit
    assert night(1).id == found.judgements[0].against
    assert night(2).id == (found.against.id if found.against else "")


def test_a_night_that_rounds_alike_is_preferred() -> None:
    """Two machines in turn: each is held against its own last night, exactly."""
    past = [night(1, exact(100)), night(2, exact(102), environment=ELSEWHERE)]

    same = compare(night(3, exact(101)), past)
    assert (Exit.REGRESSION, night(1).id) == (same.exit, same.judgements[0].against)
    other = compare(night(3, exact(103), environment={"blas": "Zen"}), past)
    assert (Verdict.ROUNDING, night(2).id) == (other.verdict, other.judgements[0].against)
    assert any("other arithmetic" in note and "Prescott -> Zen" in note for note in other.notes)


def test_a_changed_suite_starts_series_anew_and_says_so() -> None:
    """What is defined otherwise is not compared; what is not is still compared."""
    status = exact("converged", STATUS)
    before = night(1, exact(100), status)
    after = night(2, exact(500, definition="other"), status, suite_fingerprint="t")
    found = compare(after, [before])

    assert _verdicts(found) == {STEPS: Verdict.INSUFFICIENT, STATUS: Verdict.NO_CHANGE}
    assert "starts anew" in found.judgements[0].reason
    assert any("suite has changed" in note for note in found.notes)
    assert Exit.GOOD is found.exit


def test_a_series_that_came_back_goes_on_where_it_was() -> None:
    """Two changes of the suite that undo each other lose nothing."""
    past = [night(1, exact(100)), night(2, exact(7, definition="other"))]

    assert Exit.REGRESSION is compare(night(3, exact(101)), past).exit


def test_what_is_no_longer_measured_is_named() -> None:
    """A series that was dropped from the suite does not vanish in silence."""
    found = compare(night(2, exact(100)), [night(1, exact(100), exact("converged", STATUS))])

    assert found.gone == (STATUS,)
    assert any("no longer measured" in line and "status" in line for line in lines(found))


def test_what_could_not_run_weighs_most() -> None:
    """A night with a hole is exit 3, whatever the rest says."""
    found = compare(night(2, exact(101), failures=("no",)), [night(1, exact(100))])

    assert Exit.COULD_NOT_RUN is found.exit
    assert "could not run: no" in lines(found)


def test_a_noisy_series_is_judged_by_its_own_environment() -> None:
    """Another machine's times are no history; with too few of one's own there is no verdict."""
    times = [noisy(1 + 0.001 * (day % 7)) for day in range(20)]
    here = [night(day + 1, row) for day, row in enumerate(times)]
    there = [replace(n, environment=ELSEWHERE) for n in here]
    slow = [night(day, noisy(1.3 + 0.001 * (day % 7))) for day in range(21, 24)]
    last = night(24, noisy(1.31))

    assert _verdicts(compare(last, here + slow))[TIME] is Verdict.REGRESSION
    assert _verdicts(compare(last, there + slow))[TIME] is Verdict.INSUFFICIENT
    assert _verdicts(compare(night(21, noisy(1.3)), here))[TIME] is Verdict.SUSPICIOUS


def test_against_a_night_of_ones_choice() -> None:
    """Exact metrics are held against that night and no other."""
    past = [night(1, exact(100)), night(2, exact(90)), night(3, exact(100))]
    found = compare(night(4, exact(100)), past, past[1])

    assert (Verdict.REGRESSION, night(2).id) == (found.verdict, found.judgements[0].against)


@pytest.fixture
def past() -> list[Night]:
    """Three nights, the last of which could not run."""
    return [night(day, exact(day)) for day in (1, 2)] + [night(3, failures=("x",))]


@pytest.mark.parametrize(
    ("reference", "day"),
    [
        (f"{1:040x}", 1),
        (f"{2:040x}"[:40], 2),
        ("2026-01-01", 1),
        ("2026-01-02", 2),
        ("2026-12-31", 2),
        ("2026-01-02T02:59", 1),
        ("2026-01-02T05:00+02:00", 2),
        ("2026-01-02T04:59+02:00", 1),
        (night(1).id, 1),
        ("2025-12-31", None),
        ("v1.0", None),
        (f"{9:040x}", None),
    ],
)
def test_a_night_is_found_by_commit_date_or_id(
    past: list[Night], reference: str, day: int | None
) -> None:
    """A date stands for its last night or the one before; nights that could not run are none."""
    found = find_night(past, reference)

    assert (None if day is None else night(day).id) == (found.id if found else None)


def test_a_tag_is_found_by_the_commit_that_git_makes_of_it(past: list[Night]) -> None:
    """The history has commits only."""
    found = find_night(past, "v1.0", f"{1:040x}")

    assert found is not None
    assert night(1).id == found.id


def test_the_summary_is_strict_and_complete() -> None:
    """Every series is in it, with its verdict, and what is not finite cannot be."""
    found = compare(night(2, exact(101), exact(None, STATUS)), [night(1, exact(100))])
    data = json.loads(json.dumps(as_data(found), allow_nan=False))

    assert (data["verdict"], data["exit_status"]) == ("regression", 1)
    assert [pytest.approx(s["change"]) for s in data["series"]] == [0.01, None]
    assert "regression: steps_to_target of sgd on bowl; 100 -> 101 (+1.0%)" in lines(found)
