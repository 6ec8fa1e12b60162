"""The values that theory and publications give, to their tolerances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.schedules.cases import at, factors

RTOL = 1e-12  # a handful of roundings
RTOL_RECURRENCE = 1e-9  # 1e3 steps, each with its rounding


def test_sc00_constant_is_one_everywhere() -> None:
    """SC-00: every factor is 1, bit for bit."""
    assert (factors("constant", 100) == 1).all()


@pytest.mark.parametrize("end", [0.0, 0.1, 0.3])
def test_sc01_cosine_is_symmetric_about_its_middle(end: float) -> None:
    """SC-01: eta_t + eta_(T-t) = max + min, it never rises, and both ends are exact."""
    found = factors(f"cosine:end={end}", 1000)

    np.testing.assert_allclose(found + found[::-1], 1 + end, rtol=RTOL)
    assert (np.diff(found) < 0).all()
    assert (found[0], found[-1]) == (1.0, end)


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_sc01_and_sc02_have_the_same_integral(name: str) -> None:
    """Both sums, over 0..T-1 and over 0..T, are (T + 1)/2: 500.5 for T = 1000."""
    found = factors(name, 1000)

    assert found[:-1].sum() == pytest.approx(500.5, rel=RTOL)
    assert found.sum() == pytest.approx(500.5, rel=RTOL)


def test_sc02_squares_tell_linear_from_cosine() -> None:
    """The squares have the mean .3335 for linear and .3751 for cosine: 1/3 and 3/8 in the limit."""
    T = 1000
    linear, cosine = factors("linear", T), factors("cosine", T)

    # sum (1 - t/T)^2 = (T + 1)(2T + 1)/(6T), and sum ((1 + cos)/2)^2 = (3T + 4)/8, over 0..T.
    assert (linear**2).sum() == pytest.approx((T + 1) * (2 * T + 1) / (6 * T), rel=RTOL)
    assert (cosine**2).sum() == pytest.approx((3 * T + 4) / 8, rel=RTOL)
    assert [round(float((f**2).mean()), 4) for f in (linear, cosine)] == [0.3335, 0.3751]


def test_sc03_the_chainable_form_of_cosine_agrees_up_to_its_end() -> None:
    """SC-03: eta_k = eta_(k-1) (1 + cos(pi k/T))/(1 + cos(pi (k-1)/T)) agrees to 1e-9."""
    T = 1000
    cosine = 1 + np.cos(np.pi * np.arange(T) / T)
    chained = np.cumprod(np.append(1.0, cosine[1:] / cosine[:-1]))

    np.testing.assert_allclose(factors("cosine", T)[:T], chained, rtol=RTOL_RECURRENCE)


def test_sc04_triangular_cycles() -> None:
    """SC-04: s = 2000 between 1e-3 and 6e-3 gives 1, 3.5, 6, 3.5, 1 and 6 e-3."""
    text, t = "half_cycle=2000,low=0.16666666666666666", [0, 1000, 2000, 3000, 4000, 6000]
    rates = [6e-3 * factor for factor in at(f"triangular:{text}", t, 10000)]
    halved = [6e-3 * factor for factor in at(f"triangular2:{text}", t, 10000)]
    faded = [6e-3 * f for f in at(f"exp_range:{text},gamma=0.999", t, 10000)]

    assert rates == pytest.approx([1e-3, 3.5e-3, 6e-3, 3.5e-3, 1e-3, 6e-3], rel=RTOL)
    assert halved == pytest.approx([1e-3, 3.5e-3, 6e-3, 3.5e-3, 1e-3, 3.5e-3], rel=RTOL)
    expected = [1e-3 + 5e-3 * h * 0.999**k for h, k in zip([0, 0.5, 1, 0.5, 0, 1], t, strict=True)]
    assert faded == pytest.approx(expected, rel=RTOL)


def test_sc05_one_cycle() -> None:
    """SC-05: T = 100 starts at 1/25, peaks at 29, and ends at 4e-6 at 99."""
    found = factors("one_cycle", 100)

    assert found[0] == pytest.approx(0.04, rel=RTOL)
    assert found[29] == 1.0
    assert found.argmax() == 29
    assert found[99] == pytest.approx(4e-6, rel=RTOL_RECURRENCE)
    assert found[100] == found[99]


def test_sc06_the_transformers_schedule_through_its_learning_rate() -> None:
    """SC-06: d^-.5 min(s^-.5, s w^-1.5) peaks at (d w)^-.5, and has half of it at 4w and w/2."""
    d, w = 512, 4000
    lr = (d * w) ** -0.5
    s = np.array([1, 100, w // 2, w - 1, w, w + 1, 4 * w, 100000])
    rates = lr * np.array(at(f"warmup_inverse_sqrt:warmup={w}", [*(s - 1)], 10**6))

    np.testing.assert_allclose(rates, d**-0.5 * np.minimum(s**-0.5, s * w**-1.5), rtol=RTOL)
    assert rates[4] == lr
    assert rates.max() == pytest.approx(6.98771e-4, rel=1e-6)
    assert rates[[2, 6]] == pytest.approx(lr / 2, rel=RTOL)


@pytest.mark.parametrize(("shape", "at_900"), [("linear", 0.5), ("sqrt", 1 - 0.5**0.5)])
def test_sc07_warm_up_stable_decay(shape: str, at_900: float) -> None:
    """SC-07: T = 1000, w = 100, 20 %: .5 at 50, 1 at 100..800, .5 or .29289 at 900, 0 at 1000."""
    found = factors(f"wsd:warmup=100,decay=0.2,shape={shape}", 1000)

    assert found[50] == 0.5
    assert (found[100:801] == 1).all()
    assert found[801] < 1
    assert found[900] == pytest.approx(at_900, rel=RTOL)
    assert found[1000] == 0


def test_sc08_polynomial() -> None:
    """SC-08: (e0 - e1)(1 - min(t, T)/T)^2 + e1 from 1 to .1: 1, .325, .1 and .1 behind the end."""
    found = at("polynomial:power=2,end=0.1,steps=100", [0, 50, 100, 150], 200)

    assert found == pytest.approx([1, 0.325, 0.1, 0.1], rel=RTOL)
    assert found[0] == 1.0


def test_sc09_a_cosine_stepped_once_an_epoch_does_not_end_at_zero() -> None:
    """SC-09: the last of 10 epochs runs at (1 + cos(9 pi/10))/2 = .02447174, not at 0."""
    epochs, per_epoch = 10, 50
    per_step = factors("cosine", epochs * per_epoch)
    held = np.repeat(factors("cosine", epochs)[:-1], per_epoch)

    assert held[-1] == pytest.approx(0.02447174, rel=1e-6)
    assert per_step[-2] == pytest.approx(np.sin(np.pi / 1000) ** 2, rel=1e-9)
    np.testing.assert_allclose(held[::per_epoch], per_step[:-1:per_epoch], rtol=RTOL)


def test_s06_warm_up_and_cosine() -> None:
    """S-06: T = 1e5, w = 5000: 2e-4, 1e-3, 5.412896727e-4, 5e-4 and 0 of 1e-3."""
    t = [1000, 5000, 50000, 52500, 100000]
    rates = [1e-3 * factor for factor in at("warmup_cosine:warmup=5000", t, 100000)]

    assert rates == pytest.approx([2e-4, 1e-3, 5.412896727e-4, 5e-4, 0], rel=1e-9, abs=1e-20)
    assert f"{rates[2]:.1e}" == "5.4e-04"
    assert f"{rates[2] * 1e3:.3f}" == "0.541"


def test_s07_a_users_function_is_taken_as_it_is(tmp_path: Path) -> None:
    """S-07: f(0) = 0, f(999) = .999, f(1000) = 1, f(1e5) = 0, and no clamp: f(199000) = 1."""
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n"
        "def lr_lambda(t, horizon, *, warmup: int = 1000, total: int = 100000):\n"
        "    progress = (t - warmup) / (total - warmup)\n"
        "    return np.where(t < warmup, t / warmup, 0.5 * (1 + np.cos(np.pi * progress)))\n"
    )
    found = factors(f"{file}:lr_lambda", 199000)
    ours = factors("warmup_cosine:warmup=1000,steps=100000", 199000)

    golden = [0, 0.999, 1, 0, 1]
    np.testing.assert_allclose(found[[0, 999, 1000, 100000, 199000]], golden, atol=1e-12)
    np.testing.assert_allclose(found[:100001], ours[:100001], atol=1e-12)
    assert found[0] == 0  # the first step does nothing
    assert (ours[100000:] == 0).all()  # the clamp that it lacks


def test_s09_step_decay() -> None:
    """S-09: .1, .01 and .001 by epoch // 30, also as milestones."""
    expected = [0.1] * 30 + [0.01] * 30 + [0.001] * 30

    for text in ("step:step_size=30", "step", "multi_step:milestones=30/60"):
        assert 0.1 * factors(text, 90)[:90] == pytest.approx(expected, rel=RTOL)


def test_warm_up_and_linear_decay_is_two_lines() -> None:
    """From 0 up to 1 in w = 4 steps, then down to .2 in the other 8, and there it stays."""
    found = at("warmup_linear:warmup=4,end=0.2,steps=12", [0, 1, 4, 6, 8, 12, 13, 20], 20)

    assert found == pytest.approx([0, 0.25, 1, 0.8, 0.6, 0.2, 0.2, 0.2], rel=RTOL)


def test_restarts_begin_where_the_sum_of_the_cycles_says() -> None:
    """T_0 = 10, T_mult = 2: 1 at 0, 10, 30 and 70, halfway down at 5, 20 and 50."""
    found = factors("cosine_restarts:T_0=10,T_mult=2,end=0.2", 100)

    assert np.flatnonzero(found == 1).tolist() == [0, 10, 30, 70]
    assert found[[5, 20, 50]] == pytest.approx(0.6, rel=RTOL)


def test_robbins_monro_keeps_its_promise_on_the_sums() -> None:
    """(t0/(t + t0))^a: 1 at 0, 2^-a at t0, and the partial sums of 1/(t + 1) are harmonic."""
    assert at("robbins_monro:exponent=0.75,offset=5", [0, 5], 100) == pytest.approx([1, 2**-0.75])
    harmonic = np.log(1000) + np.euler_gamma + 1 / 2000
    assert factors("robbins_monro", 999).sum() == pytest.approx(harmonic, rel=1e-7)


@pytest.mark.parametrize("N", [1, 2, 4, 100])
def test_sg23_last_iterate_has_the_published_index(N: int) -> None:
    """SG-23: with lr = R/(G sqrt(N+1)) step k has h_k = R (N+1-k)/(G (N+1)^1.5), k = 1..N."""
    R, G, k = 3.0, 2.0, np.arange(1, N + 1)
    lr = R / (G * np.sqrt(N + 1))

    expected = R * (N + 1 - k) / (G * (N + 1) ** 1.5)
    np.testing.assert_allclose(lr * factors("last_iterate", N)[:N], expected, rtol=RTOL)
    assert factors("last_iterate", N)[N] == 0


def test_defaults_divide_the_run_whatever_its_length() -> None:
    """Three stages, falls at T/2 and 3T/4, four cycles, three decays."""
    for T in (14, 100, 1000):
        assert len(np.unique(factors("step", T)[:T])) == 3
        assert (np.flatnonzero(np.diff(factors("cosine_restarts", T)[:T]) > 0) + 1).size == 2
    assert (np.flatnonzero(np.diff(factors("multi_step", 100))) + 1).tolist() == [50, 75]
    assert np.flatnonzero(factors("triangular", 80) == 1).tolist() == [10, 30, 50, 70]
