"""Adam and its kin against the identities of theory: sections AD and AW."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.optimizers.gradient_oracle import column, in_turn, normal, path, rule_of, vector, walk

RTOL_ROUNDING = 1e-12
RTOL_RECURRENCE = 1e-9


def test_ad01_a_constant_gradient_moves_every_coordinate_alike() -> None:
    """AD-01: with eps = 0, x_t = x_0 - t eta sign(g) for g from 1e-4 to 1e5."""
    g = torch.logspace(-4, 5, 10, dtype=torch.float64)[None] * torch.tensor([1.0, -1.0]).repeat(5)
    x = path("adam", torch.zeros_like(g), lambda x: g, 200, lr=0.1, eps=0.0)
    t = torch.arange(201, dtype=torch.float64)[:, None, None]

    torch.testing.assert_close(x, -0.1 * t * g.sign(), rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamw"])
def test_ad02_the_first_step_shows_where_epsilon_stands(name: str) -> None:
    """AD-02: it is eta |g|/(|g| + eps): half of eta at g = eps = 1e-8."""
    g = column(1e-8, 1e-10, 1.0, 1e8)
    x = path(name, torch.zeros_like(g), lambda x: g, 1, lr=1.0, eps=1e-8)

    torch.testing.assert_close(-x[1], g / (g + 1e-8), rtol=RTOL_RECURRENCE, atol=0)


def test_ad03_the_averages_weights_add_up() -> None:
    """AD-03: after t equal gradients m = 1 - b1^t and v = 1 - b2^t."""
    for t in (1, 7, 60):
        m, v = walk("adam", column(0.0), torch.ones_like, t, beta1=0.75, beta2=0.9)[1]

        assert float(m) == pytest.approx(1 - 0.75**t, rel=RTOL_ROUNDING)
        assert float(v) == pytest.approx(1 - 0.9**t, rel=RTOL_ROUNDING)


def test_ad04_no_step_is_longer_than_the_cauchy_schwarz_bound() -> None:
    """AD-04: the bound holds for any gradients, and g_t ~ (b2/b1)^t attains it: 7.27 eta."""
    T, b1, b2 = 400, 0.9, 0.999
    t = torch.arange(1, T + 1, dtype=torch.float64)
    ratios = (b1**2 / b2) ** torch.arange(T, dtype=torch.float64)
    bound = (1 - b1) / (1 - b1**t) * ((1 - b2**t) / (1 - b2)).sqrt() * ratios.cumsum(0).sqrt()
    wild = normal(T, 20, 1) / normal(T, 20, 1, seed=1)
    worst = ((b2 / b1) ** t)[:, None, None]

    start = torch.zeros(20, 1).double()
    steps = path("adam", start, in_turn(wild.unbind()), T, lr=1.0, eps=0.0).diff(dim=0)[..., 0]
    assert bool((steps.abs() <= bound[:, None] * (1 + 1e-9)).all())
    attained = path("adam", column(0.0), in_turn(worst.unbind()), T, lr=1.0, eps=0.0).diff(dim=0)
    torch.testing.assert_close(-attained[:, 0, 0], bound, rtol=RTOL_RECURRENCE, atol=0)
    assert float(bound[-1] / (1 - b2**T) ** 0.5) == pytest.approx(7.2702918, rel=1e-6)


def _turned(rotation: Tensor, curvatures: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the gradient of the quadratic whose axes are the columns of a rotation."""
    return lambda x: (x @ rotation.T * curvatures) @ rotation


def test_ad05_adam_is_free_of_the_gradients_scale_and_not_of_the_axes() -> None:
    """AD-05: with eps = 0 coordinates' gradients may be rescaled; a rotation changes the path."""
    curvatures, start = torch.tensor([1.0, 3.0, 10.0]).double(), normal(1, 3)
    scales = torch.tensor([1e-6, 1.0, 1e6]).double()
    rotation = torch.linalg.qr(normal(3, 3, seed=1))[0]
    hyper = {"lr": 0.05, "eps": 0.0}
    plain = path("adam", start, lambda x: curvatures * x, 100, **hyper)
    scaled = path("adam", start, lambda x: scales * curvatures * x, 100, **hyper)
    turned = path("adam", start @ rotation, _turned(rotation, curvatures), 100, **hyper)

    torch.testing.assert_close(scaled, plain, rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)
    assert float((turned - plain @ rotation).norm() / plain.norm()) > 0.05


def test_ad06_a_constant_learning_rate_hovers_at_a_known_share_of_it() -> None:
    """AD-06: with eps = 0 paths scale with eta, bit for bit; rms/eta hovers near .0284."""
    eta = column(2.0**-7, 2.0**-13)
    x = path("adam", 64 * eta, lambda x: x, 20_000, lr=eta, eps=0.0)[..., 0]
    rms = x[5000:].square().mean(0).sqrt() / eta[:, 0]

    assert torch.equal(x[:, 0], 64 * x[:, 1])
    assert float(rms[0]) == pytest.approx(0.0284, rel=0.2)


def test_ad07_adam_is_locally_stable_up_to_thirty_eight_epsilon() -> None:
    """AD-07: at a minimiser eta lam/eps < 2 (1 + b1)/(1 - b1) = 38 decides, here eta = .38."""
    eta = column(0.375, 0.39)
    x = path("adam", torch.full_like(eta, 1e-4), lambda x: x, 12_000, lr=eta, eps=1e-2)[..., 0]
    tail = x[2000:].abs().amax(0)

    assert float(tail[0]) < 1e-12
    assert float(tail[1]) > 1e-4


def _reddi(t: int) -> float:
    return 3.0 if t % 3 == 0 else -1.0


def _online(
    name: str, gradients: Callable[[int], float], steps: int, start: float, **hyper: float
) -> Tensor:
    """Return the points of an online game on [-1, 1] with learning rates .5/sqrt t."""
    calls = itertools.count()
    return path(
        name,
        column(start),
        lambda x: torch.full_like(x, gradients(next(calls))),
        steps,
        project=lambda x: x.clamp(-1, 1),
        lr=lambda t: 0.5 / math.sqrt(t + 1),
        **hyper,
    )[:, 0, 0]


def test_ad08_without_bias_correction_adam_goes_to_the_worst_point() -> None:
    """AD-08: with b1 = 0 and b2 = .1, x is exactly 1 after every period; the optimum is -1.

    Adam with b1 = 0 and no bias correction is RMSProp.
    """
    x = _online("rmsprop", _reddi, 6000, 1.0, alpha=0.1, eps=0.0)
    paid = sum(_reddi(t) * float(x[t]) for t in range(6000))

    assert set(x[::3].tolist()) == {1.0}
    assert (paid + 2000) / 2000 == pytest.approx(2.0, rel=5e-2)  # 3 (2 C - 4)/3 for each period


def test_ad09_amsgrad_finds_the_optimum_of_the_same_game() -> None:
    """AD-09: with the maximum of v the points go to -1."""
    x = _online("amsgrad", _reddi, 12_000, 1.0, beta1=0.0, beta2=0.1, eps=0.0)

    assert float(x[-1]) < -0.9


def test_ad10_a_long_memory_saves_adam_until_the_period_is_longer() -> None:
    """AD-10: (.9, .999) goes to -1 there; 1010 x once in 101 defeats (.9, .99), not AMSGrad."""

    def rare(t: int) -> float:
        return 1010.0 if t % 101 == 0 else -10.0

    assert float(_online("adam", _reddi, 6000, 1.0, beta1=0.9, beta2=0.999)[-1]) < -0.9
    assert float(_online("adam", rare, 6000, 0.0, beta1=0.9, beta2=0.99)[-1]) > 0.4
    amsgrad = _online("amsgrad", rare, 6000, 0.0, beta1=0.9, beta2=0.99)
    assert float(amsgrad[-1]) < float(amsgrad[3000]) < 0


def test_ad11_without_memory_adam_is_sign_descent() -> None:
    """AD-11: b1 = b2 = eps = 0 gives signSGD's step, bit for bit."""
    g = normal(3, 5) * torch.logspace(-8, 8, 5, dtype=torch.float64)
    adam = path("adam", g, lambda x: g, 1, lr=0.25, beta1=0.0, beta2=0.0, eps=0.0)

    assert torch.equal(adam, path("signsgd", g, lambda x: g, 1, lr=0.25))


def test_ad12_on_the_axes_adam_does_not_see_the_condition_number() -> None:
    """AD-12: with eps = 0 all coordinates follow one path, kappa = 1e8; rotated, none arrives."""
    curvatures = torch.logspace(0, 8, 5, dtype=torch.float64)
    x = path("adam", torch.ones(1, 5).double(), lambda x: curvatures * x, 600, lr=0.1, eps=0.0)
    rotation = torch.linalg.qr(normal(5, 5, seed=1))[0]
    start = torch.ones(1, 5).double() @ rotation
    turned = path("adam", start, _turned(rotation, curvatures), 600, lr=0.1, eps=0.0)[-1]

    assert float((x - x[..., :1]).abs().max()) < 1e-13
    assert float((turned @ rotation.T)[0, 0].abs()) > 100 * float(x[-1].abs().max())


def test_aw01_without_a_gradient_only_the_decay_acts() -> None:
    """AW-01: x_T = (1 - eta lam)^T x_0."""
    x = path("adamw", column(3.0), torch.zeros_like, 200, lr=0.1, weight_decay=0.5)[-1]

    assert float(x) == pytest.approx(3 * 0.95**200, rel=RTOL_ROUNDING)


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_aw03_under_a_constant_gradient_the_limit_is_one_over_the_decay(name: str) -> None:
    """AW-03: x tends to -1/lam, whatever the gradient; with decay after the step it would not."""
    g = column(1e-3, 1.0, 1e3)
    x = path(name, column(1.0, 2.0, 3.0), lambda x: g, 2000, lr=0.1, weight_decay=0.1)[-1]

    torch.testing.assert_close(x, torch.full_like(x, -10), rtol=2e-5, atol=0)
    eps_zero = {"eps": 0.0} if name == "adamw" else {}
    x = path(name, g - g, lambda x: g, 3000, lr=0.1, weight_decay=0.1, **eps_zero)[-1]
    torch.testing.assert_close(x, torch.full_like(x, -10), rtol=1e-9, atol=0)


def test_aw04_coupled_decay_alone_is_a_sign_step() -> None:
    """AW-04: Adam on lam x^2/2 with no loss moves eta a step, independent of lam."""
    x = path("adam", column(1.0, 1.0), lambda x: column(1e-3, 1e3) * x, 3, lr=0.1, eps=0.0)

    assert float(x[3, 0]) == pytest.approx(float(x[3, 1]), rel=RTOL_ROUNDING)
    assert 1 - float(x[3, 0]) == pytest.approx(0.3, rel=5e-2)
    assert 1 - float(x[1, 0]) == pytest.approx(0.1, rel=RTOL_ROUNDING)


def test_the_denominator_of_amsgrad_never_shrinks() -> None:
    """After one large gradient AMSGrad's steps stay small for ever, Adam's recover."""
    g = [column(1e3), *[column(1.0)] * 3000]
    hyper = {"lr": 1.0, "beta1": 0.0, "beta2": 0.9}
    ams = path("amsgrad", column(0.0), in_turn(g), 3001, **hyper).diff(dim=0)[-1]
    adam = path("adam", column(0.0), in_turn(g), 3001, **hyper).diff(dim=0)[-1]

    assert float(-ams) == pytest.approx(1 / math.sqrt(1e6 * 0.1), rel=RTOL_RECURRENCE)
    assert float(-adam) == pytest.approx(1.0, rel=1e-6)


def test_nadams_momentum_warms_up_as_published() -> None:
    """NAdam's first step with b2 = 0: (1 - mu_1) g/(1 - mu_1) + mu_2 (1 - b1) g/(1 - mu_1 mu_2)."""
    b1, psi = 0.9, 4e-3
    mu = [b1 * (1 - 0.5 * 0.96 ** (k * psi)) for k in (1, 2)]
    x = path("nadam", column(0.0), torch.ones_like, 1, lr=1.0, beta2=0.0, eps=0.0)

    expected = 1 + mu[1] * (1 - b1) / (1 - mu[0] * mu[1])
    assert float(-x[1]) == pytest.approx(expected, rel=RTOL_ROUNDING)


def test_radam_begins_to_rectify_at_its_sixth_step() -> None:
    """With b2 = .999 rho passes 5 at k = 6; before, a step is eta m-hat, in the gradient's size."""
    x = path("radam", column(0.0), lambda x: torch.full_like(x, 50.0), 400, lr=1.0)
    steps = -x.diff(dim=0)[:, 0, 0]

    assert steps[:5].tolist() == pytest.approx([50.0] * 5, rel=RTOL_ROUNDING)
    k, limit = 6, 1999.0
    rho = limit - 2 * k * 0.999**k / (1 - 0.999**k)
    rectification = (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)
    assert float(steps[5]) == pytest.approx(math.sqrt(rectification), rel=1e-6)
    assert bool((steps[5:].diff() > 0).all())
    assert float(steps[-1]) < 1


def test_adamax_divides_by_the_largest_recent_gradient() -> None:
    """The infinity norm forgets a spike by the factor b2 a step, until a gradient is larger."""
    g = [column(16.0), *[column(1.0)] * 9]
    hyper = {"lr": 1.0, "beta1": 0.0, "beta2": 0.5, "eps": 0.0}
    steps = -path("adamax", column(0.0), in_turn(g), 10, **hyper).diff(dim=0)[:, 0, 0]

    assert steps.tolist() == [1.0, 1 / 8, 1 / 4, 1 / 2, *[1.0] * 6]


def test_a_hyperparameter_by_run_does_not_mix_radams_two_phases() -> None:
    """Runs of one batch rectify each in its own time: with b2 = .5 never, as rho_inf = 3."""
    beta2 = column(0.5, 0.999)
    rule, x = rule_of("radam"), torch.zeros(2, 1).double()
    assert len(rule.init(x, vector(1))) == 2
    both = path("radam", x, torch.ones_like, 40, lr=1.0, beta2=beta2)
    alone = [path("radam", column(0.0), torch.ones_like, 40, lr=1.0, beta2=b) for b in (0.5, 0.999)]

    torch.testing.assert_close(both, torch.cat(alone, 1), rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)
    assert float(both[-1, 0]) == pytest.approx(-40, rel=RTOL_ROUNDING)
