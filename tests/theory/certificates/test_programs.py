"""Probed coefficients against published ones, certificates against golden values and theorems."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError
from optbench.core.problem import Facts
from optbench.schedules.silver import silver
from optbench.theory.certificates.certify import certify, huber_width
from optbench.theory.certificates.programs import (
    RTOL_CERTIFICATE,
    exact_line_search,
    one_stochastic_step,
    worst_case,
)
from optbench.theory.formulas.rates import gd_convex
from optbench.theory.formulas.worst_cases import (
    fista_displacement,
    gd_convex_gradient,
    gd_convex_gradient_by_gap,
    gd_strongly_convex_by_radius,
    minimax_convex,
    nesterov_displacement,
    nesterov_exact,
)
from optbench.theory.probes.coefficients import smooth_functions, step_coefficients

ATOL = 1e-13  # a few roundings of numbers near 1
ATOL_GOLDEN = 5e-6  # golden values have five digits or more
CONVEX = smooth_functions()
UNIT = {"smoothness": 1.0, "radius": 1.0}


def test_gradient_descent_adds_its_gradients_up() -> None:
    """H is eta times the lower triangle: x_t = x_0 - eta (g_0 + ... + g_(t-1))."""
    found = step_coefficients("gd:lr=1.5/L", 4, smooth_functions(3.0))

    expected = 0.5 * np.tri(5, 4, -1)
    np.testing.assert_allclose(found.points, expected, atol=ATOL)
    np.testing.assert_allclose(found.queries, expected[:4], atol=ATOL)


def test_heavy_ball_weighs_old_gradients_by_a_geometric_series() -> None:
    """H[t, j] = eta (1 + beta + ... + beta^(t-1-j)), in optbench's form and in torch's."""
    eta, beta = 0.3, 0.6
    age = np.maximum(np.arange(5.0)[:, None] - np.arange(4.0), 0)
    expected = eta * (1 - beta**age) / (1 - beta)
    for name in ("heavy_ball:lr=.3,beta=.6", "heavy_ball_ema:lr=.75,beta=.6"):
        np.testing.assert_allclose(step_coefficients(name, 4).points, expected, atol=ATOL)
    torch = step_coefficients("torch.SGD:lr=.3,momentum=.6", 4)
    np.testing.assert_allclose(torch.points, expected, atol=ATOL)


def test_ogm_has_the_published_coefficients() -> None:
    """Kim and Fessler 2016, proposition 3: h of the OGM in its first form, two steps."""
    theta = [1.0, (1 + math.sqrt(5)) / 2]
    theta.append((1 + math.sqrt(1 + 8 * theta[1] ** 2)) / 2)
    h_10 = 1 + (2 * theta[0] - 1) / theta[1]
    h_21 = 1 + (2 * theta[1] - 1) / theta[2]
    h_20 = (theta[1] - 1) / theta[2] * (h_10 - 1)
    found = step_coefficients("ogm", 2)

    expected = np.array([[0.0, 0.0], [h_10, 0.0], [h_10 + h_20, h_21]])
    np.testing.assert_allclose(found.points, expected, atol=ATOL)


def test_nesterov_takes_gradients_where_it_does_not_stay() -> None:
    """Simple rule: y_2 = x_2 + (x_2 - x_1)/4 while x_2 = x_0 - g_0 - g_1."""
    found = step_coefficients("nesterov_convex", 3)

    np.testing.assert_allclose(found.queries[2], np.array([1, 1.25, 0]), atol=ATOL)
    np.testing.assert_allclose(
        found.points[2:], np.array([[1.0, 1.0, 0.0], [1.0, 1.25, 1.0]]), atol=ATOL
    )


def test_schedules_are_in_the_coefficients() -> None:
    """Each step has its own learning rate; silver steps are sqrt 2, 2, sqrt 2, 2 + sqrt 2."""
    path = "optbench.schedules.silver:silver"
    found = step_coefficients("gd:lr=1/L", 4, schedule=path).points[-1]

    expected = [math.sqrt(2), 2, math.sqrt(2), 2 + math.sqrt(2)]
    np.testing.assert_allclose(found, expected, atol=ATOL)
    np.testing.assert_allclose(silver(np.arange(4), 4), expected, atol=ATOL)


def test_displacements_are_those_of_a_linear_function() -> None:
    """The closed form and the recursion of c_n are the sums of the probed coefficients."""
    for n in range(1, 12):
        simple = step_coefficients("nesterov_convex", n).points[-1].sum()
        fista = step_coefficients("fista", n).points[-1].sum()
        assert simple == pytest.approx(float(nesterov_displacement(n)), rel=ATOL)
        assert fista == pytest.approx(fista_displacement(n), rel=ATOL)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("adam:lr=.1", "adam is no fixed linear combination of gradients"),
        ("signsgd:lr=.1", "signsgd is no fixed linear combination"),
        ("subgradient", "subgradient is no fixed linear combination"),
        ("gd:clip_norm=10", "gd is no fixed linear combination"),
        ("torch.SGD:lr=.1,weight_decay=.1", "depends on where the origin is"),
        ("newton", "newton needs Hessian-vector products"),
        ("sgd", "sgd needs a finite sum or gradient noise"),
        ("heavy_ball:lr=polyak", "lr=polyak needs strong convexity mu > 0"),
        ("gd:lr=.1/.2", "stands for 2 runs where one is needed"),
        ("gdd", "unknown optimizer 'gdd'; did you mean gd"),
        ("scipy.BFGS", "scipy.BFGS ended before step 3"),
    ],
)
def test_what_has_no_coefficients_is_refused_in_one_line(optimizer: str, message: str) -> None:
    """Methods that are not linear in gradients, or not in these alone, are told apart."""
    with pytest.raises(OptbenchError, match=r"^[^\n]*$") as error:
        step_coefficients(optimizer, 3)

    assert message in str(error.value)


def test_no_steps_have_no_coefficients() -> None:
    """T is at least 1."""
    with pytest.raises(OptbenchError, match="steps must be at least 1, got 0"):
        step_coefficients("gd", 0)


def test_closed_forms_have_the_golden_values() -> None:
    """FISTA, OGM, Kim's strongly convex bound, all known from other programs."""
    fista = [float(nesterov_exact(fista_displacement(n), **UNIT)) for n in (1, 2, 3, 5, 8)]
    ogm = [minimax_convex(n, **UNIT) for n in (1, 2, 5)]
    kim = gd_strongly_convex_by_radius(3, strong_convexity=0.1, lr=1.0, **UNIT)

    assert fista == pytest.approx([1 / 6, 0.1, 0.0661069, 0.0348938, 0.0175576], abs=1e-7)
    assert ogm == pytest.approx([0.125, 0.061894, 0.018588], abs=1e-6)
    assert float(kim) == pytest.approx(0.05093328, abs=1e-8)


@given(st.floats(0.01, 1.99), st.integers(1, 50))
def test_strong_convexity_goes_over_into_convexity(h: float, t: int) -> None:
    """As mu goes to 0 the exact strongly convex worst case becomes the convex one."""
    strong = gd_strongly_convex_by_radius(t, strong_convexity=1e-7, lr=h, **UNIT)

    assert float(strong) == pytest.approx(float(gd_convex(t, lr=h, **UNIT)), rel=1e-4)


@pytest.mark.parametrize("kappa", [1e8, 1e12, 1e15])
def test_the_strongly_convex_worst_case_keeps_its_digits(kappa: float) -> None:
    """For large kappa it is the convex one to a relative 10/kappa at h t = 4."""
    ours = gd_strongly_convex_by_radius(
        8, smoothness=1.0, strong_convexity=1 / kappa, radius=1.0, lr=0.5
    )
    assert float(ours) == pytest.approx(1 / 18, rel=10 / kappa + 1e-14)


@given(st.floats(0.01, 1.99), st.integers(0, 50))
def test_gradients_and_values_agree(h: float, t: int) -> None:
    """|g|^2 <= 2 L (f - f*) links the worst gradients to the worst values, in both forms."""
    value = float(gd_convex(t, lr=h, **UNIT))
    by_gap = float(gd_convex_gradient_by_gap(t, smoothness=1.0, start_gap=1.0, lr=h))

    assert float(gd_convex_gradient(t, lr=h, **UNIT)) ** 2 <= 2 * value * (1 + 1e-12)
    assert by_gap == pytest.approx(4 * value, rel=1e-12)


@settings(max_examples=6)
@given(st.floats(0.2, 1.95), st.integers(1, 3))
def test_gradient_descent_is_certified_for_any_learning_rate(h: float, steps: int) -> None:
    """The program's value is the closed form of Kim 2024 on both of its branches."""
    found = worst_case(step_coefficients(f"gd:lr={h!r}", steps), CONVEX)

    expected = float(gd_convex(steps, lr=h, **UNIT))
    assert found == pytest.approx(expected, rel=RTOL_CERTIFICATE)


@pytest.mark.parametrize(
    ("optimizer", "steps", "kappa", "measure", "start", "expected"),
    [
        ("fista", 3, None, "value", "distance", 0.0661069),
        ("ogm", 2, None, "value", "distance", 0.0618942),
        ("gd:lr=1/L", 3, 10, "value", "distance", 0.05093328),
        ("nesterov_strongly_convex", 4, 10, "value", "potential", 0.130306),
    ],
)
def test_certificates_have_the_golden_values(
    optimizer: str, steps: int, kappa: float | None, measure: str, start: str, expected: float
) -> None:
    """Values that other people's programs gave for the same methods, written with their steps."""
    facts = smooth_functions(1.0, 1 / kappa if kappa else 0.0)
    method = step_coefficients(optimizer, steps, facts)
    found = worst_case(method, facts, measure=measure, start=start)  # type: ignore[arg-type]

    assert found == pytest.approx(expected, abs=ATOL_GOLDEN, rel=RTOL_CERTIFICATE)


def test_a_wrong_coefficient_is_noticed() -> None:
    """One coefficient off by a thousandth moves the certificate fifty times its accuracy."""
    method = step_coefficients("ogm", 2)
    wrong = method.points.copy()
    wrong[2, 1] *= 1.001
    right, moved = (worst_case(m, CONVEX) for m in (method, replace(method, points=wrong)))

    assert abs(moved / right - 1) > 50 * RTOL_CERTIFICATE


def test_constants_scale() -> None:
    """With c/L as the learning rate the worst gap is proportional to L."""
    one, seven = (
        worst_case(step_coefficients("gd:lr=1/L", 2, facts), facts)
        for facts in (CONVEX, smooth_functions(7.0))
    )

    assert seven == pytest.approx(7 * one, rel=RTOL_CERTIFICATE)


def test_functions_that_are_not_convex_have_their_own_certificate() -> None:
    """The least gradient is 4 L D_0/(n h (4 - h) + 2), and the class needs a constant."""
    facts = Facts(dim=1, smoothness=2.0, convex=False)
    method = step_coefficients("gd:lr=.5/L", 2, facts)

    found = worst_case(method, facts, measure="least_gradient", start="value")
    assert found == pytest.approx(8 / (2 * 0.5 * 3.5 + 2), rel=RTOL_CERTIFICATE)
    with pytest.raises(OptbenchError, match="needs a class of functions"):
        worst_case(method, Facts(dim=1))


def test_line_search_and_random_terms_have_the_published_values() -> None:
    """((kappa - 1)/(kappa + 1))^2 of de Klerk et al., and PEPit's stochastic gradient example."""
    search = exact_line_search(smoothness=1.0, strong_convexity=0.5)
    noisy = one_stochastic_step(
        0.7, smoothness=1.0, strong_convexity=0.1, deviation=1.0, radius=2.0, terms=2
    )

    assert search == pytest.approx(1 / 9, rel=RTOL_CERTIFICATE)
    assert noisy == pytest.approx(4.18300039, rel=RTOL_CERTIFICATE)


def test_an_unbounded_worst_case_says_so() -> None:
    """A small gap at the start says nothing of the distance on convex functions."""
    with pytest.raises(OptbenchError, match="unbounded"):
        worst_case(step_coefficients("gd", 1), CONVEX, measure="distance", start="value")


def test_without_the_extra_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(OptbenchError, match=r'pip install "optbench\[pepit\]"'):
        certify("gd", 1)


@pytest.mark.parametrize(
    ("optimizer", "measure"),
    [("gd:lr=1.5/L", "value"), ("gd:lr=.7/L", "gradient"), ("fista", "value"), ("ogm", "value")],
)
def test_a_run_ends_at_the_certificate(optimizer: str, measure: str) -> None:
    """Program, closed form and the worst function in the harness give one number."""
    found = certify(optimizer, 3, measure=measure)  # type: ignore[arg-type]

    assert found.closed_form is not None
    assert found.worst_case == pytest.approx(found.closed_form.value, rel=RTOL_CERTIFICATE)
    assert found.instance.value == pytest.approx(found.closed_form.value, rel=1e-9)


def test_a_textbook_rule_is_known_by_its_coefficients() -> None:
    """SGD of torch and heavy ball without momentum are gradient descent, by any name."""
    for text in ("torch.SGD:lr=1.5", "heavy_ball:lr=1.5/L,beta=0"):
        found = certify(text, 2)
        assert found.closed_form is not None
        assert found.closed_form.value == pytest.approx(1 / 14)


def test_nothing_run_is_worse_than_the_certificate() -> None:
    """Where no worst function is known, those that are run stay below."""
    for text in ("heavy_ball:lr=1/L,beta=.5", "torch.SGD:lr=1/L,momentum=.5", "nesterov"):
        found = certify(text, 2)
        assert found.closed_form is None
        assert 0 < found.instance.value <= found.worst_case * (1 + RTOL_CERTIFICATE)


def test_the_worst_huber_function_is_the_published_one() -> None:
    """Tau = R/(2 h T + 1) for values, R/(h T + 1) for gradients."""
    method = step_coefficients("gd:lr=.5", 4)

    assert huber_width(method, "value") == pytest.approx(1 / 5)
    assert huber_width(method, "gradient") == pytest.approx(1 / 3)
