"""Sign methods: steps of one length, and the box that decay makes."""

from __future__ import annotations

import pytest
import torch

from tests.optimizers.gradient_oracle import column, normal, path, walk

RTOL_ROUNDING = 1e-12


def test_si01_a_sign_step_decreases_by_the_one_norm() -> None:
    """SI-01: f(x+) <= f(x) - eta |g|_1 + eta^2 (sum L_i)/2; it ends within eta of the minimum."""
    curvatures = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    eta, T = 0.05, 400
    x = path("signsgd", normal(5, 3), lambda x: curvatures * x, T, lr=eta)
    f, g = (curvatures * x * x).sum(-1) / 2, curvatures * x
    slope = g.abs().sum(-1)
    bound = f[:-1] - eta * slope[:-1] + eta**2 * curvatures.sum() / 2

    assert bool((f[1:] <= bound + 1e-13).all())
    assert bool((slope.amin(0) <= f[0] / (eta * T) + eta * curvatures.sum() / 2).all())
    assert float(x[-1].abs().max()) <= eta * (1 + 1e-9)


@pytest.mark.parametrize("name", ["signsgd", "signum", "lion"])
def test_li01_every_coordinate_moves_by_the_learning_rate(name: str) -> None:
    """LI-01: over ten decades of gradients every |Delta_i| is eta, bit for bit; 0 gives 0."""
    scales = torch.logspace(-5, 5, 11, dtype=torch.float64)[:, None]
    g = scales * normal(1, 8)
    g[:, 3] = 0.0
    x = path(name, torch.zeros_like(g), lambda x: g, 5, lr=0.25)
    steps = x.diff(dim=0)

    assert set(steps.abs()[..., [0, 1, 2, 4, 5, 6, 7]].flatten().tolist()) == {0.25}
    assert set(steps[..., 3].flatten().tolist()) == {0.0}


def test_li01_lion_mixes_with_one_rate_and_remembers_with_another() -> None:
    """After gradients 1 and -1/2, b1 = 1/2 turns the step round and b2 = 3/4 keeps m > 0."""
    gradients = iter([1.0, -0.5])
    x, (m,) = walk(
        "lion",
        column(0.0),
        lambda x: torch.full_like(x, next(gradients)),
        2,
        lr=1.0,
        beta1=0.5,
        beta2=0.75,
    )

    # m after the first is 1/4; the mixture 1/8 - 1/4 < 0 turns the second step round.
    assert x[:, 0, 0].tolist() == [0.0, -1.0, 0.0]
    assert float(m) == 0.75 * 0.25 - 0.25 * 0.5 > 0


def test_li02_decay_holds_lion_in_a_box() -> None:
    """LI-02: the excess over 1/lam shrinks by (1 - eta lam) a step, whatever the gradients."""
    eta, lam, T = 0.05, 0.5, 200
    start = 10 * normal(6, 4)
    calls = iter(range(T))
    x = path("lion", start, lambda x: normal(6, 4, seed=next(calls)), T, lr=eta, weight_decay=lam)
    excess = (x.abs().amax(-1) - 1 / lam).clamp_min(0)
    bound = (1 - eta * lam) ** torch.arange(T + 1, dtype=torch.float64)[:, None] * excess[0]

    assert bool((excess <= bound * (1 + 1e-9) + 1e-13).all())
    worst = path("lion", column(10.0), lambda x: -torch.ones_like(x), T, lr=eta, weight_decay=lam)
    torch.testing.assert_close(
        worst[:, 0, 0] - 1 / lam,
        (1 - eta * lam) ** torch.arange(T + 1, dtype=torch.float64) * 8,
        rtol=RTOL_ROUNDING,
        atol=RTOL_ROUNDING,
    )


def test_signum_is_slower_to_turn_than_sign_descent() -> None:
    """After n equal gradients the momentum needs ln 2/ln(1/b) more or less to change its sign."""
    signs = iter([1.0] * 200 + [-1.0] * 20)
    x = path(
        "signum", column(0.0), lambda x: torch.full_like(x, next(signs)), 220, lr=1.0, beta=0.9
    )
    turned = int((x.diff(dim=0)[200:, 0, 0] > 0).nonzero()[0])

    # m = 2 * 0.9^n - 1 changes sign after n = 6.58 steps.
    assert turned == 6
