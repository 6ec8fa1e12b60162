"""Where runs stop, what they reached and what is logged, exact to the step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.problem import Facts, Problem
from optbench.core.run import DETERMINED, Run, Status
from optbench.core.spec import RunSpec, Spec
from optbench.engines.recorder import Calls, Recorder, log_steps
from optbench.engines.trajectory import collect
from tests.helpers import runs


@given(st.integers(1, 10**7))
@settings(max_examples=200)
def test_logged_steps_start_dense_and_end_at_the_end(horizon: int) -> None:
    """Steps increase strictly from 0 to T, all of them at first, about 300 at most."""
    steps = log_steps(horizon)

    assert steps[0] == 0
    assert steps[-1] == horizon
    assert all(a < b for a, b in itertools.pairwise(steps))
    assert steps[: min(horizon, 100)] == list(range(min(horizon, 100)))
    assert len(steps) <= 302


def _play(
    values: list[list[float]], targets: tuple[float, ...], f_star: float | None = 0.0
) -> list[Run]:
    """Feed a recorder with invented values, one list a run, and collect its runs."""
    table = torch.tensor(values, dtype=torch.float64).T
    count, horizon = len(values), len(table) - 1
    problem = Problem(
        facts=Facts(dim=1, f_star=f_star),
        start=lambda seed: torch.zeros(1, dtype=torch.float64),
        oracle=lambda x: (x[:, 0], torch.ones_like(x)),
    )
    specs = [
        RunSpec(problem=Spec("p"), optimizer=Spec("o"), seed=seed, targets=targets)
        for seed in range(count)
    ]
    recorder = Recorder(problem, specs, horizon)
    rows = torch.arange(count)
    for t, f in enumerate(table):
        x = f[rows][:, None]
        due = recorder.push(x, f[rows], torch.ones_like(x), Calls(float(t)))
        if t == horizon:
            break
        keep = recorder.judge() if due else None
        if keep is not None:
            rows = rows[keep]
            if not len(rows):
                break
    recorder.judge(last=Status.BUDGET)
    return collect(
        recorder, hyper=[{}] * count, factors=np.ones(horizon + 1), engine="batched", batch=""
    )


def _expected(
    values: list[float], targets: tuple[float, ...]
) -> tuple[Status, int, dict[float, int]]:
    """Say what a run with these values comes to, one step after the other."""
    hits: dict[float, int] = {}
    bound = 1e10 * max(abs(values[0]), 1.0)
    for t, f in enumerate(values):
        if not abs(f) <= bound:
            return (Status.NAN if np.isnan(f) else Status.DIVERGED), t - 1, hits
        for target in targets:
            if f <= target * values[0]:
                hits.setdefault(target, t)
        if targets and targets[-1] in hits:
            return Status.CONVERGED, t, hits
    return Status.BUDGET, len(values) - 1, hits


special = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e300, 1e-9])
gap = st.one_of(st.floats(1e-3, 10), st.floats(1e-3, 10), st.floats(1e-3, 10), special)


@given(st.data())
@settings(max_examples=150)
def test_runs_end_where_a_loop_over_their_values_ends(data: st.DataObject) -> None:
    """Statuses, last steps and first passages agree with looking at every value in turn."""
    length = data.draw(st.integers(1, 150))
    count = data.draw(st.integers(1, 6))
    rows = st.lists(gap, min_size=length, max_size=length)
    values = [[1.0, *data.draw(rows)] for _ in range(count)]
    targets = data.draw(st.sampled_from([(), (0.5,), (0.1, 1e-6)]))

    for run, own in zip(_play(values, targets), values, strict=True):
        status, step, hits = _expected(own, targets)
        assert run.status == status
        assert run.last("step") == step
        assert {hit.target: hit.step for hit in run.hits} == hits
        assert run.first_bad_step == (step + 1 if status in (Status.NAN, Status.DIVERGED) else None)
        steps = run.curve["step"].astype(int)
        np.testing.assert_array_equal(run.curve["value"], np.array(own)[steps])
        assert (np.diff(steps) > 0).all()


def test_a_start_that_is_not_finite_has_an_empty_curve() -> None:
    """NaN at step 0 is a result without points, and the first bad step is 0."""
    (run,) = _play([[float("nan"), 1.0]], (0.1,))

    assert run.status is Status.NAN
    assert run.first_bad_step == 0
    assert len(run.curve["step"]) == 0


def test_a_start_at_the_solution_has_reached_every_target() -> None:
    """With no gap at the start all targets are hit at step 0, without 0/0."""
    (run,) = _play([[0.0, 0.0]], (0.1, 1e-8))

    assert run.status is Status.CONVERGED
    assert [hit.step for hit in run.hits] == [0, 0]


def test_momentum_may_rise_by_kappa_before_it_is_called_diverged() -> None:
    """A rise by 1e9 and back is a normal run; by 1e11 it is divergence."""
    (fine, gone) = _play([[1.0, 1e9, 0.1], [1.0, 1e11, 0.1]], (0.5,))

    assert (fine.status, gone.status) == (Status.CONVERGED, Status.DIVERGED)


def test_without_a_known_minimum_there_are_no_targets() -> None:
    """Unknown f* means no suboptimality and no first passages, not invented ones."""
    (run,) = _play([[1.0, 0.1, 0.01]], (0.5,), f_star=None)

    assert run.status is Status.BUDGET
    assert run.hits == ()
    assert np.isnan(run.curve["suboptimality"]).all()


def test_whoever_stays_keeps_its_own_start_when_others_leave() -> None:
    """After three of four runs left the stack, targets and bound are still those of its own gap."""
    early = [[start] * 10 + [0.0] * 200 for start in (1.0, 2.0, 3.0)]
    late = [100.0] * 120 + [5e11] * 30 + [40.0] * 30 + [9.0] * 30

    *_, run = _play([*early, late], (0.5, 0.1))
    assert [(hit.target, hit.step) for hit in run.hits] == [(0.5, 150), (0.1, 180)]


def test_a_value_below_the_minimum_is_reported() -> None:
    """A gap clearly below zero says that f* is wrong."""
    (run,) = _play([[1.0, 0.5, -0.1]], ())

    assert "f* of this problem is wrong" in run.message


@pytest.mark.parametrize("measure", ["distance", "gradient_norm", "value"])
@pytest.mark.parametrize("optimizer", ["heavy_ball:lr=0.002/0.02/0.02001", "torch.SGD:lr=0.02"])
def test_absolute_targets_are_hit_at_the_first_step_at_or_below_them(
    measure: str, optimizer: str
) -> None:
    """In every measure, of a curve that rises and falls, hits and end are those of every step."""
    problem, levels = "styblinski_tang:dim=3", [-60.0, -110.0]
    full = runs(problem, optimizer, budget=400, record="every")
    if measure != "value":  # levels of its own, some between steps that the log leaves out
        levels = [float(full[0].curve[measure][t]) for t in (3, 117)]
    texts = tuple(f"{measure}={level!r}" for level in levels)
    found = runs(problem, optimizer, budget=400, targets=texts)

    assert any(run.hits for run in found)
    for run, whole in zip(found, full, strict=True):
        below = [np.flatnonzero(whole.curve[measure] <= level) for level in sorted(levels)[::-1]]
        steps = [int(at[0]) for at in below if len(at)]
        assert [hit.step for hit in run.hits] == steps
        assert run.status is (Status.CONVERGED if len(steps) == 2 else Status.BUDGET)
        assert run.last("step") == (steps[-1] if len(steps) == 2 else 400)


def test_a_distance_to_nowhere_is_refused_with_the_reason() -> None:
    """Without x* a target of distance cannot be judged, and the run says so; others still can."""
    (run,) = runs("saddle", "gd:lr=0.1", budget=9, targets=("distance=1",))
    (other,) = runs("saddle", "gd:lr=0.1", budget=9, targets=("gradient_norm=1",))
    (aimless,) = runs("saddle", "gd:lr=0.1", budget=9)

    assert (run.status, run.message) == (
        Status.REFUSED,
        "a target of distance needs x*, which is unknown for saddle",
    )
    assert [hit.step for hit in other.hits] == [4]  # 2 (1 - 2/10)^t <= 1
    assert aimless.status is Status.BUDGET


def test_logged_columns_do_not_depend_on_how_densely_one_logs() -> None:
    """Recording every step or some gives the same numbers at the steps that both have."""
    (dense,) = runs("quadratic:dim=8", "adam:lr=0.01", budget=700, record="every")
    (thin,) = runs("quadratic:dim=8", "adam:lr=0.01", budget=700)
    at = thin.curve["step"].astype(int)

    assert len(at) < 303
    for column in DETERMINED:
        np.testing.assert_array_equal(thin.curve[column], dense.curve[column][at])


def test_stopping_early_changes_nothing_before_the_stop() -> None:
    """A run with a target is the beginning of the run without, and ends at the first passage."""
    text = "gd:lr=1e-2..1:9"
    long = runs("quadratic:dim=8,kappa=20", text, budget=600, record="every")
    short = runs("quadratic:dim=8,kappa=20", text, budget=600, record="every", targets=(1e-1, 1e-4))

    for a, b in zip(long, short, strict=True):
        n = len(b.curve["step"])
        # Others leave the stack, which changes the shape of products: equal to rounding, not bits.
        np.testing.assert_allclose(b.curve["value"], a.curve["value"][:n], rtol=1e-10)
        for hit in b.hits:
            gaps = a.curve["suboptimality"] / a.curve["suboptimality"][0]
            assert hit.step == int(np.argmax(gaps <= hit.target))
    assert {run.status for run in short} == {Status.CONVERGED, Status.BUDGET}


@pytest.mark.parametrize("optimizer", ["gd:lr=3", "torch.SGD:lr=3"])
def test_divergence_is_cut_and_said_in_both_engines(optimizer: str) -> None:
    """A diverging run keeps its curve up to the last sound point and names the first bad step."""
    (run,) = runs("quadratic:dim=5", optimizer, budget=500)

    assert run.status is Status.DIVERGED
    assert run.first_bad_step is not None
    assert run.last("step") == run.first_bad_step - 1
    assert np.isfinite(run.curve["value"]).all()
    assert run.last("suboptimality") <= 1e10
