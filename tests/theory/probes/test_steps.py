"""Probes against closed forms."""

from __future__ import annotations

import cmath
import math
from pathlib import Path

import numpy as np
import pytest

from optbench.core.problem import Facts
from optbench.core.spec import Spec, parse_one
from optbench.theory.probes.steps import (
    ProbeError,
    crossing,
    recurrence_radius,
    spectral_radius,
    step_matrix,
)
from optbench.theory.setting import LackingError, Setting

SETTING = Setting(claim="")


def _spec(text: str) -> Spec:
    return SETTING.optimizer(text)


def _roots(b: float, c: float) -> float:
    """The larger modulus of the roots of z^2 + b z + c."""
    root = cmath.sqrt(b * b - 4 * c)
    return max(abs((-b + root) / 2), abs((-b - root) / 2))


@pytest.mark.parametrize("h", [0.1, 0.5, 1.9, 2.5])
@pytest.mark.parametrize("name", ["gd", "torch.SGD"])
def test_gradient_descent_contracts_by_one_minus_h(name: str, h: float) -> None:
    """One mode shrinks by |1 - eta lambda|, rule and class alike."""
    assert spectral_radius(_spec(f"{name}:lr={h}"), 1.0) == pytest.approx(abs(1 - h), rel=1e-9)


@pytest.mark.parametrize("h", [0.01, 0.5, 3.0])
@pytest.mark.parametrize("name", ["heavy_ball:beta=.9", "torch.SGD:momentum=.9"])
def test_heavy_ball_has_the_roots_of_its_recurrence(name: str, h: float) -> None:
    """x_(t+1) = (1 + beta - h) x_t - beta x_(t-1)."""
    radius = spectral_radius(_spec(f"{name},lr={h}"), 1.0)
    assert radius == pytest.approx(_roots(-(1.9 - h), 0.9), rel=1e-6)


def test_tunings_take_the_facts_of_the_whole_quadratic() -> None:
    """Polyak's pair at mode mu of kappa = 100 gives (sqrt(kappa) - 1)/(sqrt(kappa) + 1)."""
    facts = Facts(dim=1, smoothness=1.0, strong_convexity=0.01)
    radius = spectral_radius(_spec("heavy_ball:lr=polyak,beta=polyak"), 0.01, facts=facts)
    assert radius == pytest.approx(9 / 11, rel=3e-7)


def test_the_matrix_is_that_of_the_equation() -> None:
    """m+ = beta m + c x and x+ = x - eta m+, as a matrix."""
    eta, beta, c = 0.3, 0.8, 2.0
    matrix = step_matrix(_spec(f"heavy_ball:lr={eta},beta={beta}"), c)
    np.testing.assert_allclose(matrix, [[1 - eta * c, -eta * beta], [c, beta]], rtol=1e-15)


def test_what_is_not_linear_is_noticed() -> None:
    """Adam's step is no linear map, by matrix or by trajectory."""
    with pytest.raises(ProbeError, match="not linear"):
        step_matrix(_spec("adam:lr=.1"), 1.0)
    with pytest.raises(ProbeError, match="no linear recurrence"):
        spectral_radius(_spec("torch.Adam:lr=.1"), 1.0)


def test_a_run_that_fails_is_named() -> None:
    """A class that raises ends the probe with its own words."""
    with pytest.raises(ProbeError, match=r"torch\.SGD ended as error"):
        spectral_radius(_spec("torch.SGD:lr=.1,nesterov=true"), 1.0)


def test_a_boundary_is_found_to_the_last_digits_or_said_not_to_be_there() -> None:
    """x^2 - 2 changes sign at sqrt 2 between 1 and 2, and nowhere between 2 and 3."""
    assert crossing(lambda x: x * x - 2, 1.0, 2.0) == pytest.approx(math.sqrt(2), rel=1e-15)
    with pytest.raises(ProbeError, match="no boundary between 2 and 3"):
        crossing(lambda x: x * x - 2, 2.0, 3.0)


@pytest.mark.parametrize("rho", [0.5, 0.99, 1.5])
def test_the_recurrence_of_two_oscillating_terms_is_found(rho: float) -> None:
    """rho^t cos(t) has roots rho exp(+-i)."""
    t = np.arange(12, dtype=np.float64)
    assert recurrence_radius(np.asarray(rho**t * np.cos(t))) == pytest.approx(rho, rel=1e-9)


def test_the_users_optimizer_takes_the_place_of_the_rule_and_of_no_other() -> None:
    """Beta becomes momentum, what the user set stays, other rules are left alone."""
    own = parse_one("torch.SGD:dampening=.5")
    setting = Setting(claim="HB-01", rule="heavy_ball", substitute=own)
    spec = setting.optimizer("heavy_ball:lr=.1,beta=.7")
    assert spec.name == "torch.SGD"
    values = dict(spec.params)
    assert (values["lr"], values["momentum"], values["dampening"]) == (0.1, 0.7, 0.5)
    assert setting.optimizer("gd:lr=.1").name == "gd"


def test_a_momentum_that_nobody_takes_is_named() -> None:
    """A claim about momentum cannot be held against an optimizer without one."""
    setting = Setting(claim="", rule="heavy_ball", substitute=parse_one("torch.Adagrad"))
    with pytest.raises(LackingError, match=r"torch\.Adagrad takes no momentum="):
        setting.optimizer("heavy_ball:lr=.1")


def test_steps_are_what_the_run_takes(tmp_path: Path) -> None:
    """The budget pays for exactly the steps asked for, whatever a gradient costs."""
    from optbench.engines.execute import horizon

    for text in ("gd:lr=.1", "gd:lr=.1,batch_size=3", "ogm:lr=1/L"):
        spec = SETTING.run("least_squares:rows=70,columns=5,noise=.1", text, steps=41)
        assert horizon(spec) == 41


def test_seeds_belong_to_the_claim_and_the_try() -> None:
    """Another claim, or a second try, draws from other seeds; the same one from the same."""
    one = Setting(claim="SG-01").seeds(50)
    assert one == Setting(claim="SG-01").seeds(50)
    assert not set(one) & set(Setting(claim="SG-02").seeds(50))
    assert not set(one) & set(Setting(claim="SG-01", seed=1).seeds(50))
    assert math.log2(max(one)) < 31
