"""Costs and Pareto fronts, worked out by hand and by brute force."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.analysis.costs import Cost, costs
from optbench.analysis.pareto import COSTS, Point, pareto
from optbench.analysis.statistics import geometric_mean
from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def priced(run: Run, seconds: float, engine: str = "step", state: float = 8.0) -> Run:
    """Give a run a duration, spent evenly over its steps, and a state."""
    clock = np.linspace(0, seconds, len(run.curve["step"]))
    curve = dict(run.curve)
    curve |= {"seconds": clock, "value_calls": 3 * run.curve["step"], "hvp_calls": 0 * clock}
    facts = {"state_bytes": state}
    return dataclasses.replace(run, curve=curve, seconds=seconds, facts=facts, engine=engine)


def only(runs: list[Run]) -> Cost:
    """Return the cost of the only entrant."""
    (cost,) = costs(summarize(runs))
    return cost


def test_costs_are_counted_by_the_step(made: Made) -> None:
    """Two gradients and three values a step, and the geometric mean of the seconds."""
    gaps = (1, 0.5, 0.2, 0.1, 0.05)
    runs = [
        priced(made(seed=seed, gaps=gaps, calls=(0, 2, 4, 6, 8), hits={1e-1: 6}), seconds)
        for seed, seconds in enumerate((1.0, 2.0, 4.0))
    ]
    cost = only(runs)

    assert cost.seconds_per_step == geometric_mean([0.25, 0.5, 1.0])
    assert (cost.gradient_calls_per_step, cost.value_calls_per_step) == (2, 3)
    assert (cost.hvp_calls_per_step, cost.state_bytes, cost.batched) == (0, 8, False)
    assert cost.seconds_to_target == geometric_mean([0.75, 1.5, 3.0])


def test_a_seed_that_misses_leaves_no_time_to_target(made: Made) -> None:
    """The time of those that got there would flatter; the time of a step is still known."""
    runs = [priced(made(seed=s, hits={1e-1: 2} if s else {}), 1.0) for s in range(3)]
    cost = only(runs)

    assert cost.seconds_to_target is None
    assert cost.seconds_per_step is not None


def test_problems_are_as_many_values_not_their_seeds(made: Made) -> None:
    """Over four problems of five seeds the interval has four values, of the problems' means."""
    runs = [
        priced(made(seed=s, problem=f"p{p}"), 10.0**p * (s + 1)) for p in range(4) for s in range(5)
    ]
    cost = only(runs)
    centre = geometric_mean([1, 2, 3, 4, 5]).center

    assert cost.seconds_per_step is not None
    assert cost.seconds_per_step.count == 4
    assert cost.seconds_per_step.center == pytest.approx(centre * 10**1.5)


def test_a_share_of_a_batchs_time_is_marked_and_has_no_interval(made: Made) -> None:
    """Seeds of one batch share its time: an interval over them would be one of copies."""
    shared = [
        priced(made(seed=s, problem=p, hits={1e-1: 2}), 1.0 + s * 1e-6, engine="batched")
        for p in ("p", "q", "r")
        for s in range(3)
    ]
    for runs in (shared[:3], shared):
        cost = only(runs)
        assert cost.batched
        for time in (cost.seconds_per_step, cost.seconds_to_target):
            assert time is not None
            assert (time.low, time.high) == (None, None)


def test_what_was_never_measured_is_unknown(made: Made) -> None:
    """Without a clock, a state or a step there is no estimate, no number and no error."""
    for runs in ([made()], [made(gaps=(), status=Status.ERROR)], [made(gaps=(1,))]):
        cost = only(runs)
        assert (cost.seconds_per_step, cost.seconds_to_target) == (None, None)
        assert np.isnan([cost.state_bytes, cost.value_calls_per_step]).all()


def fronted(points: list[Point]) -> set[str]:
    """Return the names on the front."""
    return {point.name for point in points if point.on_front}


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=6))
def test_the_front_is_who_nobody_beats(made: Made, pairs: list[tuple[int, int]]) -> None:
    """Of equal points both are on it, and it is what a search over all pairs finds."""
    runs = [
        made(name="abcdef"[i], gaps=(10, value), calls=(0, cost))
        for i, (cost, value) in enumerate(pairs)
    ]
    unbeaten = {
        "abcdef"[i]
        for i, (c, v) in enumerate(pairs)
        if not any(x <= c and y <= v and (x, y) != (c, v) for x, y in pairs)
    }
    points = pareto(summarize(runs), "gradient_calls")

    assert fronted(points) == unbeaten
    assert [point.cost for point in points] == sorted(cost for cost, _ in pairs)


def test_two_codes_of_one_method_do_not_beat_each_other(made: Made) -> None:
    """A rounding of the end throws nobody off the front."""
    ends = {"gd": 0.5, "torch.SGD": 0.5 * (1 + 1e-14)}
    points = pareto(
        summarize([made(name=name, gaps=(1, end)) for name, end in ends.items()]), "gradient_calls"
    )

    assert fronted(points) == {"gd", "torch.SGD"}


def test_the_lost_are_shown_and_never_on_the_front(made: Made) -> None:
    """Diverging cheaply on most seeds is no bargain; a minority of lost seeds is counted."""
    lost = {"gone": (1, {0, 1, 2}), "most": (2, {0, 1}), "some": (9, {0})}
    runs = [
        made(
            seed=seed,
            name=name,
            gaps=(1, 0.1 * cost),
            calls=(0, cost),
            status=Status.DIVERGED if seed in seeds else Status.BUDGET,
        )
        for name, (cost, seeds) in lost.items()
        for seed in range(3)
    ]
    points = pareto(summarize(runs), "gradient_calls")

    assert [(p.name, p.lost, p.runs, p.on_front) for p in points] == [
        ("some", 1, 3, True),
        ("gone", 3, 3, False),
        ("most", 2, 3, False),
    ]
    assert [point.value for point in points] == [pytest.approx(0.9), np.inf, np.inf]


def test_no_state_is_the_cheapest_and_has_no_logarithm(made: Made) -> None:
    """Gradient descent keeps nothing, at a cost of zero, and is on the front for it."""
    runs = [priced(made(gaps=(1, 0.5)), 1.0, state=0.0)]
    runs.append(priced(made(name="adam", gaps=(1, 0.1)), 1.0, state=16.0))
    points = pareto(summarize(runs), "state_bytes")

    assert [(point.name, point.on_front) for point in points] == [("gd", True), ("adam", True)]
    assert [point.cost for point in points] == [0, 16]


def test_overshoot_of_the_last_target_is_no_place_on_the_front(made: Made) -> None:
    """Runs stop at 1e-3: who pays more and ends deeper below it is beaten by who paid less."""
    ends = {"cheap": (9e-4, 8.0), "deep": (1e-9, 9.0)}
    runs = [
        made(name=name, gaps=(1, end), calls=(0, calls), hits={1e-1: calls, 1e-3: calls})
        for name, (end, calls) in ends.items()
    ]
    found = pareto(summarize(runs), "gradient_calls")

    assert {point.name: point.on_front for point in found} == {"cheap": True, "deep": False}


def test_the_front_has_no_interval_of_a_batchs_time(made: Made) -> None:
    """Three runs of a batch have one time among them; three runs alone have three."""
    alone, batched = (
        pareto(
            summarize([priced(made(seed=s), 1.0 + s, engine=engine) for s in range(3)]), "seconds"
        )[0]
        for engine in ("step", "batched")
    )

    assert alone.cost_low is not None
    assert (batched.cost_low, batched.cost_high) == (None, None)
    assert batched.cost == alone.cost == pytest.approx(6 ** (1 / 3))


def test_unknown_costs_are_off_the_front_or_refused(made: Made) -> None:
    """A run without a state has an unknown cost; a cost that does not exist is an error."""
    (point,) = pareto(summarize([made()]), "state_bytes")

    assert np.isnan(point.cost)
    assert not point.on_front
    with pytest.raises(OptbenchError, match="did you mean seconds"):
        pareto([], "second")
    assert [pareto([], cost) for cost in COSTS] == [[], [], []]
