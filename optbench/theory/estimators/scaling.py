"""How many steps it takes, and how that grows: first passages and exponents over a parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optbench.theory.estimators.windows import Array, envelope, slope

MIN_POINTS = 10
"""Values of the parameter that an exponent needs."""

MIN_DECADES = 2.5
"""Decades that they have to span."""

NAN = float("nan")


def first_passage(t: ArrayLike, e: ArrayLike, level: float) -> float:
    """Return when a sequence falls below a level for good, between steps.

    The first passage of the upper envelope max over s >= t of e_s, interpolated linearly in log e:
    an integer count would cost 1/N of relative accuracy.

    Args:
        t: Steps, shape (n,), increasing.
        e: Errors, gaps or norms, shape (n,), not negative; what is no number counts as infinite.
        level: The level, positive.

    Returns:
        The time; the first step where the sequence is below from the start, NaN where it never is.
    """
    steps, upper = np.asarray(t, dtype=np.float64), envelope(e)
    below = np.flatnonzero(upper <= level)
    if not len(below):
        return NAN
    at = int(below[0])
    if at == 0 or upper[at] <= 0 or not np.isfinite(upper[at - 1]):
        return float(steps[at])
    share = np.log(upper[at - 1] / level) / np.log(upper[at - 1] / upper[at])
    return float(steps[at - 1] + share * (steps[at] - steps[at - 1]))


@dataclass(frozen=True, kw_only=True)
class ScalingExponent:
    """The exponent of N ~ C k^p.

    Attributes:
        value: p.
        error: Its leave-one-out jackknife standard error. The residuals of a deterministic law are
            curvature, not noise: this is no confidence interval.
        slopes: Local slopes between neighbours, shape (n - 1,).
        without_smallest: p without the smallest k; how much finite k bends the law.
        window: Smallest and largest k.
        points: Number of values of k.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    slopes: tuple[float, ...] = ()
    without_smallest: float = NAN
    window: tuple[float, float] = (NAN, NAN)
    points: int = 0
    reason: str = ""


def scaling_exponent(k: ArrayLike, n: ArrayLike) -> ScalingExponent:
    """Fit the exponent of a quantity over a parameter, log n on log k by least squares.

    Args:
        k: The parameter, shape (m,), positive, increasing, evenly spaced in the logarithm.
        n: The quantity, shape (m,), positive: interpolated iterations, variances.

    Returns:
        The exponent; NaN for fewer than 10 points or 2.5 decades of k, for spacings that differ by
        more than a factor of two, and where some n is unknown.

    Raises:
        ValueError: When k and n do not go together or k does not increase.
    """
    ks, ns = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if ks.ndim != 1 or ks.shape != ns.shape or not (ks > 0).all() or not (np.diff(ks) > 0).all():
        raise ValueError("k and n must have one length, and k be positive and increasing")
    window = (float(ks[0]), float(ks[-1])) if len(ks) else (NAN, NAN)
    reason = _why_no_exponent(ks, ns)
    if reason:
        return ScalingExponent(value=NAN, window=window, points=len(ks), reason=reason)
    x, y = np.log(ks), np.log(ns)
    left_out = np.array([slope(np.delete(x, i), np.delete(y, i)) for i in range(len(x))])
    spread = (len(x) - 1) * np.mean((left_out - left_out.mean()) ** 2)
    return ScalingExponent(
        value=slope(x, y),
        error=float(np.sqrt(spread)),
        slopes=tuple(map(float, np.diff(y) / np.diff(x))),
        without_smallest=float(left_out[0]),
        window=window,
        points=len(ks),
    )


def _why_no_exponent(k: Array, n: Array) -> str:
    if len(k) < MIN_POINTS:
        return f"{len(k)} points, fewer than {MIN_POINTS}"
    if np.log10(k[-1] / k[0]) < MIN_DECADES - 1e-9:
        return f"{np.log10(k[-1] / k[0]):.2g} decades, fewer than {MIN_DECADES}"
    spacing = np.diff(np.log(k))
    if spacing.max() > 2 * spacing.min():
        return "the points are not evenly spaced in the logarithm"
    unknown = k[~(np.isfinite(n) & (n > 0))]
    return f"no value at {unknown[0]:g}" if len(unknown) else ""


@dataclass(frozen=True, kw_only=True)
class Bootstrapped:
    """A sampled exponent.

    Attributes:
        value: The exponent of the means over seeds.
        error: Its standard error, over resampled seeds.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    reason: str = ""


def bootstrap_exponent(
    k: ArrayLike, samples: ArrayLike, generator: np.random.Generator, *, rounds: int = 400
) -> Bootstrapped:
    """Fit the exponent of a sampled quantity's mean, with its error by resampling the seeds.

    Args:
        k: The parameter, shape (m,), as in `scaling_exponent`.
        samples: The quantity, shape (seeds, m), positive in the mean.
        generator: Draws the resamples.
        rounds: Resamples.

    Returns:
        The exponent and its standard error.

    Raises:
        ValueError: When k and the samples do not go together.
    """
    values = np.asarray(samples, dtype=np.float64)
    found = scaling_exponent(k, values.mean(axis=0))
    if found.reason:
        return Bootstrapped(value=NAN, reason=found.reason)
    draws = generator.integers(0, len(values), size=(rounds, len(values)))
    x = np.log(np.asarray(k, dtype=np.float64))
    slopes = [slope(x, np.log(values[rows].mean(axis=0))) for rows in draws]
    return Bootstrapped(value=found.value, error=float(np.std(slopes, ddof=1)))
