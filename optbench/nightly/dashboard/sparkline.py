"""Small pictures of series, as SVG that needs no script."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 96, 20, 2
"""Size of a picture, and what it leaves free around the line."""


def sparkline(values: Sequence[float | None], mark: int | None = None) -> str:
    """Draw values from left to right, with a gap where there is none.

    Args:
        values: A value a night, the oldest first.
        mark: Place of the last change, which gets a dot.

    Returns:
        An `svg` element; empty for less than two values.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    # Two halves, since a difference of the largest numbers is none of them.
    half = high / 2 - low / 2

    def height(value: float) -> int:
        share = (value / 2 - low / 2) / half if half else 0.5
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN))

    def across(place: int) -> int:
        return round(MARGIN + place * (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1))

    path, down, last = "", False, None
    for place, value in enumerate(values):
        if value is None or not math.isfinite(value):
            down = False
            continue
        at = height(value)
        following = values[place + 1] if place + 1 < len(values) else None
        if down and value == last and value == following:
            continue  # a level is drawn by its ends
        path += f"{'L' if down else 'M'}{across(place)},{at}"
        down, last = True, value
    dot = ""
    if mark is not None and (value := values[mark]) is not None and math.isfinite(value):
        dot = f'<circle cx="{across(mark)}" cy="{height(value)}" r="2.5"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<path d="{path}"/>{dot}</svg>'
    )
