"""What has changed in a series, and when, in hindsight."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from optbench.nightly.detect import change_points
from optbench.nightly.exact import judge_exact
from optbench.nightly.judgement import Judgement, Verdict
from optbench.nightly.record import Kind, Night, Row, Value


@dataclass(frozen=True, kw_only=True)
class Change:
    """A night from which on a series is another.

    Attributes:
        place: Place of the night.
        before: Place of the night that it is compared with.
        old: Value before, of a noisy metric the median of the level.
        new: Value from then on.
        verdict: What is thought of it; None where the series only starts anew.
        reason: Why, in a phrase.
        rows: The rows of the two nights.
    """

    place: int
    before: int
    old: Value
    new: Value
    verdict: Verdict | None
    reason: str
    rows: tuple[Row, Row]

    @property
    def share(self) -> float | None:
        """The relative change, .12 for 12 % more; None where there is no such number."""
        return Judgement(
            key=self.rows[0].key,
            kind=self.rows[0].kind,
            verdict=Verdict.NO_CHANGE,
            before=self.old,
            after=self.new,
        ).change


def changes(
    nights: Sequence[Night], places: Sequence[int], rows: Sequence[Row], since: int
) -> list[Change]:
    """Find what has changed in a series, each night beside those that it can be compared with.

    Args:
        nights: The nights of its suite and device, oldest first.
        places: Places of the nights that have it.
        rows: Its rows in those nights.
        since: Place of the first night to look at.

    Returns:
        The changes, the oldest first.
    """
    recent = [(place, row) for place, row in zip(places, rows, strict=True) if place >= since]
    found = _anew(recent)
    if rows[-1].kind is Kind.EXACT:
        found += _exact(nights, recent)
    else:
        found += _noisy(nights, recent)
    return sorted(found, key=lambda change: change.place)


Placed = Sequence[tuple[int, Row]]


def _anew(recent: Placed) -> list[Change]:
    return [
        Change(
            place=place,
            before=before,
            old=old.value,
            new=row.value,
            verdict=None,
            reason="starts anew: defined otherwise from here on",
            rows=(old, row),
        )
        for (before, old), (place, row) in itertools.pairwise(recent)
        if old.definition != row.definition
    ]


def _exact(nights: Sequence[Night], recent: Placed) -> list[Change]:
    found = []
    defined: dict[str, tuple[int, Row]] = {}
    alike: dict[tuple[str, str], tuple[int, Row]] = {}
    for place, row in recent:
        environment = (row.definition, nights[place].arithmetic)
        known = alike.get(environment) or defined.get(row.definition)
        if known is not None and known[1].value != row.value:
            before, old = known
            same = nights[before].arithmetic == environment[1]
            judged = judge_exact(old, row, same_arithmetic=same)
            if judged.verdict not in (Verdict.NO_CHANGE, Verdict.INSUFFICIENT):
                found.append(_judged(judged, before, place, (old, row)))
        defined[row.definition] = alike[environment] = (place, row)
    return found


def _judged(judged: Judgement, before: int, place: int, rows: tuple[Row, Row]) -> Change:
    return Change(
        place=place,
        before=before,
        old=judged.before,
        new=judged.after,
        verdict=judged.verdict,
        reason=judged.reason,
        rows=rows,
    )


def _noisy(nights: Sequence[Night], recent: Placed) -> list[Change]:
    alike: dict[tuple[str, str], list[tuple[int, Row, float]]] = {}
    for place, row in recent:
        if isinstance(row.value, int | float):
            environment = (row.definition, nights[place].arithmetic)
            alike.setdefault(environment, []).append((place, row, row.value))
    found = []
    for level in alike.values():
        values = [value for *_, value in level]
        edges = [0, *change_points(values), len(values)]
        for start, point, end in zip(edges, edges[1:], edges[2:], strict=False):
            old, new = (statistics.median(values[a:b]) for a, b in ((start, point), (point, end)))
            found.append(
                Change(
                    place=level[point][0],
                    before=level[point - 1][0],
                    old=old,
                    new=new,
                    verdict=Verdict.REGRESSION if new > old else Verdict.IMPROVED,
                    reason="medians of the levels",
                    rows=(level[point - 1][1], level[point][1]),
                )
            )
    return found
