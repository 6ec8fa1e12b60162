"""The table of a comparison has every problem, both sides, and the sentence."""

from __future__ import annotations

import math
from statistics import geometric_mean

import pytest

from optbench.analysis.compare import compare
from optbench.analysis.summary import summarize
from optbench.report.tables.change import change
from optbench.report.tables.text import text
from tests.report.tables.conftest import solved


def test_ratios_are_those_of_pairs() -> None:
    """Every problem is a row with b over a; what one side alone ran on is named."""
    a, b = [10.0, 20.0, 40.0, 80.0, 160.0], [6.0, 11.0, 19.0, 41.0, 85.0]
    rows_a = summarize([*solved("a", a), *solved("a", a, "only a")])
    rows_b = summarize([*solved("b", b)])
    made = change(compare(rows_a, rows_b, a="<a>", b="b_1"))
    ((label, cells),) = made.rows
    (record,) = made.records

    ratio = geometric_mean([y / x for x, y in zip(a, b, strict=True)])
    assert label == "p"
    assert cells[1].value == record["ratio_calls"] == pytest.approx(ratio)
    assert (cells[1].low or 1) < ratio < (cells[1].high or 0)
    assert [cell.words for cell in (cells[0], cells[3], cells[4], cells[7])] == [
        "1e-03",
        "5/5",
        "5/5",
        "better",
    ]
    assert (record["a"], record["b"], record["verdict"]) == ("<a>", "b_1", "better")
    assert any("only a" in note for note in made.notes)
    assert made.notes[-1].endswith(".")
    assert "b_1" in made.notes[-1]
    assert "b_1 / <a>" in made.caption


def test_what_cannot_be_tested_is_said() -> None:
    """One seed: ratios without an interval, no p-value, no verdict; a miss is no ratio."""
    rows_a, rows_b = summarize(solved("a", [10])), summarize(solved("b", [math.inf]))
    made = change(compare(rows_a, rows_b, a="a", b="b"))
    ((_, cells),) = made.rows

    assert [cell.words for cell in (cells[1], cells[3], cells[4], cells[5])] == [
        "—",
        "1/1",
        "0/1",
        "—",
    ]
    assert any("No test" in note for note in made.notes)
    assert "undecided" in text(made)


def test_nothing_in_common_is_a_sentence() -> None:
    """Two sides that share no problem have an empty table that says so."""
    rows_a, rows_b = summarize(solved("a", [10])), summarize(solved("b", [10], "q"))
    made = change(compare(rows_a, rows_b, a="a", b="b"))

    assert made.rows == ()
    assert "nothing can be said" in text(made)


def test_notes_say_what_is_left_open_and_why() -> None:
    """Who arrives on both sides has no ratio of ends; too few seeds are told with their number."""
    some, none = [10.0, 20.0, 30.0, math.inf], [math.inf] * 4
    rows_a = summarize([*solved("a", some[:3], "arrive"), *solved("a", some, "few")])
    rows_b = summarize([*solved("b", some[:3], "arrive"), *solved("b", none, "few")])
    made = change(compare(rows_a, rows_b, a="a", b="b"))

    assert [cells[2].words for _, cells in made.rows] == ["—", ""]
    assert any("No ratio of final values where both" in note for note in made.notes)
    (few,) = [note for note in made.notes if note.startswith("Undecided for want of seeds")]
    assert "arrive" not in few
    assert "few; that takes 6 seeds" in few
