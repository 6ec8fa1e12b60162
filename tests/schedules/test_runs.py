"""Learning rate and momentum of a schedule as a run feels them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from tests.helpers import problem_of, trajectory

PROBLEM = "quadratic:kappa=10,dim=4"
STEPS = 40
RTOL = 1e-9  # two orders of the same 40 products and sums


def loop(cls: type[torch.optim.Optimizer], **arguments: Any) -> np.ndarray:
    """Return the points of a training loop in torch under its own 1cycle, shape (T + 1, d)."""
    problem = problem_of(PROBLEM)
    x = torch.nn.Parameter(problem.start(0).clone())
    optimizer = cls([x], **arguments)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=STEPS)
    points = [x.detach().clone()]
    for _ in range(STEPS):
        x.grad = problem.oracle(x.detach()[None])[1][0]
        optimizer.step()
        scheduler.step()
        points.append(x.detach().clone())
    return torch.stack(points).numpy()


@pytest.mark.parametrize(
    ("optimizer", "cls", "arguments"),
    [
        ("heavy_ball:lr=0.1", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        ("torch.SGD:lr=0.1,momentum=0.9", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        ("torch.Adam:lr=0.1", torch.optim.Adam, {"lr": 0.1}),
    ],
)
def test_a_run_under_one_cycle_is_torchs_training_loop(
    optimizer: str, cls: type[torch.optim.Optimizer], arguments: dict[str, Any]
) -> None:
    """In both engines learning rate and momentum, or beta1, follow the cycle at every step."""
    run = trajectory(PROBLEM, optimizer, schedules=("one_cycle",), budget=STEPS)

    assert run.points is not None
    np.testing.assert_allclose(run.points, loop(cls, **arguments), rtol=RTOL, atol=1e-12)
