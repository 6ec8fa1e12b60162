"""The overview: what the newest nights say, what has changed lately, and the matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.tables import printable
from optbench.nightly.compare import Comparison
from optbench.nightly.dashboard.agreement import Agreement, agreement
from optbench.nightly.dashboard.matrix import SPARK, Matrix, matrices, word
from optbench.nightly.dashboard.page import Told, data_of_nights, nights_file, tell
from optbench.nightly.dashboard.series import Suite
from optbench.nightly.dashboard.whole import Options, Whole
from optbench.nightly.judgement import Verdict
from optbench.report.site.whole import Page

LATELY = 30
"""Nights of each device whose changes are told on the overview."""

TOLD = 60
"""Changes that it tells."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is thought of the newest night of a suite on a device, as text."""

    device: str
    night: str
    commit: str
    subject: str
    against: str
    count: int
    verdict: str
    word: str
    counts: Sequence[tuple[str, str, int]]
    failures: Sequence[str]
    notes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A suite on the overview."""

    name: str
    statuses: Sequence[Status]
    matrices: Sequence[Matrix]
    agreement: Agreement | None


def page_of_overview(whole: Whole) -> Page:
    """Make the overview, with the data of the nights that the series' pages share."""
    changes = sorted(
        (change for suite in whole.suites for change in _changes(suite, whole.options)),
        key=lambda change: change[0],
        reverse=True,
    )
    html = whole.render(
        "index.html.j2",
        root="",
        suites=[_shown(suite) for suite in whole.suites],
        left_out=[printable(line) for line in whole.left_out],
        changes=[change[1:] for change in changes[:TOLD]],
        more=max(len(changes) - TOLD, 0),
        spark=SPARK,
        trend=whole.trend is not None,
    )
    data = {nights_file(suite): data_of_nights(suite) for suite in whole.suites}
    return Page(path="index.html", html=html, data=data)


def _shown(suite: Suite) -> Shown:
    return Shown(
        name=printable(suite.name),
        statuses=[
            _status(device, comparison, len(suite.nights[device]))
            for device, comparison in suite.comparisons.items()
        ],
        matrices=matrices(suite),
        agreement=agreement(suite),
    )


def _status(device: str, comparison: Comparison, count: int) -> Status:
    night, against = comparison.night, comparison.against
    dirty = "-dirty" if night.dirty else ""
    verdict = comparison.verdict
    return Status(
        device=device,
        night=printable(night.date[:16].replace("T", " ")),
        commit=printable(f"{night.commit[:10]}{dirty}") if night.commit else "",
        subject=printable(night.subject),
        against=f"against the night of {against.date[:10]}" if against else "the first night",
        count=count,
        verdict=str(Verdict.REGRESSION if night.failures else verdict),
        word="could not run in full" if night.failures else word(verdict),
        counts=[(str(one), word(one), number) for one, number in comparison.counts.items()],
        failures=[printable(line) for line in night.failures],
        notes=[printable(line) for line in comparison.notes],
    )


def _changes(suite: Suite, options: Options) -> list[tuple[str, str, str, Told]]:
    """Return the changes of the last nights: the moment, the page, the name, the change."""
    found = []
    for series in suite.series:
        for track in series.tracks:
            nights = suite.nights[track.device]
            for sign, change in enumerate(track.changes, start=1):
                if change.place < len(nights) - LATELY or change.verdict is Verdict.ROUNDING:
                    continue
                told = tell(sign, change, track.device, nights, series.key, options)
                device = f" ({track.device})" if len(suite.nights) > 1 else ""
                name = printable(f"{series.key}{device}")
                found.append((nights[change.place].date, series.page, name, told))
    return found
