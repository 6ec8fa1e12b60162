"""Which exact metrics are the same on two devices, and which only nearly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.tables import printable
from optbench.nightly.dashboard.series import Suite
from optbench.nightly.exact import SHARE, STEPS
from optbench.nightly.metrics import STEPS_TO_TARGET
from optbench.nightly.record import Kind, Value


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One metric: how many series have the same value, nearly the same, or another."""

    metric: str
    same: int
    within: int
    other: int
    largest: str


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The newest nights of a suite's devices beside each other.

    Attributes:
        devices: The devices.
        within: What counts as nearly the same.
        lines: A line a metric.
    """

    devices: str
    within: str
    lines: Sequence[Compared]


def agreement(suite: Suite) -> Agreement | None:
    """Hold the newest nights of a suite's devices side by side.

    Args:
        suite: The suite.

    Returns:
        How far their exact metrics agree; None where there is one device.
    """
    pairs: dict[str, list[tuple[Value, Value]]] = {}
    for series in suite.series:
        if series.kind is not Kind.EXACT:
            continue
        newest = [track.rows[-1] for track in series.tracks if track.judgement is not None]
        for a, b in itertools.pairwise(newest):
            if a.definition == b.definition:
                pairs.setdefault(series.key.metric, []).append((a.value, b.value))
    if not pairs:
        return None
    return Agreement(
        devices=" and ".join(suite.nights),
        within=f"{STEPS} steps or {SHARE:.0%}",
        lines=[_compared(metric, found) for metric, found in pairs.items()],
    )


def _compared(metric: str, found: Sequence[tuple[Value, Value]]) -> Compared:
    same = sum(a == b for a, b in found)
    room = STEPS if metric.startswith(STEPS_TO_TARGET) or metric.endswith("_calls") else 0
    shares = []
    within = 0
    for a, b in found:
        if a == b or not isinstance(a, int | float) or not isinstance(b, int | float):
            continue
        within += abs(a - b) <= max(room, SHARE * abs(a))
        shares.append(abs(a - b) / max(abs(a), abs(b)))
    return Compared(
        metric=printable(metric.replace("_", " ")),
        same=same,
        within=within,
        other=len(found) - same - within,
        largest=f"{max(shares):.2g} relative" if shares else "",
    )
