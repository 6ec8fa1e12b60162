"""From nights to series: one metric over the nights, on every device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optbench.nightly.compare import Comparison, compare
from optbench.nightly.dashboard.changes import Change, changes
from optbench.nightly.judgement import Judgement
from optbench.nightly.record import Key, Kind, Night, Row, digest
from optbench.report.site.names import file_stem

SHOWN = 365
"""Nights that pages show one by one; of older ones, what a thinned curve keeps."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """A series on one device.

    Attributes:
        device: The device.
        places: Places of its nights among those of the suite on that device, ascending.
        rows: Its rows, one a place.
        changes: What has changed within the nights that are shown, the oldest first.
        judgement: What is thought of it in the newest night; None where that night lacks it.
    """

    device: str
    places: Sequence[int]
    rows: Sequence[Row]
    changes: Sequence[Change]
    judgement: Judgement | None


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one optimizer on one problem.

    Attributes:
        suite: The suite's name.
        key: What names it there.
        tracks: It on every device that has it, the CPU first.
    """

    suite: str
    key: Key
    tracks: Sequence[Track]

    @property
    def kind(self) -> Kind:
        """How it is judged."""
        return self.tracks[0].rows[-1].kind

    @property
    def file(self) -> str:
        """Where its page and its data lie, without folder and ending."""
        return f"{file_stem(self.suite)}/{digest(list(self.key))}"

    @property
    def page(self) -> str:
        """Where its page lies in the folder."""
        return f"series/{self.file}.html"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite in a history.

    Attributes:
        name: Its name.
        nights: The nights of each device, oldest first, the CPU first.
        comparisons: What is thought of the newest night of each device.
        series: Its series, in the order of the newest night.
    """

    name: str
    nights: Mapping[str, Sequence[Night]]
    comparisons: Mapping[str, Comparison]
    series: Sequence[Series]


def suites(nights: Iterable[Night]) -> list[Suite]:
    """Arrange a history by suite, device and series.

    Args:
        nights: The nights, oldest first.

    Returns:
        A suite a name, in the order of the names.
    """
    arranged: dict[str, dict[str, list[Night]]] = {}
    for night in nights:
        arranged.setdefault(night.suite, {}).setdefault(night.device, []).append(night)
    return [
        _suite(name, {device: devices[device] for device in sorted(devices)})
        for name, devices in sorted(arranged.items())
    ]


def _suite(name: str, nights: Mapping[str, Sequence[Night]]) -> Suite:
    comparisons = {device: compare(own[-1], own[:-1]) for device, own in nights.items()}
    tracks: dict[Key, list[Track]] = {}
    for device, own in nights.items():
        judged = {judgement.key: judgement for judgement in comparisons[device].judgements}
        for key, found in _rows(own).items():
            places, rows = zip(*found, strict=True)
            if places[-1] >= len(own) - SHOWN:
                track = Track(
                    device=device,
                    places=places,
                    rows=rows,
                    changes=changes(own, places, rows, since=max(len(own) - SHOWN, 0)),
                    judgement=judged.get(key),
                )
                tracks.setdefault(key, []).append(track)
    order = {row.key: place for own in nights.values() for place, row in enumerate(own[-1].rows)}
    keys = sorted(tracks, key=lambda key: (order.get(key, len(order)), key))
    series = [Series(suite=name, key=key, tracks=tracks[key]) for key in keys]
    return Suite(name=name, nights=nights, comparisons=comparisons, series=series)


def _rows(nights: Sequence[Night]) -> Mapping[Key, list[tuple[int, Row]]]:
    found: dict[Key, list[tuple[int, Row]]] = {}
    for place, night in enumerate(nights):
        for row in night.rows:
            found.setdefault(row.key, []).append((place, row))
    return found
