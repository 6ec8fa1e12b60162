"""Steps along the gradient: the subgradient method and averaging against closed forms."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from optbench.families.max_coordinate import max_coordinate
from tests.optimizers.gradient_oracle import column, gradient_of, normal, path

RTOL_RECURRENCE = 1e-9
RTOL_ROUNDING = 1e-12


@pytest.mark.parametrize("n", [4, 16, 64])
def test_sg14_the_subgradient_method_attains_its_bound(n: int) -> None:
    """SG-14: on max_i x_i in n + 1 variables the best of x_0 to x_n is exactly R G/sqrt(n + 1)."""
    R = 2.0
    problem = max_coordinate(dim=n + 1, radius=R)
    x = path(
        "subgradient",
        problem.start(0)[None],
        gradient_of(problem),
        n,
        project=problem.project,
        lr=R / math.sqrt(n + 1),
    )
    gaps = problem.oracle(x[:, 0])[0]

    assert float(gaps.min()) == pytest.approx(R / math.sqrt(n + 1), rel=RTOL_RECURRENCE)


def test_a_subgradient_step_has_the_length_of_the_learning_rate() -> None:
    """Whatever the gradient's size over 300 decades, |x+ - x| = eta; at 0 the point stays."""
    g = normal(4, 5)
    g = g / g.norm(dim=1, keepdim=True) * column(1e-150, 1.0, 1e150, 0.0)
    x = path("subgradient", torch.zeros_like(g), lambda x: g, 1, lr=0.25)

    lengths = (x[1] - x[0]).norm(dim=1).tolist()
    assert lengths == pytest.approx([0.25, 0.25, 0.25, 0.0], rel=RTOL_ROUNDING)


def test_the_average_is_of_the_points_where_gradients_were_taken() -> None:
    """With z_t = a^t z_0 the t-th point is the mean of z_0 to z_(t-1), z_0 (1 - a^t)/((1 - a)t)."""
    a, steps = 0.75, 60
    x = path("polyak_averaging", column(3.0), lambda z: z, steps, lr=1 - a)[:, 0, 0]
    t = torch.arange(1, steps + 1, dtype=torch.float64)

    assert float(x[0]) == 3.0
    torch.testing.assert_close(
        x[1:], 3 * (1 - a**t) / ((1 - a) * t), rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING
    )


@pytest.mark.usefixtures("_double_by_default")
def test_the_average_is_that_of_torch_one_step_later() -> None:
    """ASGD of torch with t0 = -1 averages z_1 to z_t, ours z_0 to z_(t-1): the ends differ."""
    start, steps, lr = normal(1, 6, seed=3), 50, 0.1
    curvatures = torch.linspace(0.1, 3, 6, dtype=torch.float64)
    point = torch.nn.Parameter(start[0].clone())
    theirs = torch.optim.ASGD([point], lr=lr, lambd=0, t0=-1)
    for _ in range(steps):
        point.grad = (curvatures * point).detach()
        theirs.step()
    ours = path("polyak_averaging", start, lambda z: curvatures * z, steps + 1, lr=lr)[-1]

    expected = (start[0] + steps * theirs.state[point]["ax"]) / (steps + 1)
    torch.testing.assert_close(ours[0], expected, rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)


def _noisy(lam: float, noise: Iterator[Tensor], z: Tensor) -> Tensor:
    return lam * z + next(noise)


def test_sg12_averaging_removes_the_learning_rate_from_the_variance() -> None:
    """SG-12: with constant eta, T E xbar_T^2 is sum (1 - a^j)^2/(lam^2 T) and tends to s2/lam^2.

    The iteration is linear in the noise: a stack of T runs, each with one unit of noise at a step
    of its own, gives the variance exactly.
    """
    T, lam = 2000, 0.5
    limits = []
    for eta in (0.2, 0.6):
        noise = iter(torch.eye(T, dtype=torch.float64)[:, :, None])
        response = path(
            "polyak_averaging",
            torch.zeros(T, 1, dtype=torch.float64),
            functools.partial(_noisy, lam, noise),
            T,
            lr=eta,
        )[-1]
        j = torch.arange(T, dtype=torch.float64)
        expected = float(((1 - (1 - eta * lam) ** j) ** 2).sum()) / lam**2 / T

        limits.append(T * float((response**2).sum()))
        assert limits[-1] == pytest.approx(expected, rel=RTOL_ROUNDING)
    assert limits == pytest.approx([1 / lam**2] * 2, rel=3e-2)
