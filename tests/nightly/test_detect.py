"""The detector notices what is there, and is quiet where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.nightly.detect import BEFORE, EFFECT, LAST, LEAST, change_points, detect
from optbench.nightly.judgement import Verdict
from tests.benchmarks.detection import RULES, SCENARIOS, Scenario, read_noise, trial

YEARS = 25
"""Of every scenario: with fixed seeds, so that nothing here is left to chance."""


def _level(*parts: tuple[int, float], seed: int = 0) -> list[float]:
    """Return nights at levels, each with noise of 2.5 %, as measured."""
    generator = np.random.default_rng(seed)
    return [
        float(level * (1 + 0.025 * generator.standard_normal()))
        for nights, level in parts
        for _ in range(nights)
    ]


def _changes(values: list[float]) -> list[tuple[int, Verdict]]:
    return [(n, d.verdict) for n, d in enumerate(detect(values)) if d.verdict.is_change]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_rates_on_years_made_of_measured_noise(scenario: Scenario) -> None:
    """Steps and drifts are noticed without false alarms, of which threshold rules have many."""
    found = trial(scenario, YEARS, read_noise())
    noticed, false_alarms = found["optbench nightly"]
    rules = [found[name] for name in RULES if name != "optbench nightly"]

    assert false_alarms <= 0.1
    assert not scenario.kind or noticed >= 0.9
    assert min(false for _, false in rules) >= 1


def test_five_nights_make_a_verdict_and_one_a_suspicion() -> None:
    """A step is suspicious at once, and a regression within five nights, told once."""
    values = _level((40, 1.0), (40, 1.2))
    verdicts = [found.verdict for found in detect(values)]

    assert verdicts[40] is Verdict.SUSPICIOUS
    ((night, verdict),) = _changes(values)
    assert (40 <= night < 40 + LAST, verdict) == (True, Verdict.REGRESSION)
    assert detect(values)[night].before == pytest.approx(1.0, rel=0.02)


def test_an_improvement_is_no_regression() -> None:
    """Faster is better."""
    ((_, verdict),) = _changes(_level((40, 1.0), (40, 0.8)))

    assert verdict is Verdict.IMPROVED


def test_single_nights_never_make_a_verdict() -> None:
    """A night that was ten times as slow, and four within a month, are accidents."""
    values = _level((60, 1.0))
    for night in (20, 30, 38, 45, 46):
        values[night] *= 10

    assert _changes(values) == []


def test_a_small_change_is_none_however_clear() -> None:
    """Half the effect that counts, without any noise, is not told."""
    assert _changes([1.0] * 60 + [1 + EFFECT / 2] * 60) == []
    assert len(_changes([1.0] * 60 + [1 + EFFECT * 2] * 60)) == 1


def test_too_little_history_is_no_verdict() -> None:
    """Ten nights must go before, at the beginning and after every change."""
    verdicts = [found.verdict for found in detect(_level((LEAST + LAST, 1.0), (20, 2.0)))]

    assert verdicts[:LEAST] == [Verdict.INSUFFICIENT] * LEAST
    assert verdicts[LEAST] is Verdict.NO_CHANGE
    (night,) = (n for n, verdict in enumerate(verdicts) if verdict.is_change)
    assert verdicts[night + 1] is Verdict.INSUFFICIENT


def test_after_a_change_the_new_level_is_the_norm() -> None:
    """Two steps up are two regressions, the second measured from the first."""
    values = _level((40, 1.0), (40, 1.2), (40, 1.44))
    found = [d for d in detect(values) if d.verdict.is_change]

    assert [d.verdict for d in found] == [Verdict.REGRESSION] * 2
    assert found[1].before == pytest.approx(1.2, rel=0.02)
    assert found[1].start >= 80 - LAST


def test_a_step_is_not_hidden_by_an_outlier_before_it_nor_by_ties() -> None:
    """Values that repeat, as peaks of memory do, are evidence as good as any."""
    values = [6.97] * BEFORE + [7.97] * LAST
    values[10] = 50.0

    ((night, verdict),) = _changes(values)
    assert (night, verdict) == (BEFORE + LAST - 1, Verdict.REGRESSION)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(100, 1.0)], []),
        ([(50, 1.0), (50, 1.1)], [50]),
        ([(40, 1.0), (30, 1.2), (40, 1.0)], [40, 70]),
        ([(60, 1.0), (60, 1.02)], []),
        ([(6, 1.0)], []),
        ([], []),
    ],
)
def test_change_points_in_hindsight(parts: list[tuple[int, float]], expected: list[int]) -> None:
    """Levels are told apart where they begin, to a night or two; noise alone has none."""
    found = change_points(_level(*parts))

    assert len(found) == len(expected)
    assert all(abs(a - b) <= 2 for a, b in zip(found, expected, strict=True))


def test_change_points_do_not_mind_outliers() -> None:
    """A night far out neither makes a change point nor moves one."""
    values = _level((50, 1.0), (50, 1.2))
    for night in (5, 30, 61, 90):
        values[night] *= 5

    (found,) = change_points(values)
    assert abs(found - 50) <= 2
