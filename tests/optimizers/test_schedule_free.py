"""Schedule-Free's average, and the special cases that it joins."""

from __future__ import annotations

import math

import pytest
import torch

from tests.helpers import problem_of
from tests.optimizers.gradient_oracle import column, gradient_of, in_turn, normal, path, walk

RTOL_ROUNDING = 1e-12


def test_with_beta_zero_it_is_averaged_gradient_descent() -> None:
    """The gradient is at z and x is the plain mean of z_1 to z_t."""
    curvatures = torch.linspace(0.1, 3, 6, dtype=torch.float64)
    start = normal(1, 6)
    z = path("gd", start, lambda x: curvatures * x, 80, lr=0.3)
    x = path("schedule_free_sgd", start, lambda x: curvatures * x, 80, lr=0.3, beta=0.0)
    t = torch.arange(1, 81, dtype=torch.float64)[:, None, None]

    torch.testing.assert_close(x[1:], z[1:].cumsum(0) / t, rtol=1e-11, atol=RTOL_ROUNDING)


def test_gradients_are_taken_between_the_two_sequences() -> None:
    """The gradient is asked for at (1 - beta) z + beta x."""
    asked: list[float] = []

    def gradient(y: torch.Tensor) -> torch.Tensor:
        asked.append(float(y))
        return torch.ones_like(y)

    path("schedule_free_sgd", column(0.0), gradient, 3, lr=1.0, beta=0.75)

    # z = 0, -1, -2; x = 0, -1, -1.5
    assert asked == [0.0, -1.0, -0.25 * 2 - 0.75 * 1.5]


def test_the_weights_are_the_squares_of_the_largest_rate_so_far() -> None:
    """Rates 0, 1, 2, 1 weigh their points 0, 1, 4, 4: a warm-up counts less, a decay no less."""
    rates = [0.0, 1.0, 2.0, 1.0]
    x, state = walk(
        "schedule_free_sgd", column(0.0), torch.ones_like, 4, lr=lambda t: rates[t], beta=0.9
    )

    # z = 0, -1, -3, -4
    assert x[:, 0, 0].tolist() == pytest.approx([0, 0, -1, -13 / 5, -29 / 9], rel=RTOL_ROUNDING)
    assert [float(part) for part in state] == [-4.0, 2.0, 9.0]


def test_on_a_convex_function_the_rate_is_one_over_t() -> None:
    """With eta = 1/L, f(x_T) - f* <= L R^2/(2 T) on a quadratic and on log-sum-exp."""
    for text in ("quadratic:kappa=1e4,dim=30", "log_sum_exp"):
        problem = problem_of(text)
        start, L = problem.start(0)[None], problem.facts.smoothness
        distance = problem.distance(start)
        assert L is not None
        assert distance is not None
        x = path("schedule_free_sgd", start, gradient_of(problem), 400, lr=1 / L, beta=0.9)[1:, 0]
        gap = problem.value_and_gradient(x)[0] - (problem.facts.f_star or 0.0)
        t = torch.arange(1, 401, dtype=torch.float64)

        assert bool((gap <= L * distance**2 / (2 * t) + 1e-12).all())


def test_the_adaptive_form_divides_the_gradient_and_not_an_average_of_it() -> None:
    """Under a constant gradient z moves eta a step, and x is the mean of the z."""
    x = path(
        "schedule_free_adamw", column(0.0), lambda x: torch.full_like(x, 1e3), 9, lr=0.5, eps=0.0
    )

    assert x[1:, 0, 0].tolist() == pytest.approx(
        [-0.5 * (t + 1) / 2 for t in range(1, 10)], rel=RTOL_ROUNDING
    )
    g = [column(1.0), column(-1.0)]
    x = path("schedule_free_adamw", column(0.0), in_turn(g), 2, lr=1.0, eps=0.0)
    assert float(x[2]) == pytest.approx((-1 + 0) / 2, rel=RTOL_ROUNDING)


@pytest.mark.parametrize("name", ["schedule_free_sgd", "schedule_free_adamw"])
def test_decay_acts_at_the_point_of_the_gradient(name: str) -> None:
    """Without a loss z+ = z - eta lam y: the first step is x_0 (1 - eta lam), the second known."""
    eta, lam, beta = 0.5, 0.25, 0.5
    key = "beta" if name == "schedule_free_sgd" else "beta1"
    x = path(name, column(8.0), torch.zeros_like, 2, lr=eta, weight_decay=lam, **{key: beta})
    z1 = 8 * (1 - eta * lam)
    z2 = z1 - eta * lam * z1  # x_1 = z_1, so that y is there as well

    assert x[:, 0, 0].tolist() == pytest.approx([8, z1, (z1 + z2) / 2], rel=RTOL_ROUNDING)
    assert math.isclose(z1, 7.0)
