"""Tests of paired differences, exact where that is cheap, and their correction for many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

import numpy as np

from optbench.analysis.curves import Array

EXACT = 50
"""Up to so many differences the signed-rank test counts every sign; beyond, it is normal."""

DECIDED_BY_ENDS = 1e-9
"""Size of a difference in the end alone: it ranks below every difference in cost."""


def advantage(cost_a: float, cost_b: float, end_a: float, end_b: float) -> float:
    """Say how much dearer b is than a, so that a signed-rank test can order it.

    Args:
        cost_a: Gradient evaluations to a target; inf for a miss.
        cost_b: Likewise.
        end_a: What the runs are compared by, at their end; inf for a lost run.
        end_b: Likewise.

    Returns:
        log(cost_b / cost_a); +-inf where only one of them reaches the target. Where the costs are
        equal, or neither reaches it, +-`DECIDED_BY_ENDS` by the better end, and 0 for equal ends.
    """
    if cost_a != cost_b:
        # Rounded, so that 20/10 and 2/1 are as large.
        return round(_log(cost_b) - _log(cost_a), 12)
    a, b = six_digits(end_a), six_digits(end_b)
    return 0.0 if a == b else math.copysign(DECIDED_BY_ENDS, 1 if b > a else -1)


def six_digits(value: float) -> float:
    """Round, so that what two codes of one method round differently is equal."""
    return float(f"{value:.6g}")


def _log(cost: float) -> float:
    return math.log(cost) if cost > 0 else -math.inf


def average_ranks(values: Array) -> Array:
    """Return ranks from 1, smallest first; equal values share the average of theirs.

    Args:
        values: Shape (n,); may hold inf, but no NaN.

    Returns:
        Shape (n,), with the sum n (n + 1)/2.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], dtype=np.float64)


def signed_rank(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test that the median is zero.

    Zeros are dropped, ties share their ranks. If all differences are as large, as where each is a
    success of one side alone, this is the sign test, which is McNemar's exact test.

    Source: Wilcoxon 1945, "Individual comparisons by ranking methods".

    Args:
        differences: One a pair; may be infinite.

    Returns:
        The p-value; 1 without a difference. It is exact, ties or not, for up to `EXACT` of them.
    """
    d = np.array([x for x in differences if x != 0])
    if not len(d):
        return 1.0
    ranks = average_ranks(np.abs(d))
    positive = float(ranks[d > 0].sum())
    smaller = min(positive, float(ranks.sum()) - positive)
    if len(d) > EXACT:
        z = (smaller - ranks.sum() / 2 + 0.5) / math.sqrt((ranks**2).sum() / 4)
        return min(1.0, 2 * NormalDist().cdf(float(z)))
    cumulative = _distribution(tuple(np.sort(np.rint(2 * ranks).astype(int)).tolist()))
    return min(1.0, 2 * float(cumulative[round(2 * smaller)]))


@lru_cache(maxsize=256)
def _distribution(doubled: tuple[int, ...]) -> Array:
    """Return P(W <= w/2) for w = 0, 1, ..., with every sign of the ranks as likely."""
    ways = np.zeros(sum(doubled) + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] = ways[rank:] + ways[:-rank]
    return np.asarray(np.cumsum(ways) / 2.0 ** len(doubled), dtype=np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for being several.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".

    Args:
        p_values: Any number of them.

    Returns:
        The corrected ones, in the same order, at most 1.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = largest
    return corrected


def student(values: Sequence[float]) -> float:
    """Return the two-sided p-value of Student's t-test that the mean is zero.

    Args:
        values: Two numbers or more, such as logarithms of paired ratios.

    Returns:
        The p-value; without any spread 1 for zeros, 0 else.
    """
    from scipy.special import stdtr

    n, center, spread = len(values), fmean(values), stdev(values)
    if spread == 0:
        return 1.0 if center == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(center) / spread * math.sqrt(n)))


def leaning(differences: Sequence[float]) -> float:
    """Return the sum of signed ranks, whose sign is the direction of `signed_rank`."""
    d = np.array([x for x in differences if x != 0])
    return float((np.sign(d) * average_ranks(np.abs(d))).sum()) if len(d) else 0.0
