"""A check: what must be true, how it is measured, and what it usually means when it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from optbench.conformance.pair import NotApplicableError, Pair


class Verdict(StrEnum):
    """What a check, or a whole battery, says."""

    CONFORMS = "conforms"
    DEVIATES = "deviates"
    NOT_APPLICABLE = "not applicable"


NO_EXCEPTION = "no exception"
"""What is expected where an implementation raised."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a check saw.

    Attributes:
        expected: What it should have seen, as text.
        got: What it saw, as text.
        ok: Whether that is the same, within the check's tolerance.
    """

    expected: str
    got: str
    ok: bool


@dataclass(frozen=True, kw_only=True)
class Check:
    """One property of an algorithm that can be seen from outside.

    Attributes:
        id: Short name; where theory has a row for it, the row's id.
        statement: What is true of the algorithm, as a phrase.
        measure: Looks; raises `NotApplicableError` where there is nothing to look at.
        meaning: What a deviation usually means.
        equations: Whose algorithms it is about; empty for all.
    """

    id: str
    statement: str
    measure: Callable[[Pair], Measured]
    meaning: str
    equations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A check's outcome for one implementation."""

    check: str
    statement: str
    expected: str
    got: str
    verdict: Verdict
    meaning: str = ""


def apply(check: Check, pair: Pair) -> Row:
    """Carry out a check.

    Args:
        check: The check.
        pair: The implementation and its equation.

    Returns:
        The outcome. An exception in the implementation is a deviation, and what it says is shown.
    """
    try:
        seen = check.measure(pair)
    except NotApplicableError as reason:
        return _row(check, "", str(reason), Verdict.NOT_APPLICABLE)
    except Exception as error:  # an implementation may raise anything
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        return _row(check, NO_EXCEPTION, got, Verdict.DEVIATES, check.meaning)
    if seen.ok:
        return _row(check, seen.expected, seen.got, Verdict.CONFORMS)
    return _row(check, seen.expected, seen.got, Verdict.DEVIATES, check.meaning)


def _row(check: Check, expected: str, got: str, verdict: Verdict, meaning: str = "") -> Row:
    return Row(
        check=check.id,
        statement=check.statement,
        expected=expected,
        got=got,
        verdict=verdict,
        meaning=meaning,
    )


def within(deviation: float, tolerance: float, what: str = "") -> Measured:
    """Return the outcome of a check whose measure is one deviation from the equation.

    Args:
        deviation: What was measured; not a number counts as infinite.
        tolerance: What is allowed.
        what: Where it was seen, in words.
    """
    ok = deviation <= tolerance
    got = f"{deviation:.1e}" if deviation else "0"
    return Measured(expected=f"at most {tolerance:.0e}", got=f"{got} {what}".strip(), ok=ok)


def equals(got: float, expected: float, rtol: float) -> Measured:
    """Return the outcome of a check whose measure is one number with a known value."""
    ok = abs(got - expected) <= rtol * max(abs(expected), 1e-300)
    digits = ".10g" if rtol < 1e-6 else ".6g"
    return Measured(expected=f"{expected:{digits}}", got=f"{got:{digits}}", ok=ok)
