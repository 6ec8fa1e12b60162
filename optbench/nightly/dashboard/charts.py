"""The charts of a series' page, as the page's script takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from optbench.analysis.curves import LOGARITHMIC, Array
from optbench.analysis.tables import printable
from optbench.nightly.dashboard.changes import Change
from optbench.nightly.dashboard.series import SHOWN, Series, Track
from optbench.nightly.history import Curve
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Kind, Night
from optbench.report.measures import CALLS, SYMBOLS
from optbench.report.site.columns import Columns
from optbench.report.site.thin import thin
from optbench.report.style import BLUE, ORANGE, PURPLE, RED

Json = dict[str, Any]

OLDER = 50
"""Pixel columns that the nights before those that are shown one by one are thinned to."""

WIDE = 100.0
"""Positive values that span more than this factor are drawn on a logarithmic axis."""

LAID_OVER = 3
"""Changes, the newest, whose curves are laid over each other."""

DAY = 86_400_000.0
"""A day in milliseconds, the unit of the page's dates."""

_LOOKS = ((BLUE, "circle"), (ORANGE, "diamond"), (PURPLE, "square"), (RED, "x"))


def numbers_chart(series: Series, nights: Mapping[str, Sequence[Night]], columns: Columns) -> Json:
    """Return the chart of a series by night, one curve a device.

    Args:
        series: The series, of numbers.
        nights: The nights of each device.
        columns: Where its numbers go.

    Returns:
        The chart as JSON; the page looks up dates and commits by the places of the nights.
    """
    names = [_entry(track.device, place) for place, track in enumerate(series.tracks)]
    drawn = [_drawn(track, len(nights[track.device])) for track in series.tracks]
    values = np.concatenate([values for _, values in drawn])
    dates = [moment(night.date) for own in nights.values() for night in (own[0], own[-1])]
    lost = [
        {"of": place, "device": track.device, **rail}
        for place, (track, pair) in enumerate(zip(series.tracks, drawn, strict=True))
        if (rail := _rail(*pair, columns))
    ]
    return {
        "about": "Lower is better.",
        "names": names,
        "x": [{"key": "date", "label": "night", "log": False, "date": True}],
        "y": [{"key": "value", "label": printable(series.key.metric), "log": _is_wide(values)}],
        "span": {"date": [min(dates) - DAY, max(dates) + DAY]},
        "curves": [
            {
                "of": place,
                "device": track.device,
                "places": columns.add(at),
                "at": {"date": {"value": ["date", columns.add(values)]}},
                "every": True,
                **({"shape": "hv"} if series.kind is Kind.EXACT else {}),
            }
            for place, (track, (at, values)) in enumerate(zip(series.tracks, drawn, strict=True))
        ],
        "bounds": [
            {"of": place, "at": moment(nights[track.device][change.place].date), "text": str(sign)}
            for place, track in enumerate(series.tracks)
            for sign, change in numbered(track)
        ],
        "boundsMeaning": "changes, numbered as below",
        "rail": lost,
        "railLabel": "not reached",
        "railMeaning": "not reached in that night",
        "railWord": "not reached",
        "reached": "",
        "every": True,
    }


def numbered(track: Track) -> list[tuple[int, Change]]:
    """Return the changes of a track with their numbers, the oldest first."""
    return list(enumerate(track.changes, start=1))


def moment(date: str) -> float:
    """Return a date, ISO 8601, in milliseconds as the page's script counts them."""
    return datetime.fromisoformat(date).timestamp() * 1000


def _entry(text: str, place: int, **more: Any) -> Json:
    colour, marker = _LOOKS[place % len(_LOOKS)]
    look = {"colour": colour, "dash": "solid", "marker": marker}
    return {"text": printable(text), **look, "spec": [], "tips": [], **more}


def _drawn(track: Track, count: int) -> tuple[Array, Array]:
    """Return the places and values that are drawn: the older nights are thinned."""
    at = np.array(track.places, dtype=np.float64)
    values = np.array(
        [row.value if isinstance(row.value, int | float) else np.nan for row in track.rows],
        dtype=np.float64,
    )
    older = int((at < count - SHOWN).sum())
    kept = thin(at[:older], [values[:older]], OLDER) if older else np.arange(0)
    chosen = np.concatenate([kept, np.arange(older, len(at))])
    return at[chosen], values[chosen]


def _rail(at: Array, values: Array, columns: Columns) -> Json:
    """Return the nights without a value, which have no height; empty where there are none."""
    never = at[np.isnan(values)]
    if not len(never):
        return {}
    ones = columns.add(np.ones(len(never)))
    return {"places": columns.add(never), "columns": ["dates", ones, ones]}


def _is_wide(values: Array) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool(known.min() > 0) and bool(known.max() > WIDE * known.min())


LABELS = SYMBOLS | {"suboptimality": "f(x) - f*", "gradient_calls": CALLS}
"""Axes of the curves; a night's suboptimality is not over the start's."""

ReadCurve = Callable[[str], Curve | None]
"""Finds a curve by its name."""


def curves_chart(
    series: Series, nights: Mapping[str, Sequence[Night]], read: ReadCurve, columns: Columns
) -> Json | None:
    """Return the chart of the newest run's curve, with those before and after each change.

    Args:
        series: The series.
        nights: The nights of each device.
        read: Finds a curve by its name.
        columns: Where its numbers go.

    Returns:
        The chart as JSON; None where the history has no curve.
    """
    drawn = _curves(series, nights, read)
    if not drawn:
        return None
    *budgets, measure = drawn[0][1]
    log = measure in LOGARITHMIC or _is_wide(
        np.concatenate([_column(curve, measure) for _, curve in drawn])
    )
    return {
        "about": "The run itself, before and after its changes.",
        "names": [_entry(words, place) for place, (words, _) in enumerate(drawn)],
        "x": [{"key": name, "label": LABELS.get(name, name), "log": False} for name in budgets],
        "y": [{"key": measure, "label": LABELS.get(measure, printable(measure)), "log": log}],
        "curves": [
            {
                "of": place,
                "at": {
                    name: {measure: [columns.add(_column(curve, at)) for at in (name, measure)]}
                    for name in budgets
                },
            }
            for place, (_, curve) in enumerate(drawn)
        ],
        "reached": "",
    }


def _curves(
    series: Series, nights: Mapping[str, Sequence[Night]], read: ReadCurve
) -> list[tuple[str, Curve]]:
    """Return the curves to draw, in words; each once, and all of one measure."""
    found: dict[str, tuple[str, Curve]] = {}
    for track in series.tracks:
        device = f"{track.device}: " if len(series.tracks) > 1 else ""
        for words, name in _wanted(track, nights[track.device]):
            curve = None if name in found else read(name)
            if curve and all(curve.values()):
                found[name] = (f"{device}{words}", curve)
    drawn = list(found.values())
    return [one for one in drawn if list(one[1]) == list(drawn[0][1])]


def _wanted(track: Track, nights: Sequence[Night]) -> list[tuple[str, str]]:
    """Return what to lay over each other, in words, with the names of the curves."""
    wanted = [(f"newest, {_when(nights[track.places[-1]])}", track.rows[-1].curve)]
    told = [
        c for c in track.changes if c.verdict is not Verdict.ROUNDING or len(track.changes) == 1
    ]
    for change in reversed(told[-LAID_OVER:]):
        wanted.append((f"since {_when(nights[change.place])}", change.rows[1].curve))
        wanted.append((f"before, {_when(nights[change.before])}", change.rows[0].curve))
    return [(words, name) for words, name in wanted if name]


def _when(night: Night) -> str:
    commit = f" at {night.commit[:10]}" if night.commit else ""
    return f"{night.date[:10]}{commit}"


def _column(curve: Curve, name: str) -> Array:
    return np.array([np.nan if v is None else v for v in curve[name]], dtype=np.float64)
