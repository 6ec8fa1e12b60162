"""AdaGrad's inequalities, and the constants of its decay."""

from __future__ import annotations

import math

import pytest
import torch

from tests.optimizers.gradient_oracle import column, in_turn, normal, path, vector, walk

RTOL_RECURRENCE = 1e-9


def test_ag01_gradients_weighed_by_steps_stay_below_twice_the_root() -> None:
    """AG-01: sum g_t^2/sqrt(g_1^2 + ... + g_t^2) <= 2 sqrt(sum g_t^2), for heavy tails too."""
    g = (normal(300, 50, 1) / normal(300, 50, 1, seed=1)).unbind()
    x = path("adagrad", torch.zeros(50, 1).double(), in_turn(g), 300, lr=1.0, eps=0.0)
    steps = x[:-1] - x[1:]
    total = torch.stack(g)

    assert bool(((steps * total).sum(0) <= 2 * (total**2).sum(0).sqrt() * (1 + 1e-9)).all())
    torch.testing.assert_close(steps[0], g[0].sign())


@pytest.mark.parametrize("adversarial", [False, True])
def test_ag02_the_regret_on_a_box_is_bounded_at_every_prefix(adversarial: bool) -> None:
    """AG-02: regret <= sum_i (D^2/(2 eta) + eta) |g_(1:T,i)|, on a box of width D, for any eta."""
    T, D = 200, 2.0
    eta = torch.logspace(-1, 1, 9, dtype=torch.float64)[:, None] * D / math.sqrt(2)
    shown: list[torch.Tensor] = []

    def gradient(x: torch.Tensor) -> torch.Tensor:
        g = (
            torch.where(x >= 0, 1.0, -1.0).double()
            if adversarial
            else normal(9, 3, seed=len(shown))
        )
        shown.append(g)
        return g

    x = path(
        "adagrad",
        torch.zeros(9, 3).double(),
        gradient,
        T,
        lr=eta,
        eps=0.0,
        project=lambda x: x.clamp(-D / 2, D / 2),
    )
    g = torch.stack(shown)
    paid = (g * x[:-1]).sum(-1).cumsum(0)
    best = -(D / 2) * g.cumsum(0).abs().sum(-1)
    bound = (D**2 / (2 * eta[:, 0]) + eta[:, 0]) * (g**2).cumsum(0).sqrt().sum(-1)

    assert bool((paid - best <= bound * (1 + 1e-9)).all())


def test_ag03_under_a_constant_gradient_the_distance_grows_like_the_root() -> None:
    """AG-03: x_T = -eta (2 sqrt T + zeta(1/2) + 1/(2 sqrt T) + ...)."""
    T, eta = 10_000, 0.1
    x = path("adagrad", column(0.0), lambda x: torch.full_like(x, 7.0), T, lr=eta, eps=0.0)

    expected = -eta * (2 * math.sqrt(T) - 1.4603545088095868 + 1 / (2 * math.sqrt(T)))
    assert float(x[-1]) == pytest.approx(expected, rel=RTOL_RECURRENCE)


@pytest.mark.parametrize("eta", [0.1, 1.0, 100.0])
def test_ag04_without_noise_one_step_size_adapts_to_an_unknown_curvature(eta: float) -> None:
    """AG-04: on a quadratic it converges for every eta, and its denominator levels off."""
    curvatures = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)
    start, steps = torch.ones(1, 3).double(), 4000
    half, state = walk("adagrad_norm", start, lambda x: curvatures * x, steps // 2, lr=eta)
    whole, later = walk("adagrad_norm", start, lambda x: curvatures * x, steps, lr=eta)

    assert float(whole[-1].norm()) < 1e-3
    assert torch.equal(whole[: steps // 2 + 1], half)
    assert 1 <= float((later[0] / state[0]).sqrt()) < 1.2


def test_adagrad_norm_has_one_denominator_for_all_coordinates() -> None:
    """The first step is eta g/sqrt(b0^2 + |g|^2): 3-4-12 and b0 = 84 make 85."""
    g = torch.tensor([[3.0, 4.0, 12.0]], dtype=torch.float64)
    x = path("adagrad_norm", torch.zeros_like(g), lambda x: g, 1, lr=85.0, b0=84.0)

    assert x[1].tolist() == [[-3.0, -4.0, -12.0]]


def test_adagrad_norm_is_equivariant_under_rotations() -> None:
    """A rotated problem from a rotated start gives the rotated path; AdaGrad by coordinate not."""
    curvatures = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)
    rotation = torch.linalg.qr(normal(3, 3))[0]
    start = normal(1, 3, seed=2)

    def turned(name: str) -> float:
        plain = path(name, start, lambda x: curvatures * x, 50, lr=0.3)
        other = path(
            name, start @ rotation, lambda x: (x @ rotation.T * curvatures) @ rotation, 50, lr=0.3
        )
        return float((plain @ rotation - other).norm() / plain.norm())

    assert turned("adagrad_norm") < 1e-12
    assert turned("adagrad") > 0.05


def test_its_state_is_one_number_for_a_run() -> None:
    """AdaGrad-Norm remembers (B, 1), AdaGrad (B, d)."""
    from tests.optimizers.gradient_oracle import rule_of

    x = torch.zeros(4, 5)
    assert [part.shape for part in rule_of("adagrad_norm").init(x, vector(5))] == [(4, 1)]
    assert [part.shape for part in rule_of("adagrad").init(x, vector(5))] == [(4, 5)]
