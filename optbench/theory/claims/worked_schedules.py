"""Schedules that introductions print with numbers: warm-up and cosine, step decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np

from optbench.core.parameters import Param
from optbench.core.run import Run
from optbench.core.spec import RunSpec, parse_one
from optbench.schedules.find import factors_of
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E1, E2

PEAK = 1e-3
LONG, LONG_WARMUP = 100_000, 5000
SHORT = 1000
"""Steps of the run: the schedule depends on t/T and w/T alone, so a hundredth shows the same."""

QUOTED_STEPS = np.array([1000, 5000, 50_000, 52_500, 100_000])


def unclamped(
    t: np.ndarray,
    horizon: int,
    *,
    warmup: Annotated[int, Param("steps w of the warm-up", low=1)] = 1000,
    total: Annotated[int, Param("steps T that it is made for", low=1)] = 100_000,
) -> np.ndarray:
    """Warm-up and cosine as a tutorial prints it: t/w, then the cosine for ever.

    (1 + cos(pi (t - w)/(T - w)))/2 for t >= w, behind T as well, where it climbs again.
    """
    del horizon
    part = (t - warmup) / (total - warmup)
    return np.where(t < warmup, t / warmup, (1 + np.cos(np.pi * part)) / 2)


UNCLAMPED = f"{__name__}:unclamped"


def _warmup_cosine(setting: Setting) -> Mapping[Key, RunSpec]:
    schedule = f"warmup_cosine:warmup={LONG_WARMUP * SHORT // LONG}"
    return {"run": setting.run("parabola", f"gd:lr={PEAK}", steps=SHORT, schedule=schedule)}


def _expected(t: np.ndarray, w: float, T: float) -> np.ndarray:
    """Return the learning rates of warm-up and cosine from the formula, one by one."""
    risen = PEAK * (1 + np.cos(np.pi * (t - w) / (T - w))) / 2
    return np.where(t < w, PEAK * t / w, risen)


def _drawn(finding: Finding, run: Run, caption: str) -> Finding:
    t = run.curve["step"] / SHORT
    every = slice(None, None, 5)
    plot = Plot(
        x_label="t/T",
        y_label="learning rate, in 1e-3",
        series=(
            series("learning rate of the run", t[every], 1e3 * run.curve["lr"][every]),
            theory("formula", t[every], 1e3 * _expected(t, 0.05, 1)[every]),
        ),
        verticals=((0.05, "w"),),
        caption=caption,
    )
    return finding.drawn(plot)


@claim(
    "S-06a",
    "Warm-up over 5000 of 1e5 steps, then cosine: 2e-4, 1e-3, 5.4129e-4, 5e-4 and 0.",
    formula=r"\eta_t = \frac{\eta}{2} \left(1 + \cos \frac{\pi (t - w)}{T - w}\right), \; t \geq w",
    assumptions="T = 1e5, w = 5000, peak 1e-3, at steps 1000, 5000, 50000, 52500 and 1e5",
    source="Loshchilov and Hutter 2017, equation 5; Goyal et al. 2017 for the warm-up",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_warmup_cosine,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Warm-up takes 1 to 10 % of the steps.",
            ruling=Ruling.OK,
            truth="A custom, not a theorem; the worked example has 5 %.",
        ),
    ),
)
def s_06a(evidence: Evidence) -> Finding:
    """Work out all 1e5 steps, and run a thousand that have the same factors."""
    run = evidence.runs["run"]
    schedule = parse_one(f"warmup_cosine:warmup={LONG_WARMUP}")
    rates = PEAK * factors_of(schedule, LONG).lr[QUOTED_STEPS]
    exact = [2e-4, 1e-3, 5.412896726895289e-4, 5e-4, 0.0]
    order = [2, 0, 1, 3, 4]
    rounded = f"{rates[2] / PEAK:.3f}" == "0.541" and f"{rates[2]:.1e}" == "5.4e-04"
    printed = verdicts.holds(rounded, theory="5.4e-4, .541 of the peak", measured=rates[2])
    seen = run.curve["lr"]
    return _drawn(
        all_of(
            [
                verdicts.equals(rates[order], np.array(exact)[order], evidence.tolerance),
                verdicts.equals(seen[QUOTED_STEPS // 100], exact, evidence.tolerance),
                verdicts.equals(seen, _expected(run.curve["step"], 50, SHORT), evidence.tolerance),
                printed,
            ]
        ),
        run,
        "The cosine starts at 1 at the end of the warm-up and reaches exactly 0 at T.",
    )


@claim(
    "S-06b",
    "Step 50000 of those 1e5 is 47.4 % of the cosine; its half is step 52500.",
    formula=r"\frac{50000 - w}{T - w} = 0.4737, \quad \eta_{52500} = \frac{\eta}{2}",
    assumptions="T = 1e5, w = 5000, peak 1e-3",
    source="Loshchilov and Hutter 2017, equation 5; Goyal et al. 2017 for the warm-up",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_warmup_cosine,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Warm-up of 5000 in 1e5 steps: 2e-4, 1e-3, 5.4e-4 and 0 at steps 1000, 5000, "
            "50000 and 100000, the third halfway through the cosine.",
            ruling=Ruling.IMPRECISE,
            truth="The values are right (5.412896727e-4), the place is not: step 50000 is 47.4 % "
            "of the cosine phase. Halfway is step 52500, at 5e-4.",
        ),
    ),
)
def s_06b(evidence: Evidence) -> Finding:
    """Find where the run's learning rate is half of its peak, and where the quoted step lies."""
    run = evidence.runs["run"]
    t, rate = run.curve["step"], run.curve["lr"]
    # Falls after the peak, so that the reversed arrays rise as numpy.interp wants them to.
    half = np.interp(PEAK / 2, rate[:49:-1], t[:49:-1]) * LONG / SHORT
    angle = np.arccos(2 * rate[500] / PEAK - 1) / np.pi
    finding = all_of(
        [
            verdicts.equals(half, 52_500.0, evidence.tolerance),
            verdicts.equals(angle, 45 / 95, evidence.tolerance),
            verdicts.holds(rate[500] > 1.08 * rate[525], theory="not half", measured=rate[500]),
        ]
    )
    near = slice(450, 571, 5)
    line = np.arange(45.0, 57.1, 0.1)
    plot = Plot(
        x_label="thousands of steps, T = 100",
        y_label="learning rate over its peak",
        series=(
            series("the run", t[near] / 10, rate[near] / PEAK, points=True),
            theory("(1 + cos(pi (t - w)/(T - w)))/2", line, _expected(line, 5.0, 100) / PEAK),
            quoted("half of the cosine is over, it says", [50.0, 50.0], [0.43, 0.62]),
        ),
        verticals=((52.5, "half of the cosine"),),
        caption="At T/2 the cosine is not yet half over: it began at w = 5 thousand.",
    )
    return finding.drawn(plot)


def _two_warmups(setting: Setting) -> Mapping[Key, RunSpec]:
    def run(schedule: str) -> RunSpec:
        return setting.run("parabola", f"gd:lr={PEAK}", steps=1990, schedule=schedule, points=True)

    return {
        "printed": run(f"{UNCLAMPED}:warmup=10,total=1000"),
        "clamped": run("warmup_cosine:warmup=10,steps=1000"),
    }


@claim(
    "S-07a",
    "A warm-up of t/w has the factor 0 at step 0: the first update does nothing.",
    formula=r"\eta_0 = 0 \;\Rightarrow\; x_1 = x_0",
    assumptions="factor t/w for t < w, t counted from 0",
    source="the schedule's own formula",
    kind=Kind.NEGATIVE,
    tolerance=E0,
    rule="gd",
    runs=_two_warmups,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Warm-up takes about 1000 steps.",
            ruling=Ruling.OK,
            truth="A custom, not a theorem; of t/w the first of them is lost.",
        ),
    ),
)
def s_07a(evidence: Evidence) -> Finding:
    """Look at the first two points of the printed schedule and of the harness's own."""
    findings = []
    for run in evidence.runs.values():
        assert run.points is not None
        moved = np.abs(np.diff(run.points[:, 0]))
        findings.append(verdicts.equals(moved[0], 0.0, evidence.tolerance))
        findings.append(verdicts.holds(moved[1] > 0, theory="moves", measured=float(moved[1])))
    first = evidence.runs["printed"].curve
    few = slice(0, 15)
    plot = Plot(
        x_label="steps t",
        y_label="learning rate over its peak",
        series=(
            series("factor in the run", first["step"][few], first["lr"][few] / PEAK, points=True),
            theory("t/10", np.arange(11), np.arange(11) / 10),
        ),
        caption="The first of the ten steps of the warm-up has the factor 0 and is wasted.",
    )
    return all_of(findings, plot=plot)


@claim(
    "S-07b",
    "A cosine without a clamp climbs again behind its end: to its peak at step 199000.",
    formula=r"f(t) = \frac{1}{2} \left(1 + \cos \frac{\pi (t - w)}{T - w}\right), \quad "
    r"f(2T - w) = 1",
    assumptions="T = 1e5, w = 1000; the run has a hundredth of each",
    source="the schedule's own formula",
    kind=Kind.NEGATIVE,
    tolerance=E1,
    rule="gd",
    runs=_two_warmups,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="A lambda for LambdaLR: step/warmup, then (1 + cos(pi progress))/2.",
            ruling=Ruling.BUG,
            truth="The factor is 0 at step 0, so the first update does nothing; and progress is "
            "not kept below 1, so behind the end the rate climbs, back to its peak at 199000.",
        ),
    ),
)
def s_07b(evidence: Evidence) -> Finding:
    """Work out the printed schedule, run a hundredth of it, and the clamped one beside it."""
    steps = [199_000, 0, 999, 1000, 100_000]
    factors = factors_of(parse_one(UNCLAMPED), 199_000).lr[steps]
    printed, clamped = (evidence.runs[key].curve for key in ("printed", "clamped"))
    t = printed["step"]
    plot = Plot(
        x_label="steps t",
        y_label="learning rate over its peak",
        series=(
            series("with a clamp", t[::10], clamped["lr"][::10] / PEAK),
            theory("0 from T on", [1000, 1990], [0, 0]),
            quoted("as printed", t[::10], printed["lr"][::10] / PEAK),
        ),
        verticals=((1000.0, "T"),),
        caption="The cosine knows no end: a run that goes on gets its largest learning rate back.",
    )
    return all_of(
        [
            verdicts.equals(factors, [1.0, 0.0, 0.999, 1.0, 0.0], evidence.tolerance),
            verdicts.equals(printed["lr"][[0, 9, 10, 1000, 1990]] / PEAK, [0, 0.9, 1, 0, 1], E1),
            verdicts.equals(clamped["lr"][1000:], 0.0, E0),
            verdicts.equals(clamped["lr"][:1000], printed["lr"][:1000], E1),
        ],
        plot=plot,
    )


@claim(
    "S-09",
    "Step decay by ten every 30 epochs gives .1, .01 and .001.",
    formula=r"\eta_e = 0.1 \cdot 10^{-\lfloor e/30 \rfloor}",
    assumptions="90 epochs, counted from 0; a step stands for an epoch",
    source="He et al. 2016, section 3.4",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=lambda setting: {
        "run": setting.run(
            "parabola", "gd:lr=.1", steps=90, schedule="step:step_size=30", points=True
        )
    },
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Step decay: .1, .01, .001, for 30 epochs each.",
            ruling=Ruling.OK,
            truth="The rate falls at epochs 30 and 60, counted from 0.",
        ),
    ),
)
def s_09(evidence: Evidence) -> Finding:
    """Compare the rates, and the points that they lead to: each step is taken at its own rate."""
    run = evidence.runs["run"]
    assert run.points is not None
    epoch = run.curve["step"][:90]
    rates, expected = run.curve["lr"][:90], np.repeat([0.1, 0.01, 0.001], 30)
    stages = [30, 0, 60]
    taken = 1 - run.points[1:, 0] / run.points[:-1, 0]
    plot = Plot(
        x_label="epoch",
        y_label="learning rate",
        y_scale="log",
        series=(
            series("learning rate of the run", epoch, rates, points=True),
            theory(".1 * 10^-floor(e/30)", epoch, expected),
        ),
        caption="Three stages, each a tenth of the one before.",
    )
    return all_of(
        [
            verdicts.equals(rates[stages], expected[stages], evidence.tolerance),
            verdicts.equals(rates, expected, evidence.tolerance),
            verdicts.equals(taken, 2 * expected, evidence.tolerance),
        ],
        plot=plot,
    )
