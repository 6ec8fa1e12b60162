"""Convex problems of several kinds, and runs of gradient descent on them that claims share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory.claim import Key, Runs
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting

CONVEX = {
    "log-sum-exp": "log_sum_exp:rows=60,columns=10",
    "Huber": "huber:T=50",
    "sqrt(1 + x^2)": "pseudo_huber:start=2",
    "least squares, 10 x 20": "least_squares:rows=10,columns=20",
    "quadratic, kappa = 1e4": "quadratic:dim=50,kappa=1e4,spectrum=power",
}
"""By the name that figures show. L is known, a minimiser exists, none is strongly convex enough."""

STEPS = 200
UP_TO_ONE = (0.25, 0.5, 1.0)
UP_TO_TWO = (*UP_TO_ONE, 1.5, 1.9)
"""Normalised learning rates h = L eta."""


def on_convex(steps_h: tuple[float, ...]) -> Runs:
    """Name a run on each convex problem at each h, under the key (problem, h)."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {
            (name, h): setting.run(problem, f"gd:lr={h}/L", steps=STEPS)
            for name, problem in CONVEX.items()
            for h in steps_h
        }

    return runs


def each(runs: Mapping[Key, Run]) -> Iterator[tuple[str, float, float, float, Run]]:
    """Yield problem, h, L, R and run of what `on_convex` named."""
    for key, run in runs.items():
        assert isinstance(key, tuple)
        L, R = run.facts["smoothness"], run.facts["radius"]
        assert L is not None
        assert R is not None
        yield str(key[0]), float(key[1]), float(L), float(R), run


Ratio = Callable[[float, float, float, Run], Array]
"""h, L, R and a run to value over bound at its steps."""


def drawn_ratios(runs: Mapping[Key, Run], ratio: Ratio, label: str, caption: str) -> Plot:
    """Draw value over bound against t, the largest over h for each problem; the bound is 1."""
    largest: dict[str, Array] = {}
    for name, h, L, R, run in each(runs):
        found = ratio(h, L, R, run)
        largest[name] = np.maximum(largest.get(name, found), found)
    t = np.arange(1, STEPS + 1)
    lines = []
    for name, values in largest.items():
        shown = values[-STEPS:] > 1e-4  # smaller shares would hide the others
        lines.append(series(name, t[shown], values[-STEPS:][shown]))
    return Plot(
        x_label="steps t",
        y_label=label,
        x_scale="log",
        y_scale="log",
        series=(*lines, theory("the bound", [1, STEPS], [1, 1])),
        caption=caption,
    )
