"""Runs under schedules that claims share, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Key, Runs
from optbench.theory.claims._shown import steps_of
from optbench.theory.finding import Finding
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

SLOPE = "online:gradients=1,radius=0,start=0"
"""A gradient of 1 for ever: the points are minus the sums of the learning rates."""


def under(schedules: Mapping[Key, str], *, steps: int, lr: float = 1.0) -> Runs:
    """Name a run of gradient descent down a slope of 1 under each schedule."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {
            key: setting.run(SLOPE, f"gd:lr={lr!r}", steps=steps, schedule=text, points=True)
            for key, text in schedules.items()
        }

    return runs


def rates_of(run: Run) -> Array:
    """Return the learning rates of the steps 0 to T."""
    return np.asarray(run.curve["lr"])


def taken(run: Run, expected: Array) -> Finding:
    """Judge the steps that were taken: each is as long as its learning rate."""
    rounded = Tolerance(absolute=1e-12, reason="steps are differences of points up to 1000")
    return verdicts.equals(-steps_of(run)[:, 0], expected[:-1], rounded)


def rise_and_fall(t: Array, *lines: tuple[str, Array, Array], caption: str) -> Plot:
    """Draw learning rates over the largest against t, dashed what the formula says."""
    thin = slice(None, None, max(1, len(t) // 200))
    drawn = []
    for label, found, expected in lines:
        top = expected.max()
        drawn.append(series(label, t[thin], found[thin] / top))
        drawn.append(theory(f"formula, {label}", t[thin], expected[thin] / top))
    return Plot(
        x_label="steps t",
        y_label="learning rate over its peak",
        series=tuple(drawn),
        caption=caption,
    )
