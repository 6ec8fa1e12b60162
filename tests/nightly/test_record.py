"""A night's record says what was measured, and says so when it is not what was written."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from optbench.nightly.record import ForeignError, Kind, Night, Row, read_night
from tests.nightly.nights import FINAL, STATUS, STEPS, exact, night, noisy


def _night() -> Night:
    return night(
        1,
        exact(120, curve="c0ffee"),
        exact("converged", STATUS, curve="c0ffee"),
        exact(1.25e-9, FINAL, curve="c0ffee", spread=(1.26e-9, None), floor=1e-16),
        exact(None, STEPS._replace(problem="valley")),
        noisy(1.5, samples=(1.4, 1.5, 1.7)),
        failures=("mine.sgd:SGD cannot be imported",),
        notes=("dated before the night x",),
        versions={"torch": "2.13.0"},
        seconds=12.5,
    )


def test_a_record_comes_back_as_it_was() -> None:
    """Every field and every row survive the way to disk and back, in their order."""
    before = _night()

    assert before == read_night(before.to_json())


def test_a_record_is_strict_json() -> None:
    """What is not finite is null: a bare NaN would stop every other reader."""
    rows = (exact(math.nan), exact(math.inf, STATUS), noisy(1.0))
    text = night(1, *rows).to_json()

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)
    assert [row.value for row in read_night(text).rows] == [None, None, 1.0]


def test_values_that_never_moved_are_kept_once() -> None:
    """A thousand nights stay small: a spread of equal values is a number, not a list."""
    steady = night(1, exact(120, spread=(120,) * 50))
    moved = night(1, exact(120, spread=(121,) * 50))

    assert len(steady.to_json()) + 300 < len(moved.to_json())
    assert steady == read_night(steady.to_json())


@pytest.mark.parametrize("change", ["120", '"converged"', "2026-01-01", "haswell"])
def test_a_changed_record_is_refused(change: str) -> None:
    """One flipped digit or letter anywhere is noticed."""
    text = _night().to_json().replace("Haswell", "haswell")
    text = _night().to_json() if change != "haswell" else text
    flipped = text.replace(change, change.replace("1", "2").replace("con", "div"))

    with pytest.raises(ForeignError, match="checksum"):
        read_night(flipped)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no strict JSON"),
        ("{", "no strict JSON"),
        ('{"optbench_night": NaN}', "no strict JSON"),
        ("[" * 100_000, "no strict JSON"),
        ("[]", "no record"),
        ('{"name": "somebody else\'s"}', "no record"),
        ('{"optbench_night": 99, "checksum": "x"}', "newer optbench"),
        ('{"optbench_night": "one"}', "newer optbench"),
    ],
)
def test_foreign_texts_are_refused_in_a_line(text: str, complaint: str) -> None:
    """Half a file, somebody else's JSON, a newer format: each is told apart."""
    with pytest.raises(ForeignError, match=complaint) as caught:
        read_night(text)

    assert "\n" not in str(caught.value)


def test_the_arithmetic_names_the_environment() -> None:
    """Nights on one kind of machine share a name; another BLAS kernel is another name."""
    here = night(1)
    there = replace(here, environment={"blas": "Prescott"})

    assert here.arithmetic == replace(here, id="x", commit=None).arithmetic
    assert here.arithmetic != there.arithmetic


def test_a_row_is_found_by_its_key() -> None:
    """The row of a series is that of all four names."""
    found = _night().row(STEPS)

    assert isinstance(found, Row)
    assert (found.value, found.kind) == (120, Kind.EXACT)
    assert _night().row(STEPS._replace(schedule="cosine")) is None
