"""The table that collections of optimizers test with: who reaches which minimiser, how fast.

Each row is an optimizer, its hyperparameters, a number of iterations and a tolerance on the
distance to the minimiser, from the start (1.5, 1.5). What a row comes to is worked out here with a
bare loop round torch's own optimizer, on functions written down a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from optbench import run
from tests.cli.conftest import Command


def rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    """Return (1 - x)^2 + (y - x^2)^2."""
    return (1 - x) ** 2 + (y - x**2) ** 2


def quadratic(x: Tensor, y: Tensor) -> Tensor:
    """Return x^2 + y^2."""
    return x**2 + y**2


def beale(x: Tensor, y: Tensor) -> Tensor:
    """Return Beale's sum of three squares."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


Function = Callable[[Tensor, Tensor], Tensor]
PROBLEMS: dict[str, tuple[Function, tuple[float, float]]] = {
    "rosenbrock:b=1,start=1.5/1.5": (rosenbrock, (1.0, 1.0)),
    "quadratic:dim=2,kappa=1,smoothness=2,start=1.5/1.5": (quadratic, (0.0, 0.0)),
    "beale:start=1.5/1.5": (beale, (3.0, 0.5)),
}
ROSENBROCK, QUADRATIC, BEALE = PROBLEMS

ROWS: list[tuple[str, str, str, dict[str, float | bool], int, float]] = [
    (ROSENBROCK, "gd:lr=0.1", "SGD", {"lr": 0.1}, 500, 1e-3),
    (
        ROSENBROCK,
        "heavy_ball:lr=0.002,beta=0.91",
        "SGD",
        {"lr": 0.002, "momentum": 0.91},
        900,
        1e-3,
    ),
    (
        ROSENBROCK,
        "nesterov:lr=0.01,beta=0.9",
        "SGD",
        {"lr": 0.01, "momentum": 0.9, "nesterov": True},
        500,
        1e-6,
    ),
    (ROSENBROCK, "adam:lr=0.5", "Adam", {"lr": 0.5}, 500, 1e-3),
    (ROSENBROCK, "torch.RAdam:lr=0.1", "RAdam", {"lr": 0.1}, 800, 1e-3),
    (QUADRATIC, "gd:lr=0.01", "SGD", {"lr": 0.01}, 900, 1e-3),
    (QUADRATIC, "adam:lr=1.0", "Adam", {"lr": 1.0}, 500, 1e-3),
    (QUADRATIC, "adagrad:lr=0.5", "Adagrad", {"lr": 0.5}, 500, 1e-8),
    (QUADRATIC, "torch.Adamax:lr=0.1", "Adamax", {"lr": 0.1}, 500, 1e-3),
    (BEALE, "heavy_ball:lr=0.002,beta=0.91", "SGD", {"lr": 0.002, "momentum": 0.91}, 900, 1e-3),
    (BEALE, "adam:lr=0.5", "Adam", {"lr": 0.5}, 500, 1e-2),
    (BEALE, "adagrad:lr=1.0", "Adagrad", {"lr": 1.0}, 1200, 1e-3),
    (BEALE, "torch.NAdam:lr=0.1", "NAdam", {"lr": 0.1}, 800, 1e-3),
]


def _steps(problem: str, name: str, settings: dict[str, Any], limit: int, tolerance: float) -> int:
    """Return the first step of torch's optimizer within the tolerance, -1 for none."""
    function, minimiser = PROBLEMS[problem]
    x = torch.tensor([1.5, 1.5], dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([x], **settings)
    for t in range(limit + 1):
        if float((x.detach() - torch.tensor(minimiser)).norm()) <= tolerance:
            return t
        optimizer.zero_grad()
        function(*x).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return -1


@pytest.mark.parametrize(("problem", "text", "name", "settings", "limit", "tolerance"), ROWS)
def test_a_row_of_the_table_is_one_call(
    problem: str, text: str, name: str, settings: dict[str, Any], limit: int, tolerance: float
) -> None:
    """The run converges within its iterations, at the very step at which torch's own loop does."""
    result = run(problem, text, budget=limit, targets=f"distance={tolerance}")
    (row,) = result.to_pandas().to_dict("records")

    expected = _steps(problem, name, settings, limit, tolerance)
    assert row["status"] == "converged"
    assert row[f"steps_to_distance_{tolerance:g}"] == row["steps"] == expected > 0
    assert row["distance"] <= tolerance


def test_a_row_that_does_not_converge_says_so() -> None:
    """Adadelta is still on its way when the iterations are spent."""
    result = run(ROSENBROCK, "torch.Adadelta:lr=1", budget=300, targets="distance=1e-3")
    (row,) = result.to_pandas().to_dict("records")

    assert _steps(ROSENBROCK, "Adadelta", {"lr": 1.0}, 300, 1e-3) == -1
    assert (row["status"], row["steps"]) == ("budget", 300)
    assert row["distance"] > 1e-3
    assert row["steps_to_distance_0.001"] != row["steps_to_distance_0.001"]  # NaN


def test_the_table_is_one_command(optbench: Command) -> None:
    """What Python answers, the command line answers, and its table says what is measured."""
    rows = [row for row in ROWS if row[0] == ROSENBROCK and row[5] == 1e-3]
    texts = [part for row in rows for part in ("--optimizer", row[1])]
    line = ["run", *texts, "--problem", ROSENBROCK, "--budget", "900", "--target", "distance=1e-3"]
    done = optbench(*line)

    cells = {row.split()[0]: row.split()[2:] for row in done.stdout.splitlines() if "0/1" in row}
    assert "to distance 1e-03   final distance" in done.stdout
    assert sorted(cells) == sorted(text.partition(":")[0] for _, text, *_ in rows)
    for on, text, name, settings, limit, tolerance in rows:
        steps, distance, *_ = cells[text.partition(":")[0]]
        assert int(steps) == _steps(on, name, settings, limit, tolerance)
        assert float(distance) <= tolerance
