"""Where a sequence says something: envelope, floor, end of the transient, stretches of steps.

Windows are chosen by rules that see the sequence alone, never by agreement with theory. Sequences
need not have every step: a record that is spaced in the logarithm serves as well.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ROUNDINGS = float(64 * np.finfo(np.float64).eps)
"""The least floor of a sequence, relative to its scale: 64 roundings."""

ABOVE_FLOOR = 100.0
"""A sequence is fitted where it is above this many times its floor."""

FLAT, NOISY_FLAT = 0.1, 0.3
"""A tail falls no more when its slope is below the first share of the slope before it or, where it
is so noisy that two standard errors are more, below the second."""

AGREE = 0.1
"""Slopes agree when they differ by at most this share of their mean."""

EVEN = 64
"""Least number of evenly spaced points that a line is fitted through."""

MIN_PART = 3
"""Points that a slope needs."""


def sound(t: ArrayLike, e: ArrayLike) -> tuple[Array, Array]:
    """Return a sequence up to its first value that is not finite, values below 0 set to 0.

    Args:
        t: Steps, shape (n,), strictly increasing.
        e: Values, shape (n,): errors, gaps, norms.

    Returns:
        Steps and values, float64, of one length of at most n.

    Raises:
        ValueError: When the lengths differ or the steps do not increase.
    """
    steps, values = np.asarray(t, dtype=np.float64), np.asarray(e, dtype=np.float64)
    if steps.ndim != 1 or steps.shape != values.shape:
        raise ValueError(f"steps of shape {steps.shape} do not go with values of {values.shape}")
    if not (np.diff(steps) > 0).all():
        raise ValueError("steps do not increase")
    bad = ~np.isfinite(values)
    end = int(bad.argmax()) if bad.any() else len(values)
    return steps[:end], np.maximum(values[:end], 0.0)


def envelope(e: ArrayLike) -> Array:
    """Return the upper envelope max over s >= t of e_s, shape (n,): it never rises.

    What is not a number counts as infinite.
    """
    values = np.asarray(e, dtype=np.float64)
    values = np.where(np.isnan(values), np.inf, values)
    return np.asarray(np.maximum.accumulate(values[::-1])[::-1])


def touch_points(t: Array, e: Array) -> NDArray[np.intp]:
    """Return where a sequence meets its envelope: at its peaks, or everywhere once it only falls.

    Between a peak and the next one the descending arc meets the envelope too, but falls faster than
    the peaks do; it is left out, unless the last rise lies in the first half of the steps.

    Args:
        t: Steps, shape (n,).
        e: Values, shape (n,), not negative.

    Returns:
        Indices, increasing.
    """
    rises = np.flatnonzero(e[1:] > e[:-1]) + 1
    if not len(rises) or t[rises[-1]] <= t[-1] / 2:
        return np.arange(rises[-1] if len(rises) else 0, len(e))
    peak = e >= envelope(e)
    peak[1:] &= e[1:] >= e[:-1]
    return np.flatnonzero(peak)


def slope(x: Array, y: Array) -> float:
    """Return the least-squares slope of y on x; NaN for fewer than `MIN_PART` points."""
    if len(x) < MIN_PART or x[-1] <= x[0]:
        return float("nan")
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred))


def slope_error(x: Array, y: Array) -> float:
    """Return the standard error of `slope` for independent residuals; NaN for too few points."""
    if len(x) < MIN_PART or x[-1] <= x[0]:
        return float("nan")
    centred, rate = x - x.mean(), slope(x, y)
    residual = y - y.mean() - rate * centred
    return float(np.sqrt(residual @ residual / (len(x) - 2) / (centred @ centred)))


def line_slope(x: Array, y: Array, low: float, high: float) -> float:
    """Return the slope over exactly [low, high], whatever the spacing of the points there.

    The points are joined by lines and read off evenly, so that windows of two lengths are
    comparable: a log-spaced record has no points just at their ends.

    Returns:
        The slope; NaN where the points do not span the window or fewer than `MIN_PART` are in it.
    """
    inside = int(np.sum((x >= low) & (x <= high)))
    if inside < MIN_PART or low < x[0] or high > x[-1]:
        return float("nan")
    grid = np.linspace(low, high, max(EVEN, inside))
    return slope(grid, np.interp(grid, x, y))


def slope_in(x: Array, y: Array, low: float, high: float) -> float:
    """Return the slope of the points with low <= x <= high."""
    inside = (x >= low) & (x <= high)
    return slope(x[inside], y[inside])


def floor_of(t: ArrayLike, e: ArrayLike, *, scale: float | None = None) -> float:
    """Estimate the level below which a sequence is rounding or noise.

    max(64 eps scale, median of the tail), the latter where the tail has stopped falling: its slope,
    log e on log t between the medians of its halves, is below a tenth of the slope of the fall that
    led there, or is noise. The tail is the last half of the steps or, failing that, the last tenth.

    Args:
        t: Steps, shape (n,).
        e: Values, shape (n,), not negative.
        scale: Size of the quantities whose rounding limits e; by default the largest e.

    Returns:
        The floor; NaN for an empty sequence.
    """
    steps, values = sound(t, e)
    if not len(values):
        return float("nan")
    least = ROUNDINGS * (float(values.max()) if scale is None else scale)
    positive = (values > 0) & (steps > 0)
    x, y = np.log(steps[positive]), np.log(values[positive])
    for share in (0.5, 0.1):
        tail = x >= np.log((1 - share) * steps[-1]) if len(x) else x > 0
        half = int(tail.sum()) // 2
        if half < MIN_PART or half == 0:
            continue
        ends = x[-2 * half :], y[-2 * half :]
        (x_1, x_2), (y_1, y_2) = (np.median(part.reshape(2, half), axis=1) for part in ends)
        level = float(np.median(y[tail]))
        led = np.flatnonzero(y[~tail] <= level + np.log(2))
        met = int(led[0]) if len(led) else int((~tail).sum())
        if met == 0 or x[met] <= x[0]:
            continue
        fall = (y[0] - level) / (x[met] - x[0])
        scatter = float(np.std(np.diff(ends[1]))) / np.sqrt(half)
        flat = min(max(FLAT * fall, 2 * scatter / (x_2 - x_1)), NOISY_FLAT * fall)
        if fall > 0 and abs(y_2 - y_1) / (x_2 - x_1) < flat:
            return max(least, float(np.exp(level)))
    return least


def transient_end(t: ArrayLike, y: ArrayLike, *, tolerance: float = AGREE) -> float:
    """Find where a line begins: the smallest t_lo from which four equal sub-windows agree.

    t_lo is slid over .1, .2, ..., .7 of the last step t_hi.

    Args:
        t: Steps, shape (n,), increasing.
        y: What should be linear in t, shape (n,): the logarithm of a geometric sequence.
        tolerance: Largest difference of the sub-windows' slopes, relative to their mean.

    Returns:
        t_lo; NaN when there is none.
    """
    steps, values = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(steps):
        return float("nan")
    for share in range(1, 8):
        edges = np.linspace(share / 10 * steps[-1], steps[-1], 5)
        slopes = [slope_in(steps, values, a, b) for a, b in pairwise(edges)]
        if max(slopes) - min(slopes) <= tolerance * abs(float(np.mean(slopes))):
            return float(edges[0])
    return float("nan")
