"""Rates of sequences whose answer is known, with every difficulty that real ones have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from optbench.theory.estimators.averages import batch_means, n_eff
from optbench.theory.estimators.scaling import bootstrap_exponent, first_passage, scaling_exponent
from optbench.theory.estimators.sequences import geometric_rate, oscillating_rate, power_slope
from optbench.theory.estimators.windows import ROUNDINGS, envelope, floor_of, sound, touch_points

Array = NDArray[np.float64]
RTOL_LINE = 1e-13  # a least-squares line through rounded logarithms
KAPPA_100 = 9 / 11  # heavy ball's rate at kappa = 100 with Polyak's pair


def log_spaced(horizon: int, points: int = 300) -> Array:
    """Return the default record's kind of steps."""
    dense = np.arange(points // 3)
    return np.unique([*dense, *np.rint(np.geomspace(points // 3, horizon, 2 * points // 3))])


def heavy_ball_modes(t: Array) -> Array:
    """Return |x_t| of heavy ball with Polyak's pair, one mode at each end of the spectrum."""
    rho = KAPPA_100
    return np.hypot((1 + (1 - rho) * t) * rho**t, (1 + (1 + rho) * t) * rho**t)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_geometric_sequence_has_its_rate_to_rounding(rho: float) -> None:
    """There is nothing to extrapolate, and the error says so."""
    t = np.arange(0, 40 / -np.log(rho), max(1, int(0.05 / -np.log(rho))))
    if len(t) < 30:
        t = np.linspace(0, 40 / -np.log(rho), 60)
    found = geometric_rate(t, rho**t)

    assert found.value == pytest.approx(-np.log(rho), rel=RTOL_LINE)
    assert found.error <= 1e-11 * found.value
    assert found.prefactor == 0


def test_gradient_descents_rate_is_exact() -> None:
    """EST-01: .99 comes back to 1e-15."""
    t = np.arange(3000.0)

    assert geometric_rate(t, 0.99**t).rho == pytest.approx(0.99, rel=1e-15)


def test_richardson_removes_heavy_balls_prefactor() -> None:
    """EST-01 and 02: the line alone gives .8241, the extrapolation .8182, the truth is .81818."""
    t = np.arange(190.0)
    found = geometric_rate(t, heavy_ball_modes(t), floor=1e-300)

    assert np.exp(-found.plain) == pytest.approx(0.824096, abs=2e-5)
    assert found.rho == pytest.approx(0.818207, abs=5e-5)
    assert found.rho == pytest.approx(KAPPA_100, abs=6e-5)
    assert abs(found.rho - KAPPA_100) <= found.rho_error


@pytest.mark.parametrize("power", [1, 2, -1.5])
@pytest.mark.parametrize("rho", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("spaced", [False, True])
def test_polynomial_prefactors_are_seen_and_removed(
    power: float, rho: float, *, spaced: bool
) -> None:
    """t^m rho^t has the rate rho and the power m, on every step and on log-spaced ones."""
    horizon = int(60 / -np.log(rho))
    t = (log_spaced(horizon) if spaced else np.arange(horizon + 1.0))[1:]
    found = geometric_rate(t, t**power * rho**t)

    assert found.value == pytest.approx(-np.log(rho), rel=1e-4)
    assert abs(found.value + np.log(rho)) <= found.error < 0.01 * found.value
    assert found.prefactor == pytest.approx(power, rel=2e-3)
    assert abs(found.plain + np.log(rho)) > 20 * abs(found.value + np.log(rho))


@pytest.mark.parametrize("angle", [0.05, 0.3, 1.1, 3.0])
def test_only_the_peaks_of_an_oscillation_are_fitted(angle: float) -> None:
    """The envelope of rho^t |cos| falls like rho^t, within the declared error and a percent."""
    t, rho = np.arange(3000.0), 0.99
    found = geometric_rate(t, rho**t * np.abs(np.cos(angle * t + 0.2)))

    if found.reason:  # a slow oscillation has too few peaks, and that is said
        assert angle < 0.1
    else:
        assert found.value == pytest.approx(-np.log(rho), rel=0.01)


@pytest.mark.parametrize("angle", [0.05, 0.3, 1.1, 3.0])
def test_pronys_method_sees_rate_and_angle_of_one_coordinate(angle: float) -> None:
    """EST-03: rho to 1e-9, where a line through log|x| is off by 6e-3."""
    t, rho = np.arange(900.0), 0.97
    x = rho**t * np.cos(angle * t + 0.2)
    found = oscillating_rate(t, x)

    assert found.rho == pytest.approx(rho, abs=1e-9)
    assert found.angle == pytest.approx(angle, abs=1e-9)
    assert found.error < 1e-9
    assert abs(np.exp(np.polyfit(t[:200], np.log(np.abs(x[:200])), 1)[0]) - rho) > 1e-6


def test_pronys_method_takes_a_double_root() -> None:
    """(1 + t) rho^t is two terms; rounding splits the root by no more than its square root."""
    t = np.arange(200.0)

    assert oscillating_rate(t, (1 + t) * 0.9**t).rho == pytest.approx(0.9, abs=1e-5)


def test_pronys_method_refuses_three_terms_and_uneven_steps() -> None:
    """What is not two terms, or not evenly spaced, gets no rate."""
    t = np.arange(400.0)
    x = 0.98**t * (np.cos(0.3 * t) + np.cos(1.3 * t))

    assert "not two geometric terms" in oscillating_rate(t, x).reason
    assert (
        "evenly" in oscillating_rate(log_spaced(4000), np.ones(300)[: len(log_spaced(4000))]).reason
    )


@pytest.mark.parametrize("kappa", [10, 100])
@pytest.mark.parametrize("steps", [7, 60])
def test_a_dense_spectrums_bias_is_declared(kappa: int, steps: int) -> None:
    """50 log-spaced modes, GD-11: until the slowest has won, the error covers what is missing."""
    lam, eta = np.geomspace(1 / kappa, 1, 50), 2 / (1 + 1 / kappa)
    truth = -np.log((kappa - 1) / (kappa + 1))
    t = np.arange(int(steps / truth))
    found = geometric_rate(t, np.sqrt(((1 - eta * lam) ** (2 * t[:, None])).sum(axis=1)))

    if not found.reason:
        assert abs(found.value - truth) <= 1.01 * found.error
        assert abs(found.value - truth) < (0.03 if steps == 7 else 0.01) * truth
    assert not (found.reason and steps == 60)


def test_an_isolated_slow_mode_has_no_bias() -> None:
    """With a gap, GD-11, the tail is geometric to four digits and more."""
    lam, eta = np.array([0.01, *np.linspace(0.03, 0.6, 20), 1.0]), 2 / 1.01
    t = np.arange(3000.0)
    e = np.sqrt(((1 - eta * lam) ** (2 * t[:, None])).sum(axis=1))

    assert geometric_rate(t, e).rho == pytest.approx(99 / 101, rel=1e-6)


@pytest.mark.parametrize("spaced", [False, True])
def test_noise_widens_the_error_and_no_more(*, spaced: bool) -> None:
    """Five percent of multiplicative noise leaves the rate inside four errors."""
    rng = np.random.default_rng(3)
    t = log_spaced(3000) if spaced else np.arange(3000.0)
    for _ in range(20):
        found = geometric_rate(t, 0.99**t * np.exp(0.05 * rng.standard_normal(len(t))))

        assert 0 < found.error < 0.1 * found.value
        assert abs(found.value + np.log(0.99)) <= 4 * found.error


@pytest.mark.parametrize("level", [1e-4, 1e-7])
@pytest.mark.parametrize("spaced", [False, True])
def test_a_floor_is_found_and_stayed_away_from(level: float, *, spaced: bool) -> None:
    """rho^t + c has the floor c, and the rate is that of what lies 100 times above it."""
    t = log_spaced(4000) if spaced else np.arange(4001.0)
    e = 0.99**t + level
    found = geometric_rate(t, e)

    assert floor_of(t, e) == pytest.approx(level, rel=0.01)
    assert found.value == pytest.approx(-np.log(0.99), rel=0.05)
    assert abs(found.value + np.log(0.99)) <= 2 * found.error
    assert found.window[1] <= np.log(level * 99) / np.log(0.99) + 20


def test_a_noisy_floor_is_found() -> None:
    """The median of a tail that scatters by a factor of e but does not fall is its level."""
    rng = np.random.default_rng(5)
    t = log_spaced(4000)
    e = 0.99**t + 1e-5 * np.exp(rng.standard_normal(len(t)))

    assert floor_of(t, e) == pytest.approx(1e-5, rel=0.5)


@pytest.mark.parametrize("sequence", ["power", "geometric", "slow power"])
def test_what_still_falls_has_only_the_floor_of_rounding(sequence: str) -> None:
    """A power law's tail is flat in t but not in log t."""
    t = np.arange(1.0, 2001.0)
    e = {"power": 1 / t, "geometric": 0.995**t, "slow power": t**-0.3}[sequence]

    assert floor_of(t, e) == pytest.approx(ROUNDINGS, rel=0.01)
    assert floor_of(t, e, scale=1e3) == pytest.approx(1e3 * ROUNDINGS)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("spaced", [False, True])
def test_a_power_law_has_its_exponent(exponent: float, *, spaced: bool) -> None:
    """An offset in t is removed by Aitken's extrapolation; the raw slope is off."""
    t = log_spaced(20000) if spaced else np.arange(4097.0)
    found = power_slope(t, (t + 20.0) ** -exponent)

    assert found.value == pytest.approx(-exponent, rel=2e-3)
    assert abs(found.slopes[-1] + exponent) > 1e-3 * exponent
    assert abs(found.value + exponent) <= found.error


def test_aitken_gains_two_digits() -> None:
    """EST-05: slopes that end at -1.990 are extrapolated to -2.000."""
    t = np.arange(1.0, 2049.0)
    found = power_slope(t, (t + 7.6) ** -2.0)

    assert found.slopes[-1] == pytest.approx(-1.990, abs=1e-3)
    assert found.value == pytest.approx(-2, abs=3e-4)


def test_a_power_law_is_fitted_through_its_peaks() -> None:
    """cos(t)^2/t^3 falls like t^-3, as accelerated methods do."""
    t = np.arange(1.0, 20001.0)

    assert power_slope(t, np.cos(0.1 * t) ** 2 / t**3).value == pytest.approx(-3, abs=0.02)


@pytest.mark.parametrize("rho", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("prefactor", [0.0, -1.0])
def test_a_geometric_tail_is_no_power_law(rho: float, prefactor: float) -> None:
    """Its slope keeps steepening, and it is straighter against t."""
    t = np.arange(1.0, 30 / -np.log(rho))
    found = power_slope(t, t**prefactor * rho**t)

    assert np.isnan(found.value)
    assert found.geometric
    assert "geometric" in found.reason


@pytest.mark.parametrize("exponent", [0.5, 1, 2, 5])
def test_a_power_law_has_no_geometric_rate(exponent: float) -> None:
    """No four sub-windows of 1/t^p have one slope."""
    t = np.arange(1.0, 5001.0)
    found = geometric_rate(t, t**-exponent)

    assert np.isnan(found.value)
    assert found.reason


def test_slopes_that_go_up_and_down_decide_nothing() -> None:
    """A wave in log t is no power law."""
    t = np.geomspace(1, 4096, 300)
    found = power_slope(t, t**-1.0 * np.exp(0.1 * np.cos(np.log2(t) * np.pi)))

    assert np.isnan(found.value)
    assert "up and down" in found.reason


def test_short_sequences_say_so() -> None:
    """Too few points, decades or steps above the floor are a reason, not an exception."""
    t = np.arange(10.0)

    assert "10 points" in geometric_rate(t, 0.5**t).reason
    assert "0 points" in geometric_rate([], []).reason
    assert "decades of decay" in geometric_rate(np.arange(100.0), 0.999 ** np.arange(100.0)).reason
    assert "decade of steps" in power_slope(t, 1 / (t + 1)).reason
    assert power_slope([], []).reason == "no points"
    assert "points" in oscillating_rate(t, t).reason
    assert "39 values" in batch_means(np.zeros(39)).reason


def test_zeros_are_a_floor_and_what_is_no_number_ends_the_sequence() -> None:
    """A method that arrives exactly, or blows up at the end, keeps the rate of before."""
    t = np.arange(2000.0)
    e = 0.99**t
    arrived, broken = e.copy(), e.copy()
    arrived[1500:], broken[1500:] = 0, np.nan
    broken[1700] = np.inf

    for other in (arrived, broken):
        assert geometric_rate(t, other).value == pytest.approx(-np.log(0.99), rel=1e-12)
    assert "floor from the start" in geometric_rate(t, 0 * t).reason
    assert geometric_rate(t, np.full(2000, np.nan)).reason == "0 points, fewer than 20"
    assert np.isnan(oscillating_rate(t, 0 * t).value)
    assert np.isnan(power_slope(t, 0 * t).value)


def test_sequences_must_go_together() -> None:
    """Lengths that differ and steps that stand still are mistakes of the caller."""
    with pytest.raises(ValueError, match="do not go with"):
        sound([1, 2], [1])
    with pytest.raises(ValueError, match="do not increase"):
        geometric_rate([1, 1], [1, 1])


@settings(max_examples=40)
@given(
    scale=st.floats(1e-100, 1e100),
    factor=st.floats(0.01, 100),
    rho=st.floats(0.8, 0.999),
    power=st.sampled_from([0, 1, 2]),
)
def test_rates_scale_as_they_must(scale: float, factor: float, rho: float, power: int) -> None:
    """A multiple of e_t has its rate, e_(t/a) an a-th of the rate and the same exponent."""
    t = np.arange(1.0, int(60 / -np.log(rho)))
    e = t**power * rho**t
    one, other = geometric_rate(t, e), geometric_rate(factor * t, scale * e)

    assert other.value * factor == pytest.approx(one.value, rel=1e-6)
    power_law = power_slope(factor * t, scale / (t + 3.0))
    assert power_law.value == pytest.approx(power_slope(t, 1 / (t + 3.0)).value, rel=1e-6)


def test_the_envelope_never_rises_and_touches_at_the_peaks() -> None:
    """What lies before a later peak is lifted to it; what is no number is infinite."""
    e = np.array([5.0, 1.0, 3.0, 0.5, 2.0, 0.1])
    lifted = [5.0, 3, 3, 2, 2, 0.1]

    assert envelope(e).tolist() == lifted
    assert envelope([1.0, np.nan, 0.5]).tolist() == [np.inf, np.inf, 0.5]
    assert touch_points(np.arange(6.0), e).tolist() == [0, 2, 4]
    assert touch_points(np.arange(6.0), np.array([1.0, 5, 4, 3, 2, 1])).tolist() == [1, 2, 3, 4, 5]


def test_first_passages_are_exact_between_steps() -> None:
    """rho^t reaches 1e-8 at ln(1e-8)/ln(rho), whatever the spacing of the record."""
    for t in (np.arange(3000.0), log_spaced(3000)):
        assert first_passage(t, 0.99**t, 1e-8) == pytest.approx(
            np.log(1e-8) / np.log(0.99), rel=1e-12
        )


def test_a_passage_counts_when_it_is_for_good() -> None:
    """A dip below the level before a later peak is no passage; a NaN is never below."""
    assert first_passage([0, 1, 2, 3], [8, 0.5, 2, 0.5], 1) == 2.5
    assert first_passage([0, 1], [0.5, 0.1], 1) == 0
    assert np.isnan(first_passage([0, 1, 2], [8, 4, 2], 1))
    assert np.isnan(first_passage([0, 1, 2], [8, 0.5, np.nan], 1))
    assert first_passage([0, 1, 2], [8, 0, 0], 1) == 1


def test_a_scaling_law_has_its_exponent() -> None:
    """A pure power is exact: no jackknife error, one local slope."""
    k = np.geomspace(1e2, 3e4 * 2, 11)
    found = scaling_exponent(k, 3 * np.sqrt(k))

    assert found.value == pytest.approx(0.5, rel=1e-12)
    assert found.error < 1e-12
    assert found.slopes == pytest.approx([0.5] * 10)
    assert found.without_smallest == pytest.approx(0.5)


def test_finite_kappa_shows_as_curvature() -> None:
    """sqrt(k) + 5 bends: local slopes rise, and the refit without the smallest k moves up."""
    k = np.geomspace(1e2, 1e5, 12)
    found = scaling_exponent(k, np.sqrt(k) + 5)

    assert list(found.slopes) == sorted(found.slopes)
    assert found.value < found.without_smallest < 0.5
    assert 0 < found.error < 0.02


@pytest.mark.parametrize(
    ("k", "reason"),
    [
        (np.geomspace(1, 1e3, 9), "9 points"),
        (np.geomspace(1, 100, 12), "2 decades"),
        (np.linspace(1, 1000, 12), "evenly spaced"),
    ],
)
def test_too_short_a_range_gives_no_exponent(k: Array, reason: str) -> None:
    """Ten points over 2.5 decades, evenly in the logarithm, or a reason."""
    found = scaling_exponent(k, k)

    assert np.isnan(found.value)
    assert reason in found.reason
    assert "no value at 1" in scaling_exponent(np.geomspace(1, 1e3, 11), np.full(11, np.nan)).reason


def test_bootstrapped_exponents_have_honest_errors() -> None:
    """Over repeated experiments the exponents scatter by the error that each declares."""
    rng, k = np.random.default_rng(11), np.geomspace(1, 1e3, 10)
    fits = [
        bootstrap_exponent(k, rng.chisquare(4, size=(40, 10)) / k, rng, rounds=200)
        for _ in range(60)
    ]
    scatter = np.std([fit.value for fit in fits])

    assert np.mean([fit.value for fit in fits]) == pytest.approx(-1, abs=4 * scatter / np.sqrt(60))
    assert np.mean([fit.error for fit in fits]) == pytest.approx(scatter, rel=0.3)


def test_batch_means_cover_where_single_values_do_not() -> None:
    """EST-06: of a chain with a = .95, t_39 intervals cover about .94, naive ones about .32."""
    from scipy.signal import lfilter

    rng, a, n = np.random.default_rng(7), 0.95, 20000
    chains = lfilter([1.0], [1.0, -a], rng.standard_normal((300, n + 500)))[:, 500:]
    batched = [batch_means(x).interval(0.95) for x in chains]
    coverage = np.mean([low <= 0 <= high for low, high in batched])
    naive = np.mean(np.abs(chains.mean(1)) <= 1.96 * chains.std(1) / np.sqrt(n))

    assert coverage == pytest.approx(0.94, abs=0.04)
    assert naive == pytest.approx(0.25, abs=0.1)


def test_the_effective_number_predicts_the_variance_of_a_mean_square() -> None:
    """The mean of x^2 over n steps has variance 2 E[x^2]^2 / n_eff."""
    from scipy.signal import lfilter

    rng, a, n = np.random.default_rng(9), 0.9, 4000
    chains = lfilter([1.0], [1.0, -a], rng.standard_normal((2000, n + 300)))[:, 300:]
    variance = np.var(np.mean(chains**2, axis=1)) * (1 - a**2) ** 2

    assert 2 / variance == pytest.approx(n_eff(n, a), rel=0.15)


def test_a_prefactor_that_cannot_be_removed_is_in_the_error() -> None:
    """Where the record starts too late to extrapolate t rho^t, the error covers its bias."""
    t = np.arange(1000.0, 2001.0)
    found = geometric_rate(t, t * 0.99**t, floor=0.0)

    assert found.prefactor == 0
    assert 0.8 < abs(found.value + np.log(0.99)) / found.error < 1.2


def test_a_jackknife_error_is_that_of_independent_noise() -> None:
    """Exponents of a noisy power scatter by the error that each declares."""
    rng, k = np.random.default_rng(4), np.geomspace(1, 1e4, 30)
    fits = [scaling_exponent(k, k * np.exp(0.1 * rng.standard_normal(30))) for _ in range(200)]

    declared = np.sqrt(np.mean([fit.error**2 for fit in fits]))
    assert declared == pytest.approx(np.std([fit.value for fit in fits]), rel=0.2)


def test_noise_does_not_hide_a_short_floor() -> None:
    """A tail that is level but for noise is a floor, although its medians differ by chance."""
    rng, t = np.random.default_rng(8), log_spaced(4000)
    found = [
        floor_of(t, 0.9**t + 0.01 * np.exp(0.2 * rng.standard_normal(len(t)))) for _ in range(50)
    ]

    assert np.median(found) == pytest.approx(0.01, rel=0.1)
    assert np.mean(np.array(found) > 1e-3) > 0.8
