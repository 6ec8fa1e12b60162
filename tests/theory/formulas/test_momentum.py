"""Momentum's closed forms against the recurrences that they solve."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.theory.formulas.momentum import (
    companion_radius,
    displacement,
    double_root,
    fista_momenta,
    nesterov_best_gap,
    nesterov_best_pair,
    nesterov_gap,
    passage,
    polyak_gap,
    simple_displacement,
)

KAPPA = 49.0


def two_terms(p: float, q: float, first: float, steps: int) -> np.ndarray:
    """Run x_(t+1) = p x_t - q x_(t-1) from 1 and `first`."""
    x = [1.0, first]
    for _ in range(steps - 1):
        x.append(p * x[-1] - q * x[-2])
    return np.array(x)


@pytest.mark.parametrize(("mode", "sign"), [(1 / KAPPA, 1), (1.0, -1)])
def test_polyaks_ends_of_the_spectrum_are_double_roots(mode: float, sign: int) -> None:
    """Both follow (1 + s t)(1 - s)^t, s = 1 - rho at mu and 1 + rho at L."""
    rho = 1 - polyak_gap(KAPPA)
    h = 4 / (1 + KAPPA**-0.5) ** 2 * mode
    ran = two_terms(1 + rho**2 - h, rho**2, 1 - h, 60)
    assert double_root(np.arange(61), 1 - sign * rho) == pytest.approx(ran, abs=1e-11)


def test_nesterovs_slow_mode_is_a_double_root() -> None:
    """So it is at eta = 1/L and with the pair that is best on quadratics."""
    lr, beta = nesterov_best_pair(KAPPA)
    cases = [
        (1.0, (KAPPA**0.5 - 1) / (KAPPA**0.5 + 1), nesterov_gap(KAPPA)),
        (lr, beta, nesterov_best_gap(KAPPA)),
    ]
    for eta, momentum, gap in cases:
        keep = 1 - eta / KAPPA
        ran = two_terms((1 + momentum) * keep, momentum * keep, keep, 60)
        assert double_root(np.arange(61), gap) == pytest.approx(ran, abs=1e-11)


def test_a_passage_is_where_a_sequence_meets_its_level() -> None:
    """2^-t falls to 1/8 at t = 3."""
    assert passage(lambda t: 2.0**-t, 0.125, 100.0) == pytest.approx(3, rel=1e-11)


def test_the_way_on_a_linear_function_has_a_closed_form() -> None:
    """The momenta (t - 1)/(t + 2) lead (n^2 + 5 n + 2)/8 gradient steps far."""
    n = np.arange(1, 51)
    way = displacement([(t - 1) / (t + 2) for t in range(50)])
    assert way[0] == 0
    assert way[1:] == pytest.approx(simple_displacement(n), rel=1e-12)


def test_fistas_first_momenta() -> None:
    """The second is 0, the third (phi - 1)/lambda_3 with the golden ratio phi."""
    phi = (1 + 5**0.5) / 2
    _, second, third = fista_momenta(3)
    assert second == 0
    assert third == pytest.approx((phi - 1) / ((1 + (1 + 4 * phi**2) ** 0.5) / 2), rel=1e-14)


@pytest.mark.parametrize(
    ("method", "matrix"),
    [
        ("sum", [[1 - 0.7, -0.8], [0.7, 0.8]]),
        ("average", [[1 - 0.7 * 0.2, -0.8], [0.7 * 0.2, 0.8]]),
        ("nesterov", [[1.8 * 0.3, -0.8 * 0.3], [1.0, 0.0]]),
    ],
)
def test_the_companion_radius_is_an_eigenvalue(method: str, matrix: list[list[float]]) -> None:
    """At h = .7 and beta = .8 it is that of the step's matrix in (x, eta m) or (x, x_prev)."""
    expected = np.abs(np.linalg.eigvals(np.array(matrix))).max()
    assert float(companion_radius(0.7, 0.8, method)) == pytest.approx(expected, rel=1e-12)
