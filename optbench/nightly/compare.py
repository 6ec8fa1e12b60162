"""A night against the nights before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from optbench.nightly.detect import LEAST, detect
from optbench.nightly.exact import judge_exact
from optbench.nightly.judgement import Judgement, Verdict
from optbench.nightly.record import Key, Kind, Night, Row


class Exit(IntEnum):
    """The exit status of `optbench nightly`; 2 is bad input, as everywhere."""

    GOOD = 0
    REGRESSION = 1
    COULD_NOT_RUN = 3


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A night and what is thought of it.

    Attributes:
        night: The night.
        against: The night that exact metrics are held against where it was asked for, or the one
            before; None for the first.
        judgements: A judgement a row, in their order.
        gone: Series of that night that this one lacks.
        notes: What else a reader should know, a line each.
    """

    night: Night
    against: Night | None
    judgements: tuple[Judgement, ...]
    gone: tuple[Key, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many series have each verdict, the worst first."""
        count = Counter(judgement.verdict for judgement in self.judgements)
        return {verdict: count[verdict] for verdict in Verdict if count[verdict]}

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all series; insufficient data where nothing could be compared."""
        return next(iter(self.counts), Verdict.INSUFFICIENT)

    @property
    def exit(self) -> Exit:
        """The exit status: what could not run weighs most, since it hides what it would say."""
        if self.night.failures:
            return Exit.COULD_NOT_RUN
        return Exit.REGRESSION if self.counts.get(Verdict.REGRESSION) else Exit.GOOD


def compare(night: Night, past: Sequence[Night], against: Night | None = None) -> Comparison:
    """Hold a night against the past.

    An exact metric is compared with the last night that has it as it is defined now, and rounds
    alike where there is such a night; or with the night asked for. A noisy one is judged by the
    nights that were made in the same environment, whichever night is asked for.

    Args:
        night: The night.
        past: The nights before it, of the same suite and device, oldest first.
        against: The night asked for.

    Returns:
        The comparison.
    """
    ran = [other for other in past if other.id != night.id]
    exact = _Past([against] if against is not None else ran, night.arithmetic)
    noisy = _Past([other for other in ran if other.arithmetic == night.arithmetic])
    judgements = tuple(
        exact.judge(row, night) if row.kind is Kind.EXACT else _judge_noisy(row, noisy)
        for row in night.rows
    )
    before = against or next((other for other in reversed(ran) if other.rows), None)
    keys = {row.key for row in night.rows}
    gone = [row.key for row in before.rows if row.key not in keys] if before else []
    return Comparison(
        night=night,
        against=before,
        judgements=judgements,
        gone=tuple(gone),
        notes=_notes(night, before),
    )


class _Past:
    """The rows of some nights by series, the newest last."""

    def __init__(self, nights: Sequence[Night], arithmetic: str = "") -> None:
        self._arithmetic = arithmetic
        self.rows: dict[Key, list[tuple[Night, Row]]] = {}
        for night in nights:
            for row in night.rows:
                self.rows.setdefault(row.key, []).append((night, row))

    def judge(self, row: Row, night: Night) -> Judgement:
        """Judge an exact metric."""
        known = self.rows.get(row.key, [])
        defined = [(n, r) for n, r in known if r.definition == row.definition]
        if not defined:
            reason = f"starts anew: defined otherwise in {known[-1][0].id}" if known else "new"
            return _nothing(row, reason)
        alike = [(n, r) for n, r in defined if n.arithmetic == self._arithmetic]
        other, before = (alike or defined)[-1]
        same = other.arithmetic == night.arithmetic
        return judge_exact(before, row, same_arithmetic=same, against=other.id)


def _judge_noisy(row: Row, past: _Past) -> Judgement:
    known = [r for _, r in past.rows.get(row.key, []) if r.definition == row.definition]
    numbers = [r.value for r in (*known, row) if isinstance(r.value, int | float)]
    if not isinstance(row.value, int | float):
        return _nothing(row, "could not be measured")
    found = detect(numbers)[-1]
    if found.verdict is Verdict.INSUFFICIENT:
        return _nothing(row, f"{len(numbers)} nights since the last change, {LEAST + 1} needed")
    share = found.after / found.before - 1 if found.before else 0.0
    reasons = {
        Verdict.SUSPICIOUS: f"this night alone is {share:+.1%} off",
        Verdict.REGRESSION: f"the last nights are {share:+.1%} off, p = {found.p:.1g}",
        Verdict.IMPROVED: f"the last nights are {share:+.1%} off, p = {found.p:.1g}",
    }
    return Judgement(
        key=row.key,
        kind=row.kind,
        verdict=found.verdict,
        before=found.before,
        after=found.after,
        reason=reasons.get(found.verdict, ""),
    )


def _nothing(row: Row, reason: str) -> Judgement:
    return Judgement(
        key=row.key, kind=row.kind, verdict=Verdict.INSUFFICIENT, after=row.value, reason=reason
    )


def _notes(night: Night, before: Night | None) -> tuple[str, ...]:
    notes = list(night.notes)
    if before is None:
        return tuple(notes)
    if before.suite_fingerprint != night.suite_fingerprint:
        notes.append(
            f"the suite has changed since {before.id}: what is defined otherwise starts anew"
        )
    if before.arithmetic != night.arithmetic:
        notes.append(f"other arithmetic than in {before.id}: {', '.join(differing(before, night))}")
    return tuple(notes)


def differing(before: Night, night: Night) -> list[str]:
    """Return in what two nights' environments differ, such as `torch 2.12.0 -> 2.13.0`, by name."""
    old, new = before.environment, night.environment
    return [
        f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def find_night(past: Sequence[Night], reference: str, commit: str | None = None) -> Night | None:
    """Find the night that `--against` names.

    Args:
        past: The nights, oldest first.
        reference: A commit or its beginning, the id of a night, or a date, ISO 8601.
        commit: The commit that git says the reference is, where it is one: a tag, say.

    Returns:
        The last night of that commit, or of that day or before it; None when there is none.
    """
    known = [night for night in past if night.rows]
    for night in reversed(known):
        named = night.id == reference or night.id.startswith(f"{reference}-")
        if named or (commit and night.commit == commit):
            return night
    if len(reference) >= SHORTEST:
        for night in reversed(known):
            if night.commit and night.commit.startswith(reference.lower()):
                return night
    moment = _moment(reference)
    if moment:
        return next((night for night in reversed(known) if night.date <= moment), None)
    return None


SHORTEST = 4
"""Digits that a commit is named by, at least, as in git."""


def _moment(reference: str) -> str:
    """Return the last moment of a date, as nights write it; empty for what is no date."""
    try:
        moment = datetime.fromisoformat(reference)
    except ValueError:
        return ""
    if len(reference) <= len("2026-01-01"):
        moment += timedelta(days=1) - timedelta(seconds=1)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")
