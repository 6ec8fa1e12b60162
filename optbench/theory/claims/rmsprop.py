"""RMSProp: v+ = a v + (1 - a) g^2, x+ = x - eta g / sqrt(v+)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import constant, points_of, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, Tolerance

ADAM = "adam:lr=1,beta1=0,beta2=.99,eps=0"
RMSPROP = "rmsprop:lr=1,alpha=.99,eps=0"


def _on_random(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "online:gradients=random,dim=20,period=100,radius=0,start=" + "/".join(["0"] * 20)
    return {
        name: setting.run(problem, text, steps=100, points=True)
        for name, text in (("rmsprop", RMSPROP), ("adam", ADAM))
    }


@claim(
    "RP-01a",
    "A step of RMSProp is Adam's with b1 = 0, divided by sqrt(1 - b2^t): no bias is corrected.",
    formula=r"\Delta_t^{\mathrm{RMSProp}} = \frac{\Delta_t^{\mathrm{Adam}}}{\sqrt{1 - \beta_2^t}}",
    assumptions="eps = 0, alpha = b2; any gradients, here with heavy tails",
    source="Tieleman and Hinton 2012, lecture 6e; Kingma and Ba 2015, section 5",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(
        relative=1e-12, absolute=1e-13, reason="a step is a difference of points of size 10"
    ),
    rule="rmsprop",
    runs=_on_random,
)
def rp_01a(evidence: Evidence) -> Finding:
    """Compare a hundred steps under gradients that both are shown."""
    rmsprop, adam = (steps_of(evidence.runs[name]) for name in ("rmsprop", "adam"))
    t = np.arange(1, 101)
    expected = adam / np.sqrt(1 - 0.99 ** t[:, None])
    order = np.argsort(np.abs(expected[:, 0]))
    plot = Plot(
        x_label="Adam's step / sqrt(1 - b2^t)",
        y_label="RMSProp's step",
        series=(
            series("a hundred steps", expected[:, 0], rmsprop[:, 0], points=True),
            theory("equal", expected[order, 0], expected[order, 0]),
        ),
        caption="One coordinate of twenty; the longest steps are the first ones.",
    )
    return verdicts.equals(rmsprop, expected, evidence.tolerance).drawn(plot)


def _under_one(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        name: setting.run(constant(1.0), text, steps=300, points=True)
        for name, text in (("rmsprop", RMSPROP), ("adam", ADAM))
    }


@claim(
    "RP-01b",
    "RMSProp's first steps are 10, 7.09, 5.80 times eta under a constant gradient, not eta.",
    formula=r"|\Delta_t| = \frac{\eta}{\sqrt{1 - \alpha^t}},\quad |\Delta_1| = 10\, \eta",
    assumptions="constant gradient, alpha = .99, eps = 0",
    source="Tieleman and Hinton 2012, lecture 6e, which has no bias correction",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="rmsprop",
    runs=_under_one,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="RMSProp is Adam's normalisation by the second moment, without momentum.",
            ruling=Ruling.IMPRECISE,
            truth="And without bias correction: the first step is 10 eta for alpha = .99, where "
            "Adam's is eta. The difference takes some 300 steps to fade.",
        ),
    ),
)
def rp_01b(evidence: Evidence) -> Finding:
    """Compare with the closed form; Adam without momentum takes its first step a tenth as long."""
    rmsprop, adam = (-steps_of(evidence.runs[name])[:, 0] for name in ("rmsprop", "adam"))
    t = np.arange(1, 301)
    plot = Plot(
        x_label="steps t",
        y_label="step / eta",
        x_scale="log",
        y_scale="log",
        series=(
            series("RMSProp", t, rmsprop, points=True),
            theory("1/sqrt(1 - alpha^t)", t, 1 / np.sqrt(1 - 0.99**t)),
            quoted("Adam without momentum", t, adam),
        ),
        caption="The second moment starts at zero; RMSProp divides by it as it is.",
    )
    first = Tolerance(absolute=5e-5, reason="the digits that are printed")
    return all_of(
        [
            verdicts.equals(rmsprop[0], 10.0, evidence.tolerance),
            verdicts.equals(rmsprop[1:3], [7.0888, 5.8025], first),
            verdicts.equals(
                points_of(evidence.runs["rmsprop"])[1:, 0],
                -np.cumsum(1 / np.sqrt(1 - 0.99**t)),
                evidence.tolerance,
            ),
            verdicts.equals(adam[0], 1.0, evidence.tolerance),
        ],
        plot=plot,
    )
