"""The worked examples of textbooks, exact to the last bit or two."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from optbench.core.run import Status
from tests.helpers import problem_of, runs, trajectory

PARABOLA = "parabola"  # theta^2 from theta = 1


def _points(problem: str, lr: str, steps: int) -> np.ndarray:
    run = trajectory(problem, f"gd:lr={lr}", budget=steps)
    assert run.points is not None
    return run.points[:, 0]


def test_s01_one_step_with_one_over_the_curvature_lands_on_the_minimum() -> None:
    """S-01: theta^2 from 1 with eta = .5 is at 0 after one step, exactly."""
    assert _points(PARABOLA, "0.5", 1).tolist() == [1.0, 0.0]


def test_s02_a_small_step_shrinks_by_four_fifths() -> None:
    """S-02: eta = .1 gives .8, .64, .512 to 4 units in the last place."""
    found = _points(PARABOLA, "0.1", 3)

    np.testing.assert_array_max_ulp(found, np.array([1, 0.8, 0.64, 0.512]), maxulp=4)


def test_s03_a_large_step_doubles_and_alternates() -> None:
    """S-03: eta = 1.5 gives -2, 4, -8, exactly."""
    assert _points(PARABOLA, "1.5", 3).tolist() == [1.0, -2.0, 4.0, -8.0]


def test_s04_at_the_threshold_gradient_descent_does_neither() -> None:
    """S-04: at eta = 1 |theta| stays 1; a thousandth below or above, it leaves for good."""
    assert set(np.abs(_points(PARABOLA, "1.0", 1000))) == {1.0}
    assert abs(_points(PARABOLA, "0.999", 1000)[-1]) == pytest.approx(0.998**1000, rel=1e-9)
    assert abs(_points(PARABOLA, "1.001", 1000)[-1]) == pytest.approx(1.002**1000, rel=1e-9)


def test_s04_the_status_tells_the_three_cases_apart() -> None:
    """S-04: below the threshold converged, at it budget, above it diverged."""
    (below, at, above) = runs(
        PARABOLA, "gd:lr=0.99/1.0/1.01", budget=5000, targets=(1e-8,), record_x=False
    )

    assert [below.status, at.status, above.status] == [
        Status.CONVERGED,
        Status.BUDGET,
        Status.DIVERGED,
    ]


def test_s05_fifty_steps_towards_three() -> None:
    """S-05: (x - 3)^2 from 0 with eta = .1 is at 3(1 - .8^50) = 2.99995718 after 50 steps."""
    found = _points("parabola:center=3,start=0", "0.1", 50)[-1]

    assert found == pytest.approx(3 * (1 - 0.8**50), rel=1e-14)
    assert round(found, 8) == 2.99995718


def test_s08_the_hessian_of_rosenbrock_at_its_minimum() -> None:
    """S-08: eigenvalues .399360767 and 1001.600639, kappa 2508.009601."""
    problem = problem_of("rosenbrock")
    assert problem.hessian_vector is not None
    ones = torch.ones(2, 2, dtype=torch.float64)
    hessian = problem.hessian_vector(ones, torch.eye(2, dtype=torch.float64))
    low, high = torch.linalg.eigvalsh(hessian).tolist()

    assert low == pytest.approx(0.399360767, rel=1e-8)
    assert high == pytest.approx(1001.600639, rel=1e-9)
    assert high / low == pytest.approx(2508.009601, rel=1e-9)


def test_s08_the_tail_of_gradient_descent_in_the_valley() -> None:
    """S-08: with eta = 1e-3 from (-1.2, 1) the distance shrinks by 1 - 1e-3 lambda_min a step."""
    run = trajectory("rosenbrock", "gd:lr=1e-3", budget=60000, record="every", record_x=False)
    distance = run.curve["distance"]
    ratio = (distance[60000] / distance[50000]) ** (1 / 10000)

    # The next term of the expansion is proportional to the distance, here below 1e-8.
    assert ratio == pytest.approx(1 - 1e-3 * 0.399360767, abs=1e-7)


@pytest.mark.parametrize(("factor", "leaves"), [(0.999, False), (1.01, True)])
def test_s08_the_local_threshold_is_two_over_the_largest_eigenvalue(
    tmp_path_factory: pytest.TempPathFactory, factor: float, leaves: bool
) -> None:
    """S-08: started 1e-9 beside the minimum, gradient descent leaves it above 2/L and not below."""
    folder = tmp_path_factory.mktemp("valley")
    (folder / "valley.py").write_text(
        "from dataclasses import replace\n"
        "import torch\n"
        "from optbench.families.rosenbrock import rosenbrock\n"
        "def beside(*, offset: float = 1e-9):\n"
        "    start = torch.tensor([1.0 + offset, 1.0], dtype=torch.float64)\n"
        "    return replace(rosenbrock(), start=lambda seed: start)\n"
    )
    lr = factor * 2 / 1001.600639
    run = trajectory(f"{folder}/valley.py:beside", f"gd:lr={lr}", budget=2000, record_x=False)

    assert (run.last("distance") > 1e-6) == leaves


def test_warm_up_then_cosine_has_its_exact_values() -> None:
    """S-06: T = 1e5, w = 5000: .2, 1, .5412896727 and 0 of the maximum; one half at 52500."""
    from optbench.schedules.warmup import warmup_cosine

    steps = np.array([1000, 5000, 50000, 52500, 100000, 150000])
    factors = warmup_cosine(steps, 200000, warmup=5000, steps=100000)

    expected = [0.2, 1.0, (1 + math.cos(math.pi * 45 / 95)) / 2, 0.5, 0.0, 0.0]
    np.testing.assert_allclose(factors, expected, rtol=1e-12, atol=1e-15)
    assert factors[2] == pytest.approx(0.5412896727, abs=5e-11)
