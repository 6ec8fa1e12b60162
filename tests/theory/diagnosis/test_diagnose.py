"""Diagnoses of real runs and of curves made up for the purpose."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from optbench.core.run import Run, Status
from optbench.report.pages import write_report
from optbench.theory.diagnosis.diagnose import Diagnosis, Kind, diagnose
from tests.helpers import runs, specs

STEPS = np.unique([*range(100), *np.rint(np.geomspace(100, 5000, 200)).astype(int)])


def made_up(values: ArrayLike, status: Status = Status.BUDGET, *, f_star: bool = True) -> Run:
    """Return a run with these gaps, or, without f*, with these gradient norms."""
    e = np.asarray(values, dtype=np.float64)
    unknown = np.full(len(e), np.nan)
    curve = {
        "step": STEPS[: len(e)].astype(float),
        "value": e,
        "suboptimality": e if f_star else unknown,
        "gradient_norm": e,
    }
    (spec,) = specs("parabola", "gd:lr=0.1")
    return Run(spec=spec, status=status, curve=curve, facts={"f_star": 0.0 if f_star else None})


def ran(problem: str, optimizer: str, **settings: object) -> Diagnosis:
    """Return the diagnosis of a run."""
    (run,) = runs(problem, optimizer, **settings)
    return diagnose(run)


@pytest.mark.parametrize("record", ["log", "every"])
def test_descent_on_a_quadratic_is_geometric_at_its_bound(record: str) -> None:
    """The rate of f is twice -ln rho, within the declared error, and theory stands beside it."""
    found = ran("quadratic:kappa=100", "gd:lr=1/L", budget=4000, record=record)

    assert found.kind is Kind.GEOMETRIC
    assert found.measure == "suboptimality"
    assert found.theory is not None
    assert found.theory.value == pytest.approx(-2 * math.log(0.99))
    assert abs(found.value - found.theory.value) <= found.error < 0.1 * found.value
    assert found.steps_per_decade == pytest.approx(math.log(10) / found.value)
    assert found.theory.bound


def test_heavy_balls_prefactor_does_not_hide_its_rate() -> None:
    """Polyak's pair at kappa = 1e4: 1 - rho to a tenth of a percent from a log-spaced record."""
    found = ran("quadratic:kappa=1e4", "heavy_ball:lr=polyak,beta=polyak", budget=4000)

    assert found.theory is not None
    assert not found.theory.bound
    assert found.theory.value == pytest.approx(-2 * math.log(99 / 101))
    assert found.value == pytest.approx(found.theory.value, rel=1e-3)


def test_a_flat_minimum_is_a_power_law() -> None:
    """Descent on x^4/4 falls like t^-2."""
    found = ran("power:p=4", "gd:lr=.1", budget=20000)

    assert found.kind is Kind.POWER_LAW
    assert found.value == pytest.approx(-2, abs=2e-3)
    assert math.isnan(found.rho)
    assert found.text.startswith("t^(-2 ±")


def test_without_a_minimum_the_gradient_is_looked_at() -> None:
    """Of a curve whose f* is unknown, the gradient's norm has the rate."""
    found = diagnose(made_up(0.99**STEPS, f_star=False))

    assert found.measure == "gradient_norm"
    assert found.kind is Kind.GEOMETRIC
    assert found.value == pytest.approx(-math.log(0.99), rel=1e-9)


def test_a_wrong_minimum_is_not_believed() -> None:
    """A gap that goes below zero says that f* is wrong; the gradient's norm is taken instead."""
    run = made_up(0.99**STEPS)
    gaps = {**run.curve, "suboptimality": np.asarray(run.curve["suboptimality"]) - 0.1}

    assert diagnose(replace(run, curve=gaps)).measure == "gradient_norm"


def test_too_long_a_step_diverges_at_its_own_rate() -> None:
    """At 2.1/L the largest mode grows by 1.1 a step, f by 1.21."""
    found = ran("quadratic:kappa=100", "gd:lr=2.1/L")

    assert found.kind is Kind.DIVERGING
    assert found.rho == pytest.approx(1.21, rel=1e-3)
    assert found.theory is None


def test_noise_ends_on_a_floor() -> None:
    """Constant steps with noisy gradients stay at a level; no theory of exact gradients is told."""
    found = ran("quadratic:kappa=100,noise=.1", "sgd:lr=.1/L", budget=20000)

    assert found.kind is Kind.FLOOR
    assert found.range[0] < found.level < found.range[1]
    assert found.theory is None


def test_the_fall_to_a_floor_has_its_rate() -> None:
    """rho^t + c is at the floor c, after a geometric fall."""
    found = diagnose(made_up(0.99**STEPS + 1e-5))

    assert found.kind is Kind.FLOOR
    assert found.level == pytest.approx(1e-5, rel=1e-3)
    assert found.value == pytest.approx(-math.log(0.99), rel=0.05)
    assert "after -ln rho" in found.text


def test_a_cycle_oscillates() -> None:
    """The heavy-ball cycle of Lessard, Recht and Packard neither falls nor stays."""
    e = np.take([0.209, 1.62, 2.24], STEPS % 3)
    found = diagnose(made_up(e))

    assert found.kind is Kind.OSCILLATING
    assert found.range == pytest.approx((0.209, 2.24))


def test_bursts_after_a_fall_are_an_oscillation() -> None:
    """A method that arrives and is thrown out again, as Adam is, has not converged."""
    rng = np.random.default_rng(2)
    e = np.where(STEPS < 500, 0.97**STEPS, 1e-7 * np.exp(2 * rng.standard_normal(len(STEPS))))

    assert diagnose(made_up(e)).kind is Kind.OSCILLATING


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full(300, 2.0)[: len(STEPS)], "less than half a decade"),
        (1 - 1e-5 * STEPS, "less than half a decade"),
        (0.1 ** np.arange(8.0), "8 points"),
        ([np.nan], "unknown from the start"),
    ],
    ids=["constant", "slow", "short", "nan"],
)
def test_what_says_nothing_is_undecided(values: ArrayLike, reason: str) -> None:
    """There is a reason instead of a rate."""
    found = diagnose(made_up(values))

    assert found.kind is Kind.UNDECIDED
    assert math.isnan(found.value)
    assert reason in found.text


def test_what_falls_and_is_no_number_in_the_end_does_not_diverge() -> None:
    """A step that spoils a good run gives no growth rate, but the step where it did."""
    spoilt = replace(made_up(0.9 ** STEPS[:40], Status.NAN), first_bad_step=40)
    found = diagnose(spoilt)

    assert found.kind is Kind.UNDECIDED
    assert found.text == "not a number at step 40"


def test_a_run_without_a_curve_says_why() -> None:
    """A refused run's message is the reason."""
    (spec,) = specs("parabola", "gd:lr=0.1")
    found = diagnose(Run(spec=spec, status=Status.REFUSED, message="needs L"))

    assert found.kind is Kind.UNDECIDED
    assert found.text == "needs L"


@pytest.mark.parametrize(
    ("problem", "optimizer", "settings", "theory"),
    [
        ("huber", "gd:lr=1/L", {}, ("power law", -1)),
        ("huber", "nesterov_convex", {}, ("power law", -2)),
        ("quadratic:kappa=100", "fista", {}, ("power law", -2)),
        (
            "quadratic:kappa=100",
            "nesterov_strongly_convex",
            {},
            ("geometric", -math.log(0.9)),
        ),
        ("quadratic:kappa=100", "gd:lr=2.1/L", {}, None),
        ("quadratic:kappa=1", "gd:lr=1/L", {}, None),
        ("quadratic:kappa=100", "fista:lr=1.2/L", {}, None),
        ("quadratic:kappa=100", "heavy_ball:lr=1/L,beta=.9", {}, None),
        ("quadratic:kappa=100", "nesterov_strongly_convex:beta=.5", {}, None),
        ("quadratic:kappa=100", "gd:lr=1/L,clip_norm=.1", {}, None),
        ("quadratic:kappa=100", "gd:lr=1/L", {"schedules": ("cosine",)}, None),
        ("quadratic:kappa=100", "adam:lr=.01", {}, None),
        ("rosenbrock", "gd:lr=1e-3", {}, None),
    ],
)
def test_theory_is_told_where_it_holds(
    problem: str, optimizer: str, settings: dict[str, object], theory: tuple[str, float] | None
) -> None:
    """Convex, smooth, exact, constant, with the theorem's own numbers; else nothing."""
    said = ran(problem, optimizer, budget=100, **settings).theory

    if theory is None:
        assert said is None
    else:
        assert said is not None
        assert said.kind == theory[0]
        assert said.value == pytest.approx(theory[1])


def test_the_report_has_the_rate_of_every_row(tmp_path: Path) -> None:
    """A row's cell is the rate in a word, with its uncertainty beneath."""
    write_report(
        [*runs("power:p=4", "gd:lr=.5", budget=3000), *runs("parabola", "gd:lr=3", budget=50)],
        tmp_path,
        title="rates",
    )
    pages = "".join(path.read_text() for path in (tmp_path / "problems").iterdir())

    assert re.search(r">t\^-2<br><span class=\"soft\">t\^\(-2 ± 0\.0", pages)
    assert ">diverging</td>" in pages
