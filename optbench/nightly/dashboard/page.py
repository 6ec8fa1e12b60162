"""The page of a series: its values by night, its changes, and the curves before and after them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.tables import printable
from optbench.nightly.compare import differing
from optbench.nightly.dashboard.changes import Change
from optbench.nightly.dashboard.charts import (
    ReadCurve,
    curves_chart,
    moment,
    numbered,
    numbers_chart,
)
from optbench.nightly.dashboard.matrix import SIGNS, percent
from optbench.nightly.dashboard.series import SHOWN, Suite, Track
from optbench.nightly.dashboard.whole import Options, Whole
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Kind, Night, Value
from optbench.nightly.summary import shown
from optbench.report.site.columns import Columns, script
from optbench.report.site.names import file_stem
from optbench.report.site.whole import Page

LEVELS = 50
"""Levels of an exact series, the newest, that are told one by one."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A change as text.

    Attributes:
        sign: Its number in the chart.
        device: On which device.
        night: When.
        commits: The commits between which it lies, `good..bad`; one where there is no other.
        subject: First line of the message of the newer commit.
        values: Before and after.
        change: The relative change.
        verdict: Name of the verdict, `anew` where a series starts anew.
        word: The verdict in a word.
        reason: Why.
        command: What searches for the commit; empty where nothing can.
    """

    sign: int
    device: str
    night: str
    commits: str
    subject: str
    values: str
    change: str
    verdict: str
    word: str
    reason: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Level:
    """Nights in a row with one value."""

    device: str
    nights: str
    count: int
    commit: str
    value: str


def page_of_series(whole: Whole, suite: Suite, place: int, read: ReadCurve) -> Page:
    """Make a series' page.

    Args:
        whole: The dashboard.
        suite: The suite.
        place: Place of the series among those of the suite.
        read: Finds a curve by its name.

    Returns:
        The page with its data.
    """
    series = suite.series[place]
    columns = Columns()
    charts = {}
    if any(isinstance(r.value, int | float) for track in series.tracks for r in track.rows):
        charts["numbers"] = numbers_chart(series, suite.nights, columns)
    curves = curves_chart(series, suite.nights, read, columns)
    if curves is not None:
        charts["curves"] = curves
    exact = series.kind is Kind.EXACT
    html = whole.render(
        "series.html.j2",
        root="../../",
        suite=suite.name,
        key=series.key,
        exact=exact,
        before=suite.series[place - 1] if place else None,
        after=suite.series[place + 1] if place + 1 < len(suite.series) else None,
        newest=[_newest(track, suite) for track in series.tracks],
        told=[
            told
            for track in series.tracks
            for told in _told(track, suite, series.key, whole.options)
        ],
        levels=[level for t in series.tracks for level in _levels(t, suite)] if exact else [],
        devices=len(suite.nights) > 1,
        charts=sorted(charts),
        data=series.file,
        shown_nights=SHOWN,
    )
    data = {"nights": nights_file(suite), "charts": charts, "columns": columns.written()}
    written = {series.file: script(series.file, data)} if charts else {}
    return Page(path=series.page, html=html, data=written)


def nights_file(suite: Suite) -> str:
    """Return the name of the data that a suite's pages share: dates and commits of its nights."""
    return f"{file_stem(suite.name)}/nights"


def data_of_nights(suite: Suite) -> str:
    """Return that data."""
    devices = {
        device: {
            "dates": [moment(night.date) for night in nights],
            "words": [_words(night) for night in nights],
        }
        for device, nights in suite.nights.items()
    }
    return script(nights_file(suite), {"devices": devices, "columns": []})


def _words(night: Night) -> str:
    if night.commit is None:
        return "no commit"
    dirty = "-dirty" if night.dirty else ""
    return printable(f"{night.commit[:10]}{dirty} {night.subject[:80]}".strip())


def _newest(track: Track, suite: Suite) -> tuple[str, str, str, str]:
    """Return device, value, verdict and reason."""
    judgement = track.judgement
    verdict = judgement.verdict if judgement else None
    night = suite.nights[track.device][track.places[-1]]
    reason = judgement.reason if judgement else f"last measured {night.date[:10]}"
    word = SIGNS[verdict] or "no change"
    return track.device, printable(shown(track.rows[-1].value)), word, printable(reason)


def _told(track: Track, suite: Suite, key: Key, options: Options) -> list[Told]:
    nights = suite.nights[track.device]
    return [
        tell(sign, change, track.device, nights, key, options) for sign, change in numbered(track)
    ]


def tell(
    sign: int,
    change: Change,
    device: str,
    nights: Sequence[Night],
    key: Key,
    options: Options,
) -> Told:
    """Return a change as text.

    Args:
        sign: Its number.
        change: The change.
        device: On which device.
        nights: The nights of its suite and device.
        key: The series.
        options: How runs are asked for, by the definitions of their series.
    """
    old, new = nights[change.before], nights[change.place]
    reasons = [change.reason, *differing(old, new)]
    return Told(
        sign=sign,
        device=device,
        night=new.date[:10],
        commits=_between(old.commit, new.commit),
        subject=printable(new.subject),
        values=printable(f"{shown(change.old)} → {shown(change.new)}"),
        change=percent(change.share),
        verdict="anew" if change.verdict is None else str(change.verdict),
        word="starts anew" if change.verdict is None else SIGNS[change.verdict],
        reason=printable("; ".join(reason for reason in reasons if reason)),
        command=bisect_command(key, change, old, new, options),
    )


def _between(old: str | None, new: str | None) -> str:
    if old and new and old != new:
        return f"{old[:10]}..{new[:10]}"
    return (new or "no commit")[:10]


def bisect_command(key: Key, change: Change, old: Night, new: Night, options: Options) -> str:
    """Return the command line that finds the commit of a change.

    Args:
        key: The series.
        change: What has changed.
        old: The night before.
        new: The night since which it is so.
        options: How runs are asked for, by the definitions of their series.

    Returns:
        The command; empty where the commits are unknown or equal, for what no run has, and for runs
        that today's suite does not ask for.
    """
    searched = change.verdict in (Verdict.REGRESSION, Verdict.IMPROVED)
    asked = options.get(change.rows[1].definition)
    exact = change.rows[1].kind is Kind.EXACT
    if not (searched and asked and exact and old.commit and new.commit) or old.commit == new.commit:
        return ""
    words = ["optbench", "bisect", "--metric", key.metric, *asked]
    return printable(shlex.join([*words, old.commit[:12], new.commit[:12]]))


def _levels(track: Track, suite: Suite) -> list[Level]:
    """Return the levels of an exact series, the newest first."""
    nights = suite.nights[track.device]
    spans: list[tuple[Value, int, int, int]] = []
    for place, row in zip(track.places, track.rows, strict=True):
        if spans and spans[-1][0] == row.value:
            value, first, _, count = spans[-1]
            spans[-1] = (value, first, place, count + 1)
        else:
            spans.append((row.value, place, place, 1))
    return [
        Level(
            device=track.device,
            nights=nights[a].date[:10]
            if a == b
            else f"{nights[a].date[:10]} to {nights[b].date[:10]}",
            count=count,
            commit=_words(nights[a]),
            value=printable(shown(value)),
        )
        for value, a, b, count in reversed(spans[-LEVELS:])
    ]
