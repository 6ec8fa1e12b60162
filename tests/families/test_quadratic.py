"""Quadratics have exactly the spectrum, the orientation and the start that was asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.quadratic import quadratic
from optbench.families.spectra import SPECTRA, eigenvalues

RTOL_ROUNDING = 1e-12
RTOL_RECURRENCE = 1e-9  # 400 steps, each with some roundings


def matrix(problem: Problem) -> Tensor:
    """Return the Hessian, shape (d, d), from products with the axes."""
    axes = torch.eye(problem.facts.dim, dtype=torch.float64)
    assert problem.hessian_vector is not None
    return problem.hessian_vector(axes, axes)


@given(
    spectrum=st.sampled_from(SPECTRA),
    dim=st.integers(2, 300),
    log_kappa=st.floats(0, 14),
    smoothness=st.floats(1e-3, 1e3),
    exponent=st.floats(0.05, 3),
)
def test_eigenvalues_lie_in_range_and_attain_both_ends(
    spectrum: str, dim: int, log_kappa: float, smoothness: float, exponent: float
) -> None:
    """Ascending, d of them, from exactly L/kappa to exactly L, at any kappa, d and spectrum."""
    kappa = 10**log_kappa
    if spectrum == "gap" and kappa < 9:
        return

    found = eigenvalues(spectrum, dim, kappa, smoothness, exponent)

    assert found.shape == (dim,)
    assert (found[0], found[-1]) == (smoothness / kappa, smoothness)
    assert (np.diff(found) >= 0).all()


def test_each_spectrum_lies_as_documented() -> None:
    """The inner eigenvalues follow the documented law of each spectrum."""
    spectra = {name: eigenvalues(name, 21, 1e4, 2.0, 0.25) for name in SPECTRA}
    mu = 2e-4
    q = np.linspace(0, 1, 21)

    assert np.unique(spectra["two_mode"], return_counts=True)[1].tolist() == [10, 11]
    assert spectra["gap"][1] >= 3 * mu
    assert spectra["gap"][-2] <= 2 / 3
    np.testing.assert_allclose(spectra["uniform"], mu + (2 - mu) * q, rtol=RTOL_ROUNDING)
    np.testing.assert_allclose(spectra["log_uniform"], mu * 1e4**q, rtol=1e-11)
    # Quantiles of the density lambda^(p-1): its distribution function is linear in q.
    power = (spectra["power"] ** 0.25 - mu**0.25) / (2**0.25 - mu**0.25)
    np.testing.assert_allclose(power, q, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.unique(spectra["clustered"]), mu * 1e4 ** np.linspace(0, 1, 5), rtol=1e-11
    )


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_matrix_has_the_spectrum(spectrum: str) -> None:
    """Rotated or not, the Hessian's eigenvalues are the ones asked for, within the residual."""
    expected = eigenvalues(spectrum, 30, 1e4, 5.0, 0.5)
    for rotated in (True, False):
        problem = quadratic(dim=30, kappa=1e4, smoothness=5.0, spectrum=spectrum, rotated=rotated)

        found = torch.linalg.eigvalsh(matrix(problem)).numpy()

        assert problem.facts.kappa == pytest.approx(1e4, rel=1e-15)
        residual = problem.facts.residuals.get("strong_convexity", 1e-15)
        np.testing.assert_allclose(found, expected, rtol=residual)
        off_diagonal = matrix(problem) - torch.diag(matrix(problem).diagonal())
        assert (float(off_diagonal.norm()) > 0.1) is rotated


@settings(max_examples=25)
@given(dim=st.integers(2, 40), log_kappa=st.floats(0, 11), seed=st.integers(0, 1000))
def test_rotation_keeps_the_extreme_eigenvalues(dim: int, log_kappa: float, seed: int) -> None:
    """The stored residual bounds the relative error of the rotated matrix's mu and L."""
    problem = quadratic(dim=dim, kappa=10**log_kappa, seed=seed)

    found = torch.linalg.eigvalsh(matrix(problem))

    mu = problem.facts.strong_convexity or 0.0
    assert abs(float(found[0]) / mu - 1) <= problem.facts.residuals["strong_convexity"]
    assert float(found[-1]) == pytest.approx(1.0, rel=1e-13)


def test_seeds_make_different_eigenvectors() -> None:
    """The seed decides the orientation, and nothing else does."""
    first, again, other = (matrix(quadratic(dim=5, seed=s)) for s in (1, 1, 2))

    assert torch.equal(first, again)
    assert float((first - other).norm()) > 0.1


@pytest.mark.parametrize("rotated", [True, False])
def test_starts_have_the_radius_and_direction_asked_for(rotated: bool) -> None:
    """|x_0 - x*| is the radius; `equal` and `slow` have their weights on the eigenvectors."""
    params = {"dim": 8, "kappa": 50.0, "rotated": rotated, "center": -1.5, "radius": 3.0}
    x_star = torch.full((8,), -1.5, dtype=torch.float64)
    for kind in ("random", "equal", "slow"):
        problem = quadratic(start=kind, **params)  # type: ignore[arg-type]
        e = problem.start(4) - x_star
        values, vectors = torch.linalg.eigh(matrix(problem))

        weights = (vectors.T @ e).abs()

        assert float(e.norm()) == pytest.approx(3.0, rel=RTOL_ROUNDING)
        if kind == "equal":
            np.testing.assert_allclose(weights.numpy(), 3 / 8**0.5, rtol=1e-10)
        if kind == "slow":
            assert float(weights[0]) == pytest.approx(3.0, rel=1e-10)
            np.testing.assert_allclose((matrix(problem) @ e).numpy(), values[0] * e, atol=1e-13)


def test_gap_is_exact_however_far_the_minimiser_is_from_the_origin() -> None:
    """The value is computed from x - x*, so that the gap near x* = 1000 keeps its digits."""
    problem = quadratic(dim=3, kappa=10.0, rotated=False, center=1000.0)
    e = torch.tensor([[2.0**-30, 0.0, 2.0**-31]], dtype=torch.float64)
    assert problem.facts.x_star is not None

    gap, _ = problem.oracle(problem.facts.x_star + e)

    expected = 0.5 * (0.1 * 2.0**-60 + 2.0**-62)
    assert float(gap) == pytest.approx(expected, rel=1e-14, abs=0)


def test_two_modes_contract_at_the_optimal_rate_at_every_step() -> None:
    """With eta = 2/(L + mu) each of 400 steps shrinks the distance by (kappa - 1)/(kappa + 1)."""
    problem = quadratic(dim=2, kappa=100.0, spectrum="two_mode", start="equal")
    x = problem.start(0)[None]
    rate = 99 / 101

    for t in range(1, 401):
        x = x - 2 / 1.01 * problem.oracle(x)[1]
        assert float(x.norm()) == pytest.approx(rate**t, rel=RTOL_RECURRENCE, abs=0)


def test_conjugate_gradients_end_in_five_steps_on_clusters() -> None:
    """`clustered` has five distinct eigenvalues, so CG is done after five steps and not before."""
    problem = quadratic(dim=40, kappa=100.0, spectrum="clustered", start="equal")
    H, x = matrix(problem), problem.start(0)
    r = p = -(H @ x)
    errors = []
    for _ in range(5):
        step = (r @ r) / (p @ H @ p)
        x, previous = x + step * p, r
        r = r - step * (H @ p)
        p = r + (r @ r) / (previous @ previous) * p
        errors.append(float(x.norm()))

    assert errors[3] > 1e-3
    assert errors[4] < 1e-9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dim": 1, "kappa": 2.0}, "kappa must be 1"),
        ({"spectrum": "gap", "kappa": 8.0}, "needs kappa >= 9"),
        ({"kappa": 1e13}, "needs rotated=false"),
    ],
)
def test_impossible_settings_are_refused(params: dict[str, object], message: str) -> None:
    """What no matrix can be is an error that says why."""
    with pytest.raises(SpecError, match=message):
        quadratic(**params)  # type: ignore[arg-type]


def test_a_power_law_start_makes_the_spectral_measure_of_its_exponent() -> None:
    """Gradient descent then follows p Gamma(1 + p)/2 (2 eta t)^-(1+p) between 1/L and 1/mu."""
    p, t = 0.3, 2000
    problem = quadratic(
        dim=4000, kappa=1e9, exponent=p, rotated=False, start="power_law", radius=2.0
    )
    values = eigenvalues("log_uniform", 4000, 1e9, 1.0, p)
    x = (1 - torch.from_numpy(values)) ** t * problem.start(0)

    f = float(problem.oracle(x[None])[0])

    norm = 2.0**2 * p / (1 - 1e9**-p)
    # The first omitted term is of order 1/t.
    assert f == pytest.approx(norm * math.gamma(1 + p) / 2 * (2 * t) ** -(1 + p), rel=2 / t)
    assert float(problem.start(0).norm()) == pytest.approx(2.0, rel=1e-14)


def test_a_power_law_start_needs_more_than_one_eigenvalue() -> None:
    """With kappa = 1 there is no spectrum to weight."""
    with pytest.raises(SpecError, match="more than one eigenvalue"):
        quadratic(dim=5, kappa=1.0, start="power_law")
