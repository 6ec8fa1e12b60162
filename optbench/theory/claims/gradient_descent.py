"""Gradient descent: x+ = x - eta grad f(x)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding
from optbench.theory.plot import Plot, series, theory
from optbench.theory.rates import gd_convex
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2

HORIZONS = (1, 2, 5, 10, 100, 1000)


def _huber_each(setting: Setting) -> Mapping[Key, RunSpec]:
    """One Huber function for each T: none is the worst for two of them."""
    return {T: setting.run(f"huber:T={T}", "gd:lr=1/L", steps=T) for T in HORIZONS} | {
        "fixed": setting.run("huber:T=10", "gd:lr=1/L", steps=1000)
    }


@claim(
    "GD-03",
    "After T steps gradient descent on a convex function is at worst L R^2/(4 T + 2) above the "
    "minimum, and for each T some function is.",
    formula=r"f(x_T) - f^* \leq \frac{L R^2}{2} \max\left(\frac{1}{2 h T + 1}, (1-h)^{2T}\right)",
    assumptions="f convex and L-smooth, h = L eta in (0, 2); here h = 1",
    source="Drori and Teboulle 2014, theorem 3.1 (h <= 1); Kim 2024, arXiv 2412.04427 (h < 2)",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_huber_each,
    headline="O(1/t), with the exact worst case",
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="On a convex smooth function every eta < 2/L converges to the minimum, "
            "within C/t.",
            ruling=Ruling.IMPRECISE,
            truth="C is known: the worst case after T steps is exactly L R^2/(4 T + 2) at eta = "
            "1/L. One fixed function is never the worst for every T: it is o(1/t).",
        ),
    ),
)
def gd_03(evidence: Evidence) -> Finding:
    """Run the Huber function of each T for T steps: the bound is attained."""
    steps = np.array(HORIZONS, dtype=np.float64)
    ends = np.array([evidence.runs[T].last("suboptimality") for T in HORIZONS])
    worst = gd_convex(steps, smoothness=1.0, radius=1.0, lr=1.0)
    fixed = evidence.runs["fixed"].curve
    every = fixed["step"][1:]
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("worst function of each T, after T steps", steps, ends, points=True),
            series("one of them, for all t", every, fixed["suboptimality"][1:]),
            theory("L R^2/(4 t + 2)", every, gd_convex(every, smoothness=1.0, radius=1.0, lr=1.0)),
        ),
        caption="Each point is another function, the worst for its T; a fixed function leaves the "
        "line and falls faster.",
    )
    return verdicts.equals(ends, worst, evidence.tolerance).drawn(plot)
