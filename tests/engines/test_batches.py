"""Bits in a batch, rounding across batches."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.core.run import DETERMINED, Run
from optbench.engines.execute import run_batch
from optbench.engines.planner import plan
from tests.helpers import runs, specs

PROBLEMS = (
    "quadratic:dim=12,kappa=30",
    "quadratic:dim=12,kappa=30,noise=0.1",
    "logistic",
    "rosenbrock:dim=3,b=1",
)


def same_bits(a: Run, b: Run) -> bool:
    """Tell whether two runs agree in everything that the spec decides."""
    return (
        (a.spec, a.status, a.first_bad_step, a.hits) == (b.spec, b.status, b.first_bad_step, b.hits)
        and all(np.array_equal(a.curve[c], b.curve[c], equal_nan=True) for c in DETERMINED)
        and (a.points is None) == (b.points is None)
        and (a.points is None or b.points is None or np.array_equal(a.points, b.points))
    )


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_same_batch_gives_the_same_bits(problem: str) -> None:
    """A batch run twice is the same to the last bit."""
    (batch,) = plan(specs(problem, "adam:lr=1e-3..1:7", seeds=2, budget=150, targets=(1e-3,)))

    assert all(map(same_bits, run_batch(batch).runs, run_batch(batch).runs))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    "optimizer", ["gd", "heavy_ball", "nesterov", "adagrad", "rmsprop", "adam"]
)
def test_company_changes_rounding_only(problem: str, optimizer: str) -> None:
    """A run alone and the same run in a batch of 21 agree to 1e-9, until a method cycles.

    Once RMSprop has come near the minimum it cycles round it, and a last bit grows by a factor of
    four a step; whether one differs there depends on the processor.
    """
    steps = 100 if optimizer == "rmsprop" else 200
    together = runs(problem, f"{optimizer}:lr=1e-3..0.05:7", seeds=3, budget=steps)

    for run in together[::5]:
        (alone,) = run_batch(plan([run.spec])[0]).runs
        for column in ("value", "gradient_norm"):
            expected = run.curve[column]
            np.testing.assert_allclose(
                alone.curve[column], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
            )


def test_float32_is_run_in_float32() -> None:
    """A float32 run follows the float64 one to its own precision and no further."""
    (single,) = runs("quadratic:dim=12,kappa=30", "gd:lr=0.5", budget=50, dtype="float32")
    (double,) = runs("quadratic:dim=12,kappa=30", "gd:lr=0.5", budget=50)
    error = np.abs(single.curve["value"] / double.curve["value"] - 1).max()

    assert 1e-9 < error < 1e-4


def test_schedules_set_the_learning_rate_of_every_step() -> None:
    """The column lr is the base rate times the schedule, and the run follows it."""
    (run,) = runs(
        "parabola", "gd:lr=0.25", schedules=("linear",), budget=4, record="every", record_x=True
    )
    expected, x = [1.0], 1.0
    for t in range(4):
        x -= 0.25 * (1 - t / 4) * 2 * x
        expected.append(x)
    assert run.points is not None

    np.testing.assert_allclose(run.curve["lr"], 0.25 * (1 - np.arange(5) / 4))
    np.testing.assert_allclose(run.points[:, 0], expected, rtol=1e-14)


def test_projected_problems_stay_feasible() -> None:
    """Every recorded point of a constrained problem lies in its set, in both engines."""
    for optimizer in ("gd:lr=5", "torch.SGD:lr=5"):
        (run,) = runs("max_coordinate:dim=4", optimizer, budget=20, record="every", record_x=True)
        assert run.points is not None
        assert np.linalg.norm(run.points, axis=1).max() <= 1 + 1e-12
