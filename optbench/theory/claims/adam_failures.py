"""Adam on linear losses in [-1, 1], where it can go to the worst point, and AMSGrad, which cannot.

Everywhere the learning rate falls like 1/sqrt t, as online learning asks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._shown import points_of, shown, steps_of, thinned
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, Series, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E1, Tolerance

REDDI = "online:gradients=3/-1/-1,start=1"
WRONG_WAY = "adam:lr=.5,beta1=0,beta2=.1,eps=0"
UNCORRECTED = "rmsprop:lr=.5,alpha=.1,eps=0"
"""Adam with b1 = 0 and without bias correction, as in the theorem."""

RIGHT_WAY = "amsgrad:lr=.5,beta1=0,beta2=.1,eps=0"
LONG_MEMORY = "adam:lr=.5,beta1=.9,beta2=.999"

STEPS = 6000


def _play(setting: Setting, optimizer: str, problem: str = REDDI, steps: int = STEPS) -> RunSpec:
    return setting.run(problem, optimizer, steps=steps, schedule="inverse_sqrt", points=True)


def average_regret(run: Run) -> Array:
    """Return the mean over t <= T of f_t(x_t) - f_t(-1), at T = 1, 2, ..., in one variable."""
    g, x = shown(run)[:, 0], points_of(run)[:-1, 0]
    regret: Array = np.cumsum(g * (x + 1)) / np.arange(1, len(g) + 1)
    return regret


def _drawn(label: str, run: Run) -> Series:
    at = thinned(len(run.curve["step"]) - 1)
    return series(label, at + 1, average_regret(run)[at])


@claim(
    "AD-08",
    "On Reddi's three linear losses Adam returns to the worst point after every period, for ever.",
    formula=r"f_t(x) = 3x, -x, -x, ... :\quad x_{3k+1} = 1,\quad \frac{R_T}{T} \to "
    r"\frac{2C - 4}{3} = \frac{2}{3}",
    assumptions="x in [-1, 1], C = 3, b1 = 0, b2 = 1/(1 + C^2), with bias correction or without, "
    "eta_t = .5/sqrt t, x_1 = 1; the best point is -1",
    source="Reddi, Kale and Kumar 2018, theorem 1",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(absolute=0.02, reason="points hang about 1, the closer the smaller eta_t"),
    rule="adam",
    runs=lambda setting: {
        "run": _play(setting, WRONG_WAY),
        "uncorrected": _play(setting, UNCORRECTED),
        "amsgrad": _play(setting, RIGHT_WAY),
        "adam": _play(setting, LONG_MEMORY),
    },
    headline="Adam on Reddi's problem goes to the worst point",
)
def ad_08(evidence: Evidence) -> Finding:
    """After each period x is 1, bit for bit, with bias correction or without."""
    run = evidence.runs["run"]
    regret = average_regret(run)
    plot = Plot(
        x_label="steps T",
        y_label="average regret R_T/T",
        x_scale="log",
        y_scale="log",
        series=(
            _drawn("Adam, b1 = 0, b2 = .1", run),
            _drawn("AMSGrad with the same b1 and b2", evidence.runs["amsgrad"]),
            _drawn("Adam, b1 = .9, b2 = .999", evidence.runs["adam"]),
            theory("always at x = 1: (2 C - 4)/3", [1, STEPS], [2 / 3, 2 / 3]),
        ),
        caption="Losses 3x, -x, -x in turn on [-1, 1]; the best point is -1. With a short memory "
        "the large gradient is divided by itself and counts no more than a small one.",
    )
    return all_of(
        [
            verdicts.equals(regret[-1], 2 / 3, evidence.tolerance),
            verdicts.equals(points_of(run)[::3], 1.0, E0),
            verdicts.equals(points_of(evidence.runs["uncorrected"])[::3], 1.0, E0),
        ],
        plot=plot,
    )


ARRIVED = Tolerance(absolute=0.02, reason="a period moves the point by about eta_t = .006 at last")


def _path(label: str, run: Run) -> Series:
    at = thinned(len(points_of(run)))
    return series(label, at + 1, points_of(run)[at, 0])


def _paths(runs: Mapping[Key, Run], caption: str, goal: float) -> Plot:
    end = max(len(points_of(run)) for run in runs.values())
    return Plot(
        x_label="steps t",
        y_label="x_t",
        x_scale="log",
        series=(
            *(_path(str(name), run) for name, run in runs.items()),
            theory(f"goes to {goal:g}", [1, end], [goal, goal]),
        ),
        caption=caption,
    )


@claim(
    "AD-09",
    "AMSGrad, which never forgets the largest gradient, finds the optimum of Reddi's problem.",
    formula=r"x_t \to -1,\quad \frac{R_T}{T} \to 0",
    assumptions="as AD-08, with the largest v so far; the maximum is taken before bias correction",
    source="Reddi, Kale and Kumar 2018, theorem 4",
    kind=Kind.RATE,
    tolerance=ARRIVED,
    rule="amsgrad",
    runs=lambda setting: {
        "AMSGrad": _play(setting, RIGHT_WAY),
        "jump": setting.run(
            "online:gradients=2/1,period=40,radius=0,start=0",
            "amsgrad:lr=1,beta1=0,beta2=.5,eps=0",
            steps=40,
            points=True,
        ),
    },
)
def ad_09(evidence: Evidence) -> Finding:
    """The last point and the average regret after 6000 steps.

    After a gradient of 2 the largest v, 2 for b2 = .5, divides all those of 1.
    """
    run = evidence.runs["AMSGrad"]
    t = np.arange(1, 41)
    kept = -np.where(t == 1, 2.0, 1.0) * np.sqrt((1 - 0.5**t) / 2)
    regret = average_regret(run)
    caption = "The same losses as for Adam: the large gradient keeps its weight in the maximum."
    return all_of(
        [
            verdicts.equals(points_of(run)[-1], -1.0, evidence.tolerance),
            verdicts.equals(regret[-1], 0.0, evidence.tolerance),
            verdicts.equals(steps_of(evidence.runs["jump"])[:, 0], kept, E1),
        ],
        plot=_paths({"AMSGrad": run}, caption, -1.0),
    )


@claim(
    "AD-10a",
    "With the usual (.9, .999) Adam solves Reddi's problem: its memory outlasts the period.",
    formula=r"\frac{1}{1 - \beta_2} = 1000 \gg 3:\quad x_t \to -1",
    assumptions="as AD-08, with b1 = .9, b2 = .999 and bias correction",
    source="Zhang et al. 2022, that a large b2 converges",
    kind=Kind.RATE,
    tolerance=ARRIVED,
    rule="adam",
    runs=lambda setting: {"Adam": _play(setting, LONG_MEMORY)},
)
def ad_10a(evidence: Evidence) -> Finding:
    """The last point and the average regret after 6000 steps."""
    run = evidence.runs["Adam"]
    caption = "What fails is not Adam but a memory shorter than the period of the losses."
    return all_of(
        [
            verdicts.equals(points_of(run)[-1], -1.0, evidence.tolerance),
            verdicts.equals(average_regret(run)[-1], 0.0, evidence.tolerance),
        ],
        plot=_paths(evidence.runs, caption, -1.0),
    )


RARE = "online:gradients=1010/-10,period=101,start=0"
PERIODS = 150
SLOW = Tolerance(absolute=0.1, reason="x_t drifts by eta_t/sqrt(v), and is not yet at the end")


def _rare(setting: Setting, rule: str) -> RunSpec:
    return _play(setting, f"{rule}:lr=.5,beta1=.9,beta2=.99", RARE, 101 * PERIODS)


def _means(run: Run) -> Array:
    """Return the mean point of each period."""
    means: Array = points_of(run)[:-1, 0].reshape(PERIODS, 101).mean(axis=1)
    return means


@claim(
    "AD-10b",
    "A rare large loss, 1010 x once in 101 steps and -10 x else, sends Adam with (.9, .99) to the "
    "worst point.",
    formula=r"\frac{1}{1 - \beta_2} = 100 < 101:\quad x_t \to +1,\quad x^* = -1",
    assumptions="x in [-1, 1], eta_t = .5/sqrt t, from 0; the mean gradient is 10/101 > 0",
    source="Reddi, Kale and Kumar 2018, section 5",
    kind=Kind.NEGATIVE,
    tolerance=SLOW,
    rule="adam",
    runs=lambda setting: {"Adam": _rare(setting, "adam")},
    long=True,
)
def ad_10b(evidence: Evidence) -> Finding:
    """The mean point of the last of 150 periods; the drift is upwards in every one after 20."""
    run = evidence.runs["Adam"]
    means = _means(run)
    caption = "The loss that matters comes once in 101 steps, when Adam has forgotten its size."
    return all_of(
        [
            verdicts.equals(means[-1], 1.0, evidence.tolerance),
            verdicts.holds(
                bool(np.all(np.diff(means[20:100]) > 0)), theory="rising", measured="not rising"
            ),
        ],
        plot=_paths(evidence.runs, caption, 1.0),
    )


@claim(
    "AD-10c",
    "AMSGrad goes to the best point of the rare large loss.",
    formula=r"x_t \to -1 = x^*",
    assumptions="as AD-10b",
    source="Reddi, Kale and Kumar 2018, section 5",
    kind=Kind.RATE,
    tolerance=SLOW,
    rule="amsgrad",
    runs=lambda setting: {"AMSGrad": _rare(setting, "amsgrad")},
    long=True,
)
def ad_10c(evidence: Evidence) -> Finding:
    """The mean point of the last of 150 periods; the drift is downwards in every one after 5."""
    means = _means(evidence.runs["AMSGrad"])
    caption = "With the maximum of v the rare loss keeps its weight, and the small ones are small."
    return all_of(
        [
            verdicts.equals(means[-1], -1.0, evidence.tolerance),
            verdicts.holds(
                bool(np.all(np.diff(means[5:]) < 0)), theory="falling", measured="not falling"
            ),
        ],
        plot=_paths(evidence.runs, caption, -1.0),
    )
