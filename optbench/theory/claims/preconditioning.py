"""Preconditioning by the Hessian's diagonal: what it removes, and what it cannot."""

from __future__ import annotations

import numpy as np
import torch

from optbench.core.optimizer import Gradients
from optbench.core.run import Run
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, claim
from optbench.theory.claims._coordinates import HERE
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.tolerance import Tolerance

SPREADS = (1.0, 10.0, 100.0, 1e3)
ROUNDED = Tolerance(absolute=1e-9, reason="two orders of the same products, relative to v_0")


def _hessian(run: Run) -> Array:
    """Return the Hessian of a run's quadratic as its oracle gives it, (d, d)."""
    assert run.points is not None
    x = torch.from_numpy(run.points[:1])
    matrix = BatchOracle(build_problem(run.spec.problem), [0], Gradients(), x).hessian(x)[0]
    return np.asarray(matrix.numpy())


def _kappa(run: Run) -> float:
    """Return the condition number of a run's quadratic."""
    values = np.linalg.eigvalsh(_hessian(run))
    return float(values[-1] / values[0])


def _steps(scaled: Run, run: Run) -> tuple[Array, Array]:
    """Return steps of the preconditioned run, in the scaled variables, and eta diag(H)^-1 H v."""
    assert run.points is not None
    H = _hessian(scaled)
    v = run.points[:50] * np.diag(H) ** -0.5
    due = run.hyper["lr"] * (v @ H) / np.diag(H)
    size = np.linalg.norm(v[:1], axis=0)
    return (v[:-1] - v[1:]) / size, due[:-1] / size


@claim(
    "PC-01",
    "Jacobi's preconditioner removes any scaling of the variables exactly, and nothing else.",
    formula=r"\kappa(P D H D P) = \kappa(P_0 H P_0), \quad P = \mathrm{diag}(D H D)^{-1/2}",
    assumptions="quadratic in 12 variables, kappa = 100, in units from 1 to 1e3; D diagonal",
    source="van der Sluis 1969; Nocedal and Wright 2006, section 5.1",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-6, reason="eigenvalues of a matrix of condition 1e8"),
    rule="gd",
    runs=lambda setting: {
        (spread, jacobi): setting.run(
            f"{HERE}:stretched:spread={spread},jacobi={jacobi}",
            "gd:lr=two-over-sum",
            steps=200,
            points=True,
        )
        for spread in SPREADS
        for jacobi in ("false", "true")
    },
)
def pc_01(evidence: Evidence) -> Finding:
    """Compare condition numbers, and gradient descent's values with the unscaled problem's."""
    spreads = np.array(SPREADS)
    plain, preconditioned = (
        np.array([_kappa(evidence.runs[s, jacobi]) for s in SPREADS])
        for jacobi in ("false", "true")
    )
    values = {key: run.curve["suboptimality"] for key, run in evidence.runs.items()}
    gaps = np.array([values[s, "true"] / values[1.0, "true"] for s in SPREADS])
    plot = Plot(
        x_label="largest over smallest unit",
        y_label="kappa",
        x_scale="log",
        y_scale="log",
        series=(
            series("scaled variables", spreads, plain, points=True),
            series("preconditioned", spreads, preconditioned, points=True),
            theory("without the scaling", spreads, np.full(4, preconditioned[0])),
        ),
        caption="The scaling is gone, the rest of the condition number stays: this helps against "
        "units, not against rotated valleys.",
    )
    return all_of(
        [
            verdicts.equals(preconditioned, preconditioned[0], evidence.tolerance),
            verdicts.equals(gaps, 1.0, evidence.tolerance),
            verdicts.equals(
                *_steps(evidence.runs[100.0, "false"], evidence.runs[100.0, "true"]), ROUNDED
            ),
            verdicts.at_least(plain[-1], 1e5),
            verdicts.at_least(preconditioned[0], 10.0),
        ],
        plot=plot,
    )
