"""RMSProp in its three forms, and AdaDelta."""

from __future__ import annotations

import math

import pytest
import torch

from tests.optimizers.gradient_oracle import column, in_turn, normal, path

RTOL_ROUNDING = 1e-12


def test_rp01_a_step_is_adams_without_its_bias_correction() -> None:
    """RP-01: each step is Adam's with b1 = 0 over sqrt(1 - b2^t): 10, 7.0888, 5.8025 eta first."""
    g = normal(50, 1, 4).unbind()
    start = torch.zeros(1, 4).double()
    ours = path("rmsprop", start, in_turn(g), 50, lr=0.1, alpha=0.99, eps=0.0).diff(dim=0)
    adams = path("adam", start, in_turn(g), 50, lr=0.1, beta1=0.0, beta2=0.99, eps=0.0).diff(dim=0)
    t = torch.arange(1, 51, dtype=torch.float64)[:, None, None]

    torch.testing.assert_close(ours, adams / (1 - 0.99**t).sqrt(), rtol=1e-11, atol=1e-12)
    constant = path("rmsprop", column(0.0), torch.ones_like, 3, lr=1.0, eps=0.0).diff(dim=0)
    assert (-constant).flatten().tolist() == pytest.approx([10, 7.0888, 5.8025], abs=5e-5)


def test_the_centred_form_divides_by_the_deviation() -> None:
    """An alternating gradient has mean 0 and both forms agree; with a mean the step is longer."""
    shifted = [column(2.0 + (-1) ** t) for t in range(400)]
    last = path("rmsprop_centered", column(0.0), in_turn(shifted), 400, lr=1.0, alpha=0.99, eps=0.0)
    plain = path("rmsprop", column(0.0), in_turn(shifted), 400, lr=1.0, alpha=0.99, eps=0.0)
    ratio = float((last[-1] - last[-2]) / (plain[-1] - plain[-2]))

    # Second moment 5, variance 1, up to the average's remaining transient and its ripple.
    assert ratio == pytest.approx(math.sqrt(5), rel=5e-2)


def test_under_a_constant_gradient_the_centred_form_stays_a_number() -> None:
    """Once rounding makes the variance negative it counts as 0, and the step is eta g/eps."""
    g = normal(500, 1)
    x = path("rmsprop_centered", torch.zeros_like(g), lambda x: g, 300, alpha=0.5, eps=1e-3)

    assert bool(x.isfinite().all())
    torch.testing.assert_close(x[-2] - x[-1], 1e-2 * g / 1e-3, rtol=1e-3, atol=0)


def test_momentum_sums_scaled_gradients() -> None:
    """With alpha = 0 the scaled gradient is a sign: after n equal ones, m = (1 - b^n)/(1 - b)."""
    x = path(
        "rmsprop_momentum", column(0.0), torch.ones_like, 30, lr=1.0, alpha=0.0, beta=0.5, eps=0.0
    )
    n = torch.arange(1, 31, dtype=torch.float64)

    assert torch.equal(-x.diff(dim=0)[:, 0, 0], (1 - 0.5**n) / 0.5)


def test_momentum_zero_is_plain_rmsprop() -> None:
    """With beta = 0 the momentum form is RMSProp."""
    g, start = normal(50, 1, 4).unbind(), torch.zeros(1, 4).double()
    plain = path("rmsprop", start, in_turn(g), 50, lr=0.1)
    momentum = path("rmsprop_momentum", start, in_turn(g), 50, lr=0.1, beta=0.0)

    torch.testing.assert_close(momentum, plain, rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)


def test_adadelta_starts_with_its_epsilon() -> None:
    """The first step is sqrt(eps)/sqrt((1 - rho) g^2 + eps) g: sqrt(eps/(1 - rho)) if |g| is large.

    With rho = .75, eps = 1 and g = 2 sqrt 3 it is sqrt 3.
    """
    x = path("adadelta", column(0.0), lambda x: torch.full_like(x, 12**0.5), 1, rho=0.75, eps=1.0)
    large = path("adadelta", column(0.0), lambda x: torch.full_like(x, 1e6), 1)

    assert float(-x[1]) == pytest.approx(math.sqrt(3), rel=RTOL_ROUNDING)
    assert float(-large[1]) == pytest.approx(math.sqrt(1e-6 / 0.1), rel=1e-10)


def test_adadelta_averages_its_steps_and_not_the_learning_rates() -> None:
    """Under given gradients the path is proportional to eta: delta^2 is averaged without it."""
    g, start = normal(50, 1, 4).unbind(), torch.zeros(1, 4).double()
    one = path("adadelta", start, in_turn(g), 50, lr=1.0)
    four = path("adadelta", start, in_turn(g), 50, lr=4.0)

    torch.testing.assert_close(four, 4 * one, rtol=RTOL_ROUNDING, atol=0)
