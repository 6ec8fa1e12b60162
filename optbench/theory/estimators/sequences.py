"""Rates from sequences of numbers, each with its window and its error, or the reason for none.

Pure functions. Where a sequence does not hold an answer the value is NaN and `reason` says why: to
be inconclusive is a value, never an exception. Prefer an identity, a potential or the iteration
matrix to any of these. Exponents over
a parameter are in `scaling`, means of chains in `averages`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from optbench.theory.estimators.windows import (
    ABOVE_FLOOR,
    AGREE,
    Array,
    envelope,
    floor_of,
    line_slope,
    slope_error,
    sound,
    touch_points,
    transient_end,
)

MIN_POINTS = 20
"""Points that a fit of a geometric rate needs."""

MIN_DECAY = 1.5
"""Decades that a geometric sequence has to fall in its window."""

MIN_DECADES = 1.0
"""Decades of steps that a power law needs."""

MIN_PEAKS = 8
"""Points that a power law needs."""

RATIO_OF_TERMS = (0.35, 0.65)
"""A bias that goes like 1/t halves with each doubling of the window: the ratio that is taken for a
half."""

BEYOND_NOISE = 3.0
"""Standard errors by which doubled windows have to differ before they are extrapolated."""

NEAR_HALVES = 0.05
"""How far a power may be from a multiple of 1/2."""

SLOPE_OF_LOG = 18 - 24 * float(np.log(2))
"""Least-squares slope of log u on u over [1/2, 1]: what a prefactor t tilts a window by, t_hi = 1.
"""

BIAS_OF_TILT = 7.5
"""A prefactor t^m tilts the window [t_hi/2, t_hi] by 1.36 m/t_hi, 7.5 times as much as it differs
from [.7 t_hi, t_hi]."""

TWO_TERMS = 1e-3
"""Relative residual above which a sequence is not the sum of two geometric terms."""

NAN = float("nan")
NOWHERE = (NAN, NAN)


@dataclass(frozen=True, kw_only=True)
class GeometricRate:
    """The rate of e_t ~ C t^m rho^t.

    Attributes:
        value: -ln rho per unit of t; positive for decay.
        error: Systematic error of the value: what other windows and the next term would change.
        window: First and last step of the fit.
        points: Points in the window.
        plain: -ln rho by the line through the window alone, biased by -m/t.
        prefactor: The power m that the slopes of doubled windows show; 0 for none.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    window: tuple[float, float] = NOWHERE
    points: int = 0
    plain: float = NAN
    prefactor: float = 0.0
    reason: str = ""

    @property
    def rho(self) -> float:
        """The factor per step, exp(-value)."""
        return float(np.exp(-self.value))

    @property
    def rho_error(self) -> float:
        """The error of `rho`."""
        return self.rho * self.error


def geometric_rate(t: ArrayLike, e: ArrayLike, *, floor: float | None = None) -> GeometricRate:
    """Estimate -ln rho of a sequence that falls like t^m rho^t.

    The line log e on t over [t_hi/2, t_hi], where t_hi is the last step at which the upper envelope
    max over s >= t of e_s is above 100 floors; of a sequence that rises now and then, only the
    peaks that touch the envelope are fitted. A prefactor t^m tilts the line by m/t; where the
    slopes s of doubled windows differ as it would, halving each time, it is removed by Richardson's
    2 s(t_hi) - s(t_hi/2). The error is the larger of the change to the window before and the bias
    that a prefactor would have that explains the change to [.7 t_hi, t_hi]. Where extrapolated it
    is the change from the extrapolation a doubling earlier if m is a multiple of 1/2, as multiple
    roots and Bessel functions have it, and the whole extrapolation otherwise: a dense spectrum
    looks like t^m for a while, with any m below 0.

    Args:
        t: Steps, shape (n,), increasing; evenly spaced, or in the logarithm.
        e: Errors, gaps or norms, shape (n,), not negative.
        floor: Level of rounding or noise; by default `floor_of(t, e)`.

    Returns:
        The rate; NaN for fewer than 20 points or 1.5 decades of decay in the window, and where no
        part of the sequence is a line, four sub-windows within a tenth.

    Raises:
        ValueError: When t and e do not go together.
    """
    steps, values = sound(t, e)
    if len(steps) < MIN_POINTS:
        return GeometricRate(value=NAN, reason=f"{len(steps)} points, fewer than {MIN_POINTS}")
    level = ABOVE_FLOOR * (floor_of(steps, values) if floor is None else floor)
    used = int(np.sum(envelope(values) > level))
    at = touch_points(steps[:used], values[:used]) if used else np.empty(0, dtype=np.intp)
    x, y = steps[at], np.log(values[at])
    low = transient_end(x, y)
    inside = x >= low
    window = (low, float(x[-1])) if len(x) else NOWHERE
    reason = _why_not_geometric(x, y, inside, low)
    if reason:
        return GeometricRate(value=NAN, window=window, points=int(inside.sum()), reason=reason)
    return _extrapolated(x, y, low)


def _why_not_geometric(x: Array, y: Array, inside: np.ndarray, low: float) -> str:
    if not len(x):
        return "the sequence is at its floor from the start"
    if np.isnan(low):
        return "no four sub-windows have the same slope"
    if inside.sum() < MIN_POINTS:
        return f"{int(inside.sum())} points in the window, fewer than {MIN_POINTS}"
    decades = float(y[inside][0] - y[inside][-1]) / np.log(10)
    if decades < MIN_DECAY:
        return f"{decades:.2g} decades of decay in the window, fewer than {MIN_DECAY}"
    return ""


def _extrapolated(x: Array, y: Array, low: float) -> GeometricRate:
    """Fit the window and, where a prefactor shows, remove it."""
    end = float(x[-1])
    low = max(low, end / 2)
    inside = x >= low
    here, late = line_slope(x, y, low, end), line_slope(x, y, 0.7 * end, end)
    before, earlier = line_slope(x, y, end / 4, end / 2), line_slope(x, y, end / 8, end / 4)
    scatter = slope_error(x[inside], y[inside])
    fit = GeometricRate(value=-here, window=(low, end), points=int(inside.sum()), plain=-here)
    change, change_before = here - before, before - earlier
    ratio = change / change_before if change_before else NAN
    doubled = (x >= end / 4) & (x <= end / 2)
    noise = float(np.hypot(2 * scatter, slope_error(x[doubled], y[doubled])))
    if RATIO_OF_TERMS[0] <= ratio <= RATIO_OF_TERMS[1] and abs(change) > BEYOND_NOISE * noise:
        value = 2 * here - before
        prefactor = -change * end / SLOPE_OF_LOG
        doubtful = abs(2 * prefactor - round(2 * prefactor)) > 2 * NEAR_HALVES
        error = max(abs(change) if doubtful else abs(value - 2 * before + earlier), noise)
        return replace(fit, value=-value, error=error, prefactor=prefactor)
    tilt, tail = abs(here - late), x >= 0.7 * end
    if tilt > BEYOND_NOISE * slope_error(x[tail], y[tail]):
        tilt *= BIAS_OF_TILT
    return replace(fit, error=float(np.nanmax([tilt, abs(change), scatter])))


@dataclass(frozen=True, kw_only=True)
class OscillatingRate:
    """The rate of one oscillating coordinate, x_t ~ C rho^t cos(theta t + phase).

    Attributes:
        value: -ln rho per unit of t.
        error: Systematic error of the value.
        angle: theta, in radians per unit of t, between 0 and pi; 0 for two real terms.
        window: First and last step of the fit.
        points: Points in the window.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    angle: float = NAN
    window: tuple[float, float] = NOWHERE
    points: int = 0
    reason: str = ""

    @property
    def rho(self) -> float:
        """The factor per step, exp(-value)."""
        return float(np.exp(-self.value))


def oscillating_rate(t: ArrayLike, x: ArrayLike, *, floor: float | None = None) -> OscillatingRate:
    """Estimate -ln rho of one signed coordinate by Prony's method with two terms.

    x_(t+2) = a x_(t+1) + b x_t by least squares, each equation divided by the size of its terms, so
    that the early ones do not outweigh the rest; rho is the larger root's modulus. The window is
    [t_hi/2, t_hi] of `geometric_rate`, the error the change to [.7 t_hi, t_hi]. Exact for x_t =
    A r_1^t + B r_2^t, a double root's (A + B t) r^t included.

    Source: de Prony, 1795; Hildebrand, "Introduction to Numerical Analysis", 1956, section 9.4.

    Args:
        t: Steps, shape (n,), evenly spaced.
        x: The coordinate, minus its limit, shape (n,); signed.
        floor: Level of rounding or noise; by default `floor_of(t, |x|)`.

    Returns:
        The rate; NaN for fewer than 20 points in the window, and where more than two terms are
        there: a residual above 1e-3.

    Raises:
        ValueError: When t and x do not go together.
    """
    steps, size = sound(t, np.abs(np.asarray(x, dtype=np.float64)))
    signed = np.asarray(x, dtype=np.float64)[: len(steps)]
    if len(steps) < MIN_POINTS:
        return OscillatingRate(value=NAN, reason=f"{len(steps)} points, fewer than {MIN_POINTS}")
    spacing = np.diff(steps)
    if not np.allclose(spacing, spacing[0], rtol=1e-9):
        return OscillatingRate(value=NAN, reason="the steps are not evenly spaced")
    level = ABOVE_FLOOR * (floor_of(steps, size) if floor is None else floor)
    used = int(np.sum(envelope(size) > level))
    if not used:
        return OscillatingRate(value=NAN, reason="the sequence is at its floor from the start")
    end = float(steps[used - 1])
    inside = (steps >= end / 2) & (steps <= end)
    window, points = (float(steps[inside][0]), end), int(inside.sum())
    if points < MIN_POINTS:
        reason = f"{points} points in the window, fewer than {MIN_POINTS}"
        return OscillatingRate(value=NAN, window=window, points=points, reason=reason)
    root, residual = _larger_root(signed[inside])
    if not residual <= TWO_TERMS or root == 0:
        reason = f"not two geometric terms: they leave {residual:.2g} of the sequence"
        return OscillatingRate(value=NAN, window=window, points=points, reason=reason)
    late, _ = _larger_root(signed[(steps >= 0.7 * end) & (steps <= end)])
    return OscillatingRate(
        value=-float(np.log(abs(root)) / spacing[0]),
        error=float(abs(np.log(abs(root)) - np.log(abs(late))) / spacing[0]),
        angle=float(abs(np.angle(root)) / spacing[0]),
        window=window,
        points=points,
    )


def _larger_root(x: Array) -> tuple[complex, float]:
    """Return the larger root of the recursion of two terms, and what it leaves of x."""
    rows = np.stack([x[1:-1], x[:-2], x[2:]], axis=1)
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(sizes > 0, sizes, 1.0)
    (a, b), *_ = np.linalg.lstsq(rows[:, :2], rows[:, 2], rcond=1e-13)
    left = rows[:, 2] - rows[:, :2] @ np.array([a, b])
    roots = np.roots([1.0, -a, -b])
    return complex(roots[np.abs(roots).argmax()]), float(np.sqrt(np.mean(left**2)))


@dataclass(frozen=True, kw_only=True)
class PowerSlope:
    """The exponent of e_t ~ C t^p.

    Attributes:
        value: p; negative for decay.
        error: Systematic error of the value: the size of the extrapolation.
        slopes: Local slopes log2(e_2t / e_t), one a doubling, the latest last.
        window: First and last step of the three doublings that decide.
        points: Points in the window.
        geometric: Whether the sequence has a geometric tail instead.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    slopes: tuple[float, ...] = ()
    window: tuple[float, float] = NOWHERE
    points: int = 0
    geometric: bool = False
    reason: str = ""


def power_slope(t: ArrayLike, e: ArrayLike, *, floor: float | None = None) -> PowerSlope:
    """Estimate the exponent of a sequence that falls like a power of t.

    Slopes s_j = log2(e(2 t_j) / e(t_j)) of the last three doublings, between recorded steps by
    interpolation of the logarithms, and their Aitken extrapolation
    s_3 - (s_3 - s_2)^2 / ((s_3 - s_2) - (s_2 - s_1)) when the ratio of the differences is in
    (0, 1); otherwise s_3. The error is the size of the extrapolation or, without one, |s_3 - s_2|.
    Of a sequence that rises now and then, only the peaks are used.

    Args:
        t: Steps, shape (n,), increasing.
        e: Errors, gaps or norms, shape (n,), not negative.
        floor: Level of rounding or noise; by default `floor_of(t, e)`.

    Returns:
        The exponent; NaN for less than a decade of steps, for slopes that are neither monotone nor
        within a tenth, and for a geometric tail: where log e is closer to a line in t than in
        log t; or where the extrapolation is more than half of the slope.

    Raises:
        ValueError: When t and e do not go together.
    """
    steps, values = sound(t, e)
    if not len(steps):
        return PowerSlope(value=NAN, reason="no points")
    level = ABOVE_FLOOR * (floor_of(steps, values) if floor is None else floor)
    used = int(np.sum(envelope(values) > level))
    at = touch_points(steps[:used], values[:used]) if used else np.empty(0, dtype=np.intp)
    at = at[steps[at] > 0]
    x, y = steps[at], np.log(values[at])
    if len(x) < MIN_PEAKS or x[-1] < 10**MIN_DECADES * x[0]:
        reason = f"less than {MIN_DECADES:g} decade of steps above the floor"
        return PowerSlope(value=NAN, reason=reason)
    doublings = int(np.log2(x[-1] / x[0]))
    heights = np.interp(np.log(x[-1]) - np.log(2) * np.arange(doublings, -1, -1), np.log(x), y)
    slopes = np.diff(heights) / np.log(2)
    low = float(x[-1]) / 8
    known = PowerSlope(
        value=NAN,
        slopes=tuple(map(float, slopes)),
        window=(low, float(x[-1])),
        points=int(np.sum(x >= low)),
    )
    return _judged(known, _is_straighter_in_t(x, y, low))


def _judged(found: PowerSlope, geometric: bool) -> PowerSlope:
    """Extrapolate the slopes of a power law, or say why there is none."""
    s_1, s_2, s_3 = found.slopes[-3:]
    first, second = s_2 - s_1, s_3 - s_2
    if geometric and abs(second) > AGREE * abs(s_3):
        return replace(found, geometric=True, reason="a geometric tail: its slope keeps steepening")
    spread = max(found.slopes[-3:]) - min(found.slopes[-3:])
    if first * second < 0 and spread > AGREE * abs(s_3):
        return replace(found, reason="the slopes of the last three doublings go up and down")
    if first and 0 < second / first < 1:
        step = second**2 / (second - first)
        if abs(step) > abs(s_3) / 2:
            return replace(found, reason=f"the slopes drift too slowly, the last is {s_3:.3g}")
        return replace(found, value=s_3 - step, error=abs(step))
    return replace(found, value=s_3, error=abs(second))


def _is_straighter_in_t(x: Array, y: Array, low: float) -> bool:
    """Return whether log e, y, bends less as a function of t than of log t, from `low` on."""
    grid = np.geomspace(low, x[-1], 33)
    heights = np.interp(np.log(grid), np.log(x), y)
    bends = [np.polyfit(s, heights, 1, full=True)[1] for s in (grid / low, np.log(grid / low))]
    return bool(bends[0].sum() < bends[1].sum())
