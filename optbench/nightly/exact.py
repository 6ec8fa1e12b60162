"""Exact metrics: any change counts, unless other rounding alone would do as much.

With every value comes what the same run gave with other rounding. Two values differ by rounding
when the ranges of their spreads are no further apart than the wider of them is wide. Between
machines that round differently as such, two steps or 3 % are forgiven besides: with another BLAS
kernel, counts of steps were seen to differ by 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from optbench.nightly.judgement import Judgement, Verdict
from optbench.nightly.metrics import DEVIATES, STEPS_TO_TARGET
from optbench.nightly.record import Row

STEPS, SHARE = 2, 0.03
"""What is forgiven between machines that round differently."""

_RANKS = (
    ("converged", "PASS", "conforms"),
    ("budget", "INCONCLUSIVE"),
    ("refused",),
    ("diverged", "FAIL"),
    ("nan",),
    ("timeout",),
    ("out_of_memory",),
    ("error",),
)
_RANK = {word: rank for rank, words in enumerate(_RANKS) for word in words}
_SKIPPED = "SKIPPED"


def judge_exact(before: Row, after: Row, *, same_arithmetic: bool, against: str = "") -> Judgement:
    """Judge a change of an exact metric.

    Args:
        before: The row that it is compared with.
        after: The newest row of the same series.
        same_arithmetic: Whether both are from environments that round alike.
        against: The night of `before`.

    Returns:
        The judgement.
    """
    verdict, reason = _judge(before, after, same_arithmetic=same_arithmetic)
    return Judgement(
        key=after.key,
        kind=after.kind,
        verdict=verdict,
        before=before.value,
        after=after.value,
        reason=reason,
        against=against,
    )


def _judge(before: Row, after: Row, *, same_arithmetic: bool) -> tuple[Verdict, str]:
    old, new = before.value, after.value
    if old == new:
        return Verdict.NO_CHANGE, ""
    if _SKIPPED in (old, new):
        return Verdict.INSUFFICIENT, "was not checked in one of the nights"
    if isinstance(old, str) or isinstance(new, str):
        return _judge_words(str(old), str(new))
    if old is None or new is None:
        if not after.key.metric.startswith(STEPS_TO_TARGET):
            return Verdict.INSUFFICIENT, "is unknown in one of the nights"
        if new is None:
            return Verdict.REGRESSION, "the target is no longer reached"
        return Verdict.IMPROVED, "the target is reached"
    worse = Verdict.REGRESSION if new > old else Verdict.IMPROVED
    if max(abs(old), abs(new)) <= max(before.floor, after.floor):
        return Verdict.NO_CHANGE, "both are below what rounding leaves"
    rounding = _rounding(before, after)
    if rounding:
        return Verdict.ROUNDING, rounding
    if not same_arithmetic and _forgiven(after.key.metric, old, new):
        return Verdict.ROUNDING, f"other arithmetic: {STEPS} steps or {SHARE:.0%} are forgiven"
    return worse, ""


def _judge_words(old: str, new: str) -> tuple[Verdict, str]:
    if DEVIATES in old + new:
        ours, theirs = (set(word.removeprefix(DEVIATES).split(", ")) for word in (old, new))
        if old.startswith(DEVIATES) and (not new.startswith(DEVIATES) or theirs < ours):
            return Verdict.IMPROVED, f"{old} before"
        return Verdict.REGRESSION, f"{new} now"
    worse = _RANK.get(new, len(_RANKS)) > _RANK.get(old, len(_RANKS))
    return (Verdict.REGRESSION if worse else Verdict.IMPROVED), f"{old} before, {new} now"


@dataclass(frozen=True)
class _Range:
    """Where a value may lie, with other rounding."""

    low: float
    high: float


def _range(row: Row) -> _Range:
    numbers = [v for v in (row.value, *row.spread) if isinstance(v, int | float)]
    return _Range(min(numbers), max(numbers))


def _rounding(before: Row, after: Row) -> str:
    """Say that a change is no more than rounding, or return the empty string."""
    old, new = _range(before), _range(after)
    width = max(old.high - old.low, new.high - new.low)
    apart = max(new.low - old.high, old.low - new.high)
    if apart > width or not width:
        return ""
    return f"other rounding gives {_text(old)} before and {_text(new)} now"


def _text(span: _Range) -> str:
    return f"{span.low:g}" if span.low == span.high else f"{span.low:.6g} to {span.high:.6g}"


def _forgiven(metric: str, old: float, new: float) -> bool:
    if metric == "state_bytes":  # nothing is rounded there
        return False
    steps = STEPS if metric.startswith(STEPS_TO_TARGET) or metric.endswith("_calls") else 0
    return abs(new - old) <= max(steps, SHARE * abs(old))
