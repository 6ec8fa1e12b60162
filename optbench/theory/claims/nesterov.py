"""Nesterov's method: its forms, its guarantees on convex functions, and who attains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from optbench.core.spec import RunSpec
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

FUNCTION = "log_sum_exp:columns=5,rows=20"
LR, BETA, STEPS = 0.1, 0.8, 60
TEXTS = {
    "two sequences": f"nesterov_strongly_convex:lr={LR},beta={BETA}",
    "look-ahead": f"nesterov:lr={LR},beta={BETA}",
    "torch": f"torch.SGD:lr={LR},momentum={BETA},nesterov=true",
}
FORMS = Tolerance(absolute=1e-13, reason="60 steps of points of size 1 in another order")


def _forms(*names: str) -> Callable[[Setting], Mapping[Key, RunSpec]]:
    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {
            name: setting.run(FUNCTION, TEXTS[name], steps=STEPS, points=True) for name in names
        }

    return runs


def _points(evidence: Evidence, key: Key) -> np.ndarray:
    points = evidence.runs[key].points
    assert points is not None
    return points


def _look_ahead(x: np.ndarray) -> np.ndarray:
    """Return y_t = x_t + beta (x_t - x_(t-1)), x_(-1) = x_0, of a run's points."""
    before = np.concatenate([x[:1], x[:-1]])
    y: np.ndarray = x + BETA * (x - before)
    return y


def _overlay(first: str, x: np.ndarray, second: str, expected: np.ndarray, caption: str) -> Plot:
    t = np.arange(len(x))
    parts = [
        part
        for i in range(2)
        for part in (
            series(f"{first}, coordinate {i + 1}", t, x[:, i], points=True),
            theory(f"{second}, coordinate {i + 1}", t, expected[:, i]),
        )
    ]
    return Plot(x_label="steps t", y_label="coordinates", series=tuple(parts), caption=caption)


@claim(
    "NAG-01a",
    "Nesterov's two sequences are momentum with the gradient at the look-ahead point x - eta beta "
    "m.",
    formula=r"m_{t+1} = \beta m_t + \nabla f(x_t - \eta \beta m_t), \quad "
    r"x_{t+1} = x_t - \eta m_{t+1}",
    assumptions="any f; y = x + beta (x - x_prev), x+ = y - eta grad f(y)",
    source="Sutskever, Martens, Dahl and Hinton 2013, section 2",
    kind=Kind.IDENTITY,
    tolerance=FORMS,
    rule="nesterov_strongly_convex",
    runs=_forms("two sequences"),
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Nesterov's momentum takes the gradient at the look-ahead point x - eta beta "
            "m.",
            ruling=Ruling.OK,
            truth="It is the form with two sequences, x and y = x - eta beta m. torch's SGD with "
            "nesterov=True holds y: the loss it logs is f(y_t), not f(x_t).",
        ),
    ),
)
def nag_01a(evidence: Evidence) -> Finding:
    """Put the points into the look-ahead equation, with the gradients of the function itself."""
    run = evidence.runs["two sequences"]
    x = _points(evidence, "two sequences")
    before = np.concatenate([x[:1], x[:-1]])
    m = (before - x) / LR
    problem = build_problem(run.spec.problem)
    ahead = torch.from_numpy(x - LR * BETA * m)
    gradients = problem.oracle(ahead)[1].numpy()
    expected = x[:-1] - LR * (BETA * m[:-1] + gradients[:-1])
    caption = "Both forms are one trajectory."
    plot = _overlay("two sequences", x[1:], "look-ahead equation", expected, caption)
    return verdicts.equals(x[1:], expected, evidence.tolerance).drawn(plot)


@claim(
    "NAG-01b",
    "The rule that stores the look-ahead point runs through the y_t of the two sequences.",
    formula=r"y_t = x_t + \beta (x_t - x_{t-1})",
    assumptions="any f, the same eta and beta, m_0 = 0",
    source="Sutskever, Martens, Dahl and Hinton 2013, section 2",
    kind=Kind.IDENTITY,
    tolerance=FORMS,
    rule="nesterov",
    runs=_forms("look-ahead", "two sequences"),
)
def nag_01b(evidence: Evidence) -> Finding:
    """Compare the trajectories."""
    y, expected = _points(evidence, "look-ahead"), _look_ahead(_points(evidence, "two sequences"))
    plot = _overlay("stored", y, "y_t", expected, "What is stored is y, not x.")
    return verdicts.equals(y, expected, evidence.tolerance).drawn(plot)


@claim(
    "NAG-01c",
    "With nesterov=True torch keeps the look-ahead point y_t in its parameters.",
    formula=r"\mathrm{param}_t = y_t = x_t + \beta (x_t - x_{t-1})",
    assumptions="any f; torch.optim.SGD with momentum, without dampening",
    source="documentation of torch.optim.SGD; Sutskever, Martens, Dahl and Hinton 2013",
    kind=Kind.IDENTITY,
    tolerance=FORMS,
    rule="torch.SGD",
    runs=_forms("torch", "two sequences"),
)
def nag_01c(evidence: Evidence) -> Finding:
    """Compare the parameters with y_t, and see that they are not x_t."""
    x = _points(evidence, "two sequences")
    held, y = _points(evidence, "torch"), _look_ahead(x)
    plot = _overlay("torch's parameter", held, "y_t", y, "A loss logged by torch is f(y_t).")
    other = quoted("x_t, coordinate 1, which it is not", np.arange(len(x)), x[:, 0])
    plot = replace(plot, series=(*plot.series, other))
    apart = float(np.abs(held - x).max())
    return all_of(
        [
            verdicts.equals(held, y, evidence.tolerance),
            verdicts.holds(apart > 1e-3, theory="y, not x", measured=apart),
        ],
        plot=plot,
    )
