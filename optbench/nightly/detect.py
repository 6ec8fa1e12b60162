"""Noisy metrics: a verdict only when both the effect and the evidence are sufficient.

The last nights are held against those before them by the test of Mann and Whitney, within a segment
that began at the last change. Single nights may lie anywhere: they raise a suspicion and no alarm.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optbench.nightly.judgement import Verdict

LAST, BEFORE, LEAST = 5, 30, 10
"""Nights that are judged, nights at most that they are held against, and at least."""

P, EFFECT = 1e-3, 0.05
"""The evidence and the change of the median that a verdict takes."""

PERMUTATIONS = 199
"""Shuffles that a change point is tested by; 199 can show p = .005."""


@dataclass(frozen=True)
class Detection:
    """What is thought of the last night of a series.

    Attributes:
        verdict: The verdict.
        before: Median of the nights before the last ones; None where there are too few.
        after: Median of the last nights, or the last night alone where it is only suspicious.
        start: Place of the first night of the segment that the series is in after this night.
        p: Of the test; 1 where it was not asked.
    """

    verdict: Verdict
    before: float | None
    after: float
    start: int
    p: float = 1.0


def detect(values: Sequence[float]) -> list[Detection]:
    """Judge every night of a series by what was known that night; lower is better.

    Args:
        values: A value a night, oldest first.

    Returns:
        A detection a night.
    """
    found: list[Detection] = []
    start = 0
    for night in range(1, len(values) + 1):
        detection = _judge(values[start:night], start)
        if detection.verdict.is_change:
            start = detection.start
        found.append(detection)
    return found


def _judge(segment: Sequence[float], start: int) -> Detection:
    """Judge the last night of a segment that begins at a place."""
    now = segment[-1]
    if len(segment) < LEAST + 1:
        return Detection(Verdict.INSUFFICIENT, None, now, start)
    last = segment[-LAST:]
    reference = segment[-LAST - BEFORE : -LAST]
    if len(reference) >= LEAST:
        before, after = statistics.median(reference), statistics.median(last)
        p = _p(reference, last) if abs(after - before) > EFFECT * before else 1.0
        if p < P:
            verdict = Verdict.REGRESSION if after > before else Verdict.IMPROVED
            return Detection(verdict, before, after, start + len(segment) - LAST, p)
    known = segment[-BEFORE - 1 : -1]
    before = statistics.median(known)
    high = sorted(known)[-2]  # one outlier is no excuse for another
    if now > (1 + EFFECT) * before and now > high:
        return Detection(Verdict.SUSPICIOUS, before, now, start)
    return Detection(Verdict.NO_CHANGE, before, now, start)


def _p(reference: Sequence[float], last: Sequence[float]) -> float:
    """Return the two-sided p of Mann and Whitney's test.

    Exact, also where some numbers are equal: the normal approximation, scipy's choice there, gives
    five nights above thirty a p of 4e-4 in the place of 6e-6, and one outlier hides a step.
    """
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(last, reference, alternative="two-sided", method="exact").pvalue)


def change_points(values: Sequence[float], *, least: int = LAST, seed: int = 0) -> list[int]:
    """Find in hindsight where the level of a series has changed.

    E-divisive (Matteson and James 2014): the split with the largest energy distance between its two
    sides is a change point when few shuffles of the segment have one as large; then each side is
    looked at in turn. A change of the median below 5 % is none.

    Args:
        values: A value a night, oldest first.
        least: Nights on each side of a change point.
        seed: Of the shuffles.

    Returns:
        Places of the first nights of new levels, in order.
    """
    numbers = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    found: list[int] = []
    waiting = [(0, len(numbers))]
    while waiting:
        low, high = waiting.pop()
        if high - low < 2 * least:
            continue
        part = numbers[low:high]
        # Ranks, so that one night far out does not carry a side with it.
        ranks = np.argsort(np.argsort(part, kind="stable"), kind="stable").astype(np.float64)
        split, height = _best_split(ranks, least)
        if _stands_out(ranks, least, height, generator):
            found.append(low + split)
            waiting += [(low, low + split), (low + split, high)]
    return _large(numbers, sorted(found))


def _large(numbers: np.ndarray, places: list[int]) -> list[int]:
    """Drop change points, the smallest first, until all that are left are large enough.

    Only now, since a level between two equal ones hides in the median of its side.
    """
    while places:
        bounds = [0, *places, len(numbers)]
        levels = [float(np.median(numbers[a:b])) for a, b in itertools.pairwise(bounds)]
        sizes = [abs(after / before - 1) for before, after in itertools.pairwise(levels)]
        smallest = int(np.argmin(sizes))
        if sizes[smallest] > EFFECT:
            break
        places = places[:smallest] + places[smallest + 1 :]
    return places


def _best_split(numbers: np.ndarray, least: int) -> tuple[int, float]:
    """Return the place of the largest energy distance between two sides, and that distance."""
    count = len(numbers)
    gaps = np.abs(numbers[:, None] - numbers[None, :])
    places = np.arange(least, count - least + 1)
    from_left = gaps.sum(1).cumsum()  # of the numbers left of a place to all
    within_left = 2 * np.tril(gaps).sum(1).cumsum()[places - 1]
    between = from_left[places - 1] - within_left
    within_right = from_left[-1] - within_left - 2 * between
    left, right = places.astype(np.float64), (count - places).astype(np.float64)
    distance = 2 * between / (left * right) - within_left / left**2 - within_right / right**2
    weighted = distance * left * right / count
    best = int(np.argmax(weighted))
    return int(places[best]), float(weighted[best])


def _stands_out(
    numbers: np.ndarray, least: int, height: float, generator: np.random.Generator
) -> bool:
    """Return whether no shuffle of the numbers has a split as good."""
    return all(
        _best_split(generator.permutation(numbers), least)[1] < height for _ in range(PERMUTATIONS)
    )
