"""How often a slower step is noticed, and how often there is an alarm for nothing.

    python tests/benchmarks/detection.py [--series 60] [--noise tests/benchmarks/noise.json]
    python tests/benchmarks/detection.py --measure 110 > noise.json

Histories of a year are made of noise that was measured (the medians of `optbench.watch.timing` for
three optimizers, night after night on two cores that others kept busy), drawn in blocks of five
nights, with steps, drifts and outliers of known size at known nights. The detector of
`optbench nightly` and plain threshold rules judge the same histories. An alarm is a night that is
called a regression; one before the change, or more than `PATIENCE` nights after it began, or in a
year without one, is false.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optbench.nightly.detect import detect
from optbench.nightly.judgement import Verdict

NIGHTS, BLOCK = 365, 5
NOISE = Path(__file__).parent / "noise.json"
OUTLIERS = 0.02
"""Share of the nights that an accident makes 1.3 to 3 times as slow."""

DRIFT = 60
"""Nights that a drift takes."""

PATIENCE = {"step": 10, "drift": DRIFT + 10}
"""Nights within which a change must be noticed."""

Rule = Callable[[Sequence[float]], list[bool]]


@dataclass(frozen=True)
class Scenario:
    """A year.

    Attributes:
        name: What happens.
        kind: `step`, `drift`, or nothing.
        size: The change, .1 for 10 %.
        outliers: Whether single nights are slow.
    """

    name: str
    kind: str = ""
    size: float = 0.0
    outliers: bool = False


SCENARIOS = (
    Scenario("nothing"),
    Scenario("outliers", outliers=True),
    Scenario("step of 10 %", "step", 0.1),
    Scenario("step of 20 %", "step", 0.2),
    Scenario("step of 50 %", "step", 0.5),
    Scenario("step of 20 % among outliers", "step", 0.2, outliers=True),
    Scenario("drift of 20 % in 60 nights", "drift", 0.2),
)


def detector(values: Sequence[float]) -> list[bool]:
    """Return which nights `optbench nightly` calls a regression."""
    return [found.verdict is Verdict.REGRESSION for found in detect(values)]


def above_the_last(share: float) -> Rule:
    """Return the rule of many dashboards: so much above the night before."""

    def rule(values: Sequence[float]) -> list[bool]:
        pairs = itertools.pairwise(values)
        return [False, *(after > (1 + share) * before for before, after in pairs)]

    return rule


def above_the_median(share: float) -> Rule:
    """Return a better one: so much above the median of the thirty nights before."""

    def rule(values: Sequence[float]) -> list[bool]:
        return [
            night >= 10
            and value > (1 + share) * statistics.median(values[max(0, night - 30) : night])
            for night, value in enumerate(values)
        ]

    return rule


RULES: Mapping[str, Rule] = {
    "optbench nightly": detector,
    "5 % above the last night": above_the_last(0.05),
    "10 % above the last night": above_the_last(0.1),
    "10 % above the median of 30": above_the_median(0.1),
}


@dataclass(frozen=True)
class Score:
    """What a rule did in one year: whether it noticed the change, and its false alarms."""

    noticed: bool
    false_alarms: int


def read_noise(path: Path = NOISE) -> list[np.ndarray]:
    """Return the measured series, each over its median."""
    series = json.loads(path.read_text())
    return [np.array(values) / np.median(values) for values in series.values()]


def year(
    scenario: Scenario, noise: Sequence[np.ndarray], generator: np.random.Generator
) -> tuple[list[float], int]:
    """Return a history and the night of the change."""
    measured = noise[int(generator.integers(len(noise)))]
    starts = generator.integers(len(measured) - BLOCK, size=NIGHTS // BLOCK)
    values = np.concatenate([measured[start : start + BLOCK] for start in starts])
    change = int(generator.integers(60, 250))
    since = np.arange(NIGHTS) - change
    if scenario.kind == "step":
        values = values * (1 + scenario.size * (since >= 0))
    elif scenario.kind == "drift":
        values = values * (1 + scenario.size * np.clip(since / DRIFT, 0, 1))
    if scenario.outliers:
        hit = generator.random(NIGHTS) < OUTLIERS
        values = np.where(hit, values * generator.uniform(1.3, 3, NIGHTS), values)
    return values.tolist(), change


def score(alarms: Sequence[bool], scenario: Scenario, change: int) -> Score:
    """Return what alarms are worth."""
    nights = [night for night, alarm in enumerate(alarms) if alarm]
    if not scenario.kind:
        return Score(False, len(nights))
    until = change + PATIENCE[scenario.kind]
    right = [night for night in nights if change <= night <= until]
    return Score(bool(right), len(nights) - len(right))


def trial(
    scenario: Scenario, series: int, noise: Sequence[np.ndarray], seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return for every rule the share of changes noticed and the false alarms a year."""
    generator = np.random.default_rng(seed)
    years = [year(scenario, noise, generator) for _ in range(series)]
    found = {}
    for name, rule in RULES.items():
        scores = [score(rule(values), scenario, change) for values, change in years]
        found[name] = (
            sum(one.noticed for one in scores) / series,
            sum(one.false_alarms for one in scores) / series,
        )
    return found


def measure(nights: int) -> dict[str, list[float]]:
    """Measure what a night measures, night after night."""
    from optbench.core.spec import parse_one
    from optbench.watch.timing import measure_step

    names = ("adam", "torch.AdamW", "torch.SGD")
    rounds = [[statistics.median(measure_step(parse_one(n))) for n in names] for _ in range(nights)]
    return dict(zip(names, map(list, zip(*rounds, strict=True)), strict=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=60, help="years a scenario")
    parser.add_argument("--noise", type=Path, default=NOISE, help="measured noise, JSON")
    parser.add_argument("--measure", type=int, help="measure that many nights and print them")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    noise = read_noise(options.noise)
    for values in noise:
        print(f"noise: {len(values)} nights, {values.std():.1%}, up to {values.max():.2f}")
    print(f"\n{'':36}{'noticed':>10}{'false alarms a year':>22}")
    for scenario in SCENARIOS:
        print(scenario.name)
        for name, (noticed, false) in trial(scenario, options.series, noise).items():
            share = f"{noticed:.0%}" if scenario.kind else "-"
            print(f"    {name:32}{share:>10}{false:>22.2f}")


if __name__ == "__main__":
    main()
