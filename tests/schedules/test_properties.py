"""What holds for every schedule, whatever its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError
from optbench.core.spec import Spec
from optbench.schedules import MOMENTUM, SCHEDULES
from optbench.schedules.find import complete_schedule, factors_of, find_schedule
from tests.schedules.cases import at, factors, numbers

ENDLESS = {"constant", "exponential", "inverse_sqrt", "warmup_inverse_sqrt", "robbins_monro"}
WARM = ("warmup_cosine", "warmup_linear", "wsd")

floors = st.floats(0, 1)
flags = st.booleans()


def params(name: str, T: int) -> dict[str, st.SearchStrategy[Any]]:
    """Return how to draw each parameter of a schedule for a run of T steps."""
    steps, count = st.integers(0, T), st.integers(0, 2 * T)
    drawn: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "step": {"step_size": count, "gamma": st.floats(1e-3, 1)},
        "multi_step": {
            "milestones": st.lists(count, max_size=4).map(lambda m: "/".join(map(str, m))),
            "gamma": st.floats(1e-3, 1),
        },
        "exponential": {"gamma": st.floats(1e-3, 1)},
        "polynomial": {"power": st.floats(0.1, 9), "steps": steps, "end": floors},
        "linear": {"steps": steps, "end": floors},
        "cosine": {"steps": steps, "end": floors},
        "robbins_monro": {"exponent": st.floats(0, 3), "offset": st.floats(1e-3, 1e3)},
        "last_iterate": {"steps": steps},
        "warmup_cosine": {"warmup": steps, "end": floors},
        "warmup_linear": {"warmup": steps, "end": floors},
        "warmup_inverse_sqrt": {"warmup": count},
        "wsd": {
            "warmup": steps,
            "decay": floors,
            "shape": st.sampled_from(["linear", "sqrt"]),
            "end": floors,
        },
        "one_cycle": {
            "pct_start": floors,
            "anneal": st.sampled_from(["cos", "linear"]),
            "three_phase": flags,
            "div_factor": st.floats(1, 100),
            "steps": steps,
        },
        "cosine_restarts": {"T_0": count, "T_mult": st.integers(1, 4), "end": floors},
    }
    cycle = {"half_cycle": count, "low": floors, "cycle_momentum": flags}
    drawn |= {
        "triangular": cycle,
        "triangular2": cycle,
        "exp_range": {**cycle, "gamma": st.floats(1e-3, 1)},
    }
    return drawn.get(name, {})


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Spec, int]:
    """Draw a complete spec and the length of a run that it fits."""
    name, T = draw(st.sampled_from(sorted(SCHEDULES))), draw(st.integers(1, 60))
    given = {key: draw(values) for key, values in params(name, T).items()}
    return complete_schedule(Spec.of(name, given)), T


def test_every_parameter_is_drawn_here() -> None:
    """No schedule and no parameter is left out of the properties, but momenta and a last factor."""
    apart = {"base_momentum", "max_momentum", "cycle_momentum", "final_div_factor", "steps"}
    for name in SCHEDULES:
        assert set(find_schedule(name).parameters) - apart == set(params(name, 5)) - apart


@settings(max_examples=400)
@given(schedules())
def test_factors_are_finite_and_in_range(case: tuple[Spec, int]) -> None:
    """One factor a step, each from 0 to 1, and none below the floor once it is warm."""
    spec, T = case
    found = factors_of(spec, T)

    assert found.lr.shape == (T + 1,)
    assert ((found.lr >= 0) & (found.lr <= 1)).all()
    values = dict(spec.params)
    floor = float(values.get("end", values.get("low", 0.0)))
    assert (found.lr[int(values.get("warmup", 0)) :] >= floor * (1 - 1e-12)).all() or (
        spec.name == "warmup_inverse_sqrt"
    )


@settings(max_examples=400)
@given(schedules(), st.integers(1, 500))
def test_behind_the_end_nothing_moves(case: tuple[Spec, int], beyond: int) -> None:
    """At t = T + k is the factor of T; a schedule without an end does not know T at all."""
    spec, T = case
    function, values = find_schedule(spec.name).factors, dict(spec.params)
    late = np.array([T, T + beyond])

    if spec.name in ENDLESS or values.get("step_size"):
        np.testing.assert_array_equal(function(late, T, **values), function(late, 9999, **values))
    elif spec.name in ("step", "multi_step"):
        assert np.diff(function(late, T, **values)) <= 0
    else:
        at_end, after = function(late, T, **values)
        assert at_end == after


@settings(max_examples=200)
@given(schedules(), st.data())
def test_one_step_alone_is_as_in_the_whole_run(case: tuple[Spec, int], data: st.DataObject) -> None:
    """Vectorised: any steps in any order give what each of them gives by itself."""
    spec, T = case
    found = factors_of(spec, T)
    t = np.array(data.draw(st.lists(st.integers(0, T), min_size=1, max_size=5)))
    schedule, values = find_schedule(spec.name), dict(spec.params)

    np.testing.assert_array_equal(schedule.factors(t, T, **values), found.lr[t])
    if found.momentum is not None:
        assert schedule.momentum is not None
        np.testing.assert_array_equal(schedule.momentum(t, T, **values), found.momentum[t])


@pytest.mark.parametrize("name", WARM)
@settings(max_examples=60)
@given(T=st.integers(1, 200), data=st.data())
def test_a_warm_up_ends_at_exactly_one(name: str, T: int, data: st.DataObject) -> None:
    """t/w before w and exactly 1 at w, from 0 to T, where it stays when w = T."""
    w, end = data.draw(st.integers(0, T)), data.draw(floors)
    found = factors_of(complete_schedule(Spec.of(name, {"warmup": w, "end": end})), T)

    assert found.lr[w] == 1
    np.testing.assert_array_equal(found.lr[:w], np.arange(w) / max(w, 1))
    whole = at(f"{name}:warmup={T},end=0.5", [0, T - 1, T, T + 1, 10 * T], T)
    assert whole == [0, (T - 1) / T, 1, 1, 1]


def test_no_warm_up_is_the_plain_schedule() -> None:
    """With w = 0 they are `cosine`, `linear` and `inverse_sqrt`, the last also with w = 1."""
    np.testing.assert_array_equal(factors("warmup_cosine:end=.1", 50), factors("cosine:end=.1", 50))
    np.testing.assert_array_equal(factors("warmup_linear:end=.1", 50), factors("linear:end=.1", 50))
    for w in (0, 1):
        found = factors(f"warmup_inverse_sqrt:warmup={w}", 50)
        np.testing.assert_allclose(found, factors("inverse_sqrt", 50), rtol=1e-15)


@settings(max_examples=60)
@given(st.integers(2, 10**6))
def test_the_transformers_warm_up_peaks_at_exactly_one(w: int) -> None:
    """The factor is exactly 1 at t = w - 1 and below it before and after."""
    before, peak, after = at(f"warmup_inverse_sqrt:warmup={w}", [w - 2, w - 1, w], 10)

    assert before < 1
    assert peak == 1
    assert after < 1


@settings(max_examples=100)
@given(st.sampled_from(sorted(MOMENTUM)), st.integers(2, 80))
def test_momentum_goes_against_the_learning_rate(name: str, T: int) -> None:
    """It lies between its bounds, falls where the factor rises, and does not where it falls."""
    found = numbers(f"{name}:cycle_momentum=true,base_momentum=.6,max_momentum=.9", T)

    assert found.momentum is not None
    assert ((found.momentum >= 0.6 - 1e-12) & (found.momentum <= 0.9 + 1e-12)).all()
    up, change = np.diff(found.lr), np.diff(found.momentum)
    assert (change[up > 1e-9] < 0).all()
    assert (change[up < -1e-9] >= -1e-12).all()
    assert numbers(f"{name}:cycle_momentum=false", T).momentum is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosine:steps=11", "schedule of 11 steps is longer than the run of 10"),
        ("warmup_linear:warmup=11", "warm-up of 11 steps is longer than the schedule of 10"),
        ("wsd:warmup=6,steps=5", "warm-up of 6 steps is longer than the schedule of 5"),
        ("one_cycle:steps=11", "longer than the run"),
        ("wsd:shape=cubic", "unknown shape of wsd: 'cubic'"),
        ("multi_step:milestones=3/-1", "milestones must be in"),
        ("one_cycle:pct_start=1.5", r"pct_start must be in \[0, 1\]"),
        ("cosin", "did you mean cosine"),
        ("power", "unknown schedule 'power'"),
    ],
)
def test_what_does_not_fit_is_said(text: str, message: str) -> None:
    """A schedule longer than its run, or a value out of range, is the user's to correct."""
    with pytest.raises(OptbenchError, match=message):
        factors(text, 10)
