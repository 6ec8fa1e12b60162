"""Profiles over all problems as charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optbench.analysis.profiles import Profile
from optbench.analysis.tables import printable
from optbench.report.site.columns import Columns
from optbench.report.site.entries import FIRST, look
from optbench.report.style import LineStyle

Json = dict[str, Any]

BEYOND = 1.15
"""The axis ends this factor beyond the last rise."""

MOST_BANDS = 3
"""Intervals of more names than this would hide the curves."""


def profile_chart(
    profile: Profile, styles: Mapping[str, LineStyle], columns: Columns, *, x: str, y: str
) -> Json:
    """Return the chart of a profile.

    Args:
        profile: Shares of what is solved.
        styles: Style by name.
        columns: Where its numbers go.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.

    Returns:
        The chart as JSON.
    """
    one = profile.instances == profile.problems
    trials = "" if one else f" with the {profile.problems} problems as trials"
    first = float(profile.x.min(initial=np.inf, where=profile.x > 0)) if len(profile.x) else 1.0
    first = first if np.isfinite(first) else 1.0
    last = float(profile.x.max(initial=first)) * BEYOND
    best = sorted(profile.names, key=lambda name: (-_height(profile, name), name))
    return {
        "about": f"{profile.instances} things to solve, on {profile.problems} problems.",
        "names": [
            {"text": printable(name), **look(styles[name]), "spec": [], "tips": []} for name in best
        ],
        "x": [{"key": "cost", "label": x, "log": True}],
        "y": [{"key": "share", "label": y, "log": False, "range": [-0.01, 1.02], "percent": True}],
        "span": {"cost": [first, max(last, first * 2)]},
        "curves": [_curve(place, name, profile, last, columns) for place, name in enumerate(best)],
        "first": FIRST,
        "mostBands": MOST_BANDS,
        "banded": f"Wilson's 95 % intervals{trials}",
        "reached": "",
    }


def _height(profile: Profile, name: str) -> float:
    """Return the area under a curve with a logarithmic axis, by which the legend is sorted."""
    positive = profile.x > 0
    if not positive.any():
        return 0.0
    x = np.log(np.append(profile.x[positive], profile.x[-1] * BEYOND))
    return float(np.diff(x) @ profile.shares[name][positive])


def _curve(place: int, name: str, profile: Profile, last: float, columns: Columns) -> Json:
    shares, low, high = profile.shares[name], profile.low[name], profile.high[name]
    rises = np.flatnonzero(np.diff(shares, prepend=-1.0))
    kept = [np.append(column[rises], column[-1:]) for column in (shares, low, high)]
    x = np.append(profile.x[rises], [last] * len(profile.x[-1:]))
    places = [columns.add(column) for column in (x, *kept)]
    return {"of": place, "shape": "hv", "at": {"cost": {"share": places}}}
