"""From numbers to verdicts: fixed tolerances where nothing is random, intervals where something is.

Every function returns a `Finding`. Of several numbers the table shows the one that is worst.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbench.theory.finding import Finding, Value, Verdict
from optbench.theory.tolerance import EPS, Tolerance

Array = NDArray[np.float64]

Z = 4.5
"""Standard errors: 7e-6 two-sided, so that fifty sampled rows fail by chance once in 3000 times."""


def equals(measured: ArrayLike, expected: ArrayLike, tolerance: Tolerance) -> Finding:
    """Judge an identity: |measured - expected| <= absolute + relative |expected|, number by number.

    Args:
        measured: Numbers, any shape.
        expected: What theory says, a shape that goes with it.
        tolerance: How far they may lie apart.

    Returns:
        PASS or FAIL, with the pair that lies farthest apart, in units of the tolerance.
    """
    m, e = np.broadcast_arrays(_flat(measured), _flat(expected))
    allowed = tolerance.absolute + tolerance.relative * np.abs(e)
    deviation = np.where(m == e, 0.0, np.abs(m - e))
    deviation = np.where(np.isfinite(deviation), deviation, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(deviation == 0, 0.0, deviation / allowed)
    worst = int(np.argmax(excess))
    good = bool(np.all(deviation <= allowed))
    return Finding(
        verdict=Verdict.PASS if good else Verdict.FAIL,
        theory=float(e[worst]),
        measured=float(m[worst]),
        reason="" if good else f"differs by {deviation[worst]:.2g}, {allowed[worst]:.1g} allowed",
    )


def below(
    values: ArrayLike, bounds: ArrayLike, tolerance: Tolerance, *, scale: float = 0.0
) -> Finding:
    """Judge an upper bound: value <= bound (1 + relative) + absolute + 64 eps scale, at every step.

    Args:
        values: Numbers, any shape.
        bounds: Their bounds, a shape that goes with it.
        tolerance: What rounding may add.
        scale: |f_0| + |f*|, or what else is subtracted to get the values.

    Returns:
        PASS or FAIL, with the pair of the largest value/bound, which is the tightness.
    """
    v, b = np.broadcast_arrays(_flat(values), _flat(bounds))
    slack = tolerance.absolute + tolerance.relative * np.abs(b) + 64 * EPS * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(b > 0, v / b, np.where(v <= b + slack, 0.0, np.inf))
    broken = ~(v <= b + slack)
    candidates = np.where(broken, np.where(np.isnan(ratio), np.inf, ratio), -np.inf)
    worst = int(np.argmax(candidates if broken.any() else ratio))
    return Finding(
        verdict=Verdict.FAIL if broken.any() else Verdict.PASS,
        theory=float(b[worst]),
        measured=float(v[worst]),
        tightness=float(np.max(ratio)),
        reason=f"the bound is broken at {int(broken.sum())} of {len(v)} places"
        if broken.any()
        else "",
    )


def above(values: ArrayLike, bounds: ArrayLike, tolerance: Tolerance) -> Finding:
    """Judge a lower bound, value >= bound (1 - relative) - absolute; tightness is bound/value."""
    v, b = np.broadcast_arrays(_flat(values), _flat(bounds))
    slack = tolerance.absolute + tolerance.relative * np.abs(b)
    broken = ~(v >= b - slack)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(v > 0, b / v, np.where(broken, np.inf, 0.0))
    worst = int(np.argmax(np.where(broken, np.inf, ratio)))
    return Finding(
        verdict=Verdict.FAIL if broken.any() else Verdict.PASS,
        theory=float(b[worst]),
        measured=float(v[worst]),
        tightness=float(np.max(ratio)),
        reason=f"below the bound at {int(broken.sum())} of {len(v)} places" if broken.any() else "",
    )


def holds(condition: bool, *, theory: Value, measured: Value, reason: str = "") -> Finding:
    """Judge what is true or not: it flips at a threshold, it cycles, it does not converge."""
    if condition:
        return Finding(verdict=Verdict.PASS, theory=theory, measured=measured)
    why = reason or f"expected {theory}"
    return Finding(verdict=Verdict.FAIL, theory=theory, measured=measured, reason=why)


def at_least(values: ArrayLike, least: float) -> Finding:
    """Judge numbers that must not be small, where a claim says that two things differ.

    Unlike `above` it leaves the tightness alone, which belongs to bounds.
    """
    smallest = float(np.min(values))
    return holds(smallest >= least, theory=f"at least {least:g}", measured=smallest)


def inconclusive(theory: Value, reason: str, measured: Value = math.nan) -> Finding:
    """Say that the data do not decide, and why."""
    return Finding(verdict=Verdict.INCONCLUSIVE, theory=theory, measured=measured, reason=reason)


def sampled_equals(
    mean: float, standard_error: float, expected: float, tolerance: Tolerance
) -> Finding:
    """Judge an identity in expectation by equivalence (two one-sided tests).

    Args:
        mean: Mean of the samples.
        standard_error: Of the mean.
        expected: What theory says.
        tolerance: The equivalence region, expected +- (absolute + relative |expected|).

    Returns:
        PASS when mean +- 4.5 standard errors lies inside the region, FAIL when it lies outside,
        else INCONCLUSIVE.
    """
    low, high = mean - Z * standard_error, mean + Z * standard_error
    width = tolerance.absolute + tolerance.relative * abs(expected)
    inside = expected - width <= low and high <= expected + width
    apart = high < expected - width or low > expected + width
    if inside:
        verdict, reason = Verdict.PASS, ""
    elif apart or not math.isfinite(mean):
        verdict, reason = Verdict.FAIL, f"the interval [{low:.6g}, {high:.6g}] lies outside"
    else:
        verdict, reason = Verdict.INCONCLUSIVE, f"the interval [{low:.6g}, {high:.6g}] is too wide"
    return Finding(
        verdict=verdict, theory=expected, measured=mean, interval=(low, high), reason=reason
    )


def sampled_below(mean: ArrayLike, standard_error: ArrayLike, bound: ArrayLike) -> Finding:
    """Judge a bound on an expectation, step by step.

    Args:
        mean: Means of the samples.
        standard_error: Of the means.
        bound: Their bounds.

    Returns:
        FAIL when some mean - 4.5 se lies above its bound, PASS when every mean + 4.5 se lies below,
        else INCONCLUSIVE; with the largest mean over bound.
    """
    m, se, b = np.broadcast_arrays(_flat(mean), _flat(standard_error), _flat(bound))
    ratio = m / b
    worst = int(np.argmax(ratio))
    low, high = m - Z * se, m + Z * se
    if np.any(~(low <= b)):
        verdict, reason = Verdict.FAIL, "the interval lies above the bound"
    elif np.all(high <= b * (1 + 1e-9)):
        verdict, reason = Verdict.PASS, ""
    else:
        verdict, reason = Verdict.INCONCLUSIVE, "the interval reaches above the bound"
    return Finding(
        verdict=verdict,
        theory=float(b[worst]),
        measured=float(m[worst]),
        interval=(float(low[worst]), float(high[worst])),
        tightness=float(np.max(ratio)),
        reason=reason,
    )


def _flat(values: ArrayLike) -> Array:
    return np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()
