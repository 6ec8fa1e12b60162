"""Huber's function is exactly the worst case of gradient descent at its horizon."""

from __future__ import annotations

import pytest
import torch

from optbench.families.huber import huber

RTOL_RECURRENCE = 1e-9


@pytest.mark.parametrize("T", [1, 2, 5, 10, 100])
@pytest.mark.parametrize("h", [1.0, 0.5])
def test_gradient_descent_ends_exactly_at_the_worst_case(T: int, h: float) -> None:
    """After T steps of h/L the gap is L R^2/(4 h T + 2), and no other horizon is as bad."""
    L, R = 4.0, 3.0
    problem = huber(T=T, step=h, smoothness=L, radius=R)
    x = problem.start(0)[None]
    ratios = []

    for t in range(1, 2 * T + 2):
        x = x - h / L * problem.oracle(x)[1]
        ratios.append(float(problem.oracle(x)[0]) / (L * R**2 / (4 * h * t + 2)))

    assert ratios[T - 1] == pytest.approx(1.0, rel=RTOL_RECURRENCE)
    assert max(ratios) <= 1 + RTOL_RECURRENCE
    assert ratios[-1] < 0.9


def test_default_width_comes_from_the_horizon() -> None:
    """Width tau = R/(2 h T + 1): the slope of the arms is L tau; a given tau is taken as it is."""
    x = torch.tensor([[50.0]], dtype=torch.float64)

    assert float(huber(T=3, step=1.5, radius=2.0).oracle(x)[1]) == pytest.approx(0.2, rel=1e-15)
    assert float(huber(T=3, tau=0.75, smoothness=2.0).oracle(x)[1]) == 1.5


def test_too_long_steps_end_in_a_cycle() -> None:
    """With eta = 2.5/L the points end in a cycle of length two, eta L tau apart."""
    problem = huber(tau=1.0)
    x = torch.tensor([[1.4875]], dtype=torch.float64)

    points = []
    for _ in range(100):
        x = x - 2.5 * problem.oracle(x)[1]
        points.append(float(x))

    assert points[-2:] == pytest.approx([-1.0125, 1.4875], rel=RTOL_RECURRENCE)
