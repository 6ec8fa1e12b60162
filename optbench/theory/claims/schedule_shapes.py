"""Schedules with phases: 1cycle, warm-ups, warm-up-stable-decay, polynomials."""

from __future__ import annotations

import numpy as np

from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, claim
from optbench.theory.claims._schedules import rates_of, rise_and_fall, taken, under
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.tolerance import E0, E1, E2


@claim(
    "SC-05",
    "One cycle of 100 steps: .04 of the peak at step 0, the peak at 29, 4e-6 of it at step 99.",
    formula=r"\eta_0 = \frac{h}{25}, \quad \eta_{0.3 T - 1} = h, \quad \eta_{T-1} = "
    r"\frac{h}{25 \cdot 10^4}",
    assumptions="torch's form: two phases of half a cosine, 30 % rise, factors 25 and 1e4; T = 100",
    source="Smith and Topin 2018; torch.optim.lr_scheduler.OneCycleLR",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=under(
        {
            "own": "one_cycle:cycle_momentum=false",
            "torch": "torch.OneCycleLR:max_lr=1.0,total_steps=100,cycle_momentum=false",
        },
        steps=100,
    ),
)
def sc_05(evidence: Evidence) -> Finding:
    """Compare the three values, both phases, and torch's scheduler at every step that is taken."""
    rates = rates_of(evidence.runs["own"])
    t = np.arange(100.0)
    rise = 0.04 + 0.96 * (1 - np.cos(np.pi * t / 29)) / 2
    fall = 4e-6 + (1 - 4e-6) * (1 + np.cos(np.pi * (t - 29) / 70)) / 2
    expected = np.where(t <= 29, rise, fall)
    finding = all_of(
        [
            verdicts.equals(rates[[29, 0, 99]], [1.0, 0.04, 4e-6], evidence.tolerance),
            verdicts.holds(int(rates.argmax()) == 29, theory=29.0, measured=float(rates.argmax())),
            verdicts.equals(rates[:100], expected, E2),
            verdicts.equals(rates_of(evidence.runs["torch"])[:100], expected, E2),
            taken(evidence.runs["own"], rates),
        ]
    )
    caption = "Up in 30 steps, down in 70, to a 25e4th of the peak."
    return finding.drawn(rise_and_fall(t, ("1cycle", rates[:100], expected), caption=caption))


WIDTH, WARMUP = 5120, 400
PEAK = (WIDTH * WARMUP) ** -0.5
"""That of width 512 and 4000 steps, 6.98771e-4."""


@claim(
    "SC-06",
    "The transformer's learning rate peaks at (d w)^-1/2 at step w, and is half of it at w/2 and "
    "4 w.",
    formula=r"\eta_s = d^{-1/2} \min\left(s^{-1/2}, s \, w^{-3/2}\right)",
    assumptions="s = t + 1 counts from 1; here d w = 512 * 4000 with w = 400",
    source="Vaswani et al. 2017, equation 3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=under({"run": f"warmup_inverse_sqrt:warmup={WARMUP}"}, steps=4 * WARMUP, lr=PEAK),
)
def sc_06(evidence: Evidence) -> Finding:
    """Compare every learning rate with the printed formula, with its own d."""
    rates = rates_of(evidence.runs["run"])
    s = np.arange(1.0, len(rates) + 1)
    expected = WIDTH**-0.5 * np.minimum(s**-0.5, s * WARMUP**-1.5)
    marks = [WARMUP - 1, WARMUP // 2 - 1, 4 * WARMUP - 1]
    plot = Plot(
        x_label="step s",
        y_label="learning rate",
        x_scale="log",
        y_scale="log",
        series=(
            series("learning rate of the run", s[::5], rates[::5]),
            theory("d^-1/2 min(s^-1/2, s w^-3/2)", s[::5], expected[::5]),
        ),
        verticals=((float(WARMUP), "w"),),
        caption="Two straight lines on logarithmic axes, of slope 1 and -1/2.",
    )
    return all_of(
        [
            verdicts.equals(rates[marks], [PEAK, PEAK / 2, PEAK / 2], evidence.tolerance),
            verdicts.equals(round(float(rates[WARMUP - 1]), 9), 6.98771e-4, E1),
            verdicts.equals(rates, expected, evidence.tolerance),
        ],
        plot=plot,
    )


@claim(
    "SC-07a",
    "Warm-up, stable, decay: .5 at step 50, 1 from 100 to 800, at 900 one half or 1 - 1/sqrt 2, 0 "
    "at 1000.",
    formula=r"\eta_t = \frac{t}{w}; \; 1; \; 1 - p \; \mathrm{or} \; 1 - \sqrt{p}, \quad "
    r"p = \frac{t - 0.8 T}{0.2 T}",
    assumptions="T = 1000, w = 100, 20 % decay",
    source="Hu et al. 2024, section 4; Haegele et al. 2024",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=under(
        {shape: f"wsd:warmup=100,decay=.2,shape={shape}" for shape in ("linear", "sqrt")},
        steps=1000,
    ),
)
def sc_07a(evidence: Evidence) -> Finding:
    """Compare both shapes at every step."""
    t = np.arange(1001.0)
    part = np.clip((t - 800) / 200, 0, 1)
    expected = {
        shape: np.minimum(t / 100, 1 - fall)
        for shape, fall in (("linear", part), ("sqrt", np.sqrt(part)))
    }
    rates = {shape: rates_of(evidence.runs[shape]) for shape in expected}
    marks = [900, 50, 100, 450, 800, 1000]
    plot = rise_and_fall(
        t,
        *((shape, rates[shape], expected[shape]) for shape in expected),
        caption="A plateau that can be prolonged, and a short decay that pays off late.",
    )
    return all_of(
        [
            verdicts.equals(rates["linear"][marks], [0.5, 0.5, 1, 1, 1, 0], evidence.tolerance),
            verdicts.equals(rates["sqrt"][900], 1 - 0.5**0.5, evidence.tolerance),
            *(verdicts.equals(rates[shape], expected[shape], E2) for shape in expected),
            *(taken(evidence.runs[shape], rates[shape]) for shape in expected),
        ],
        plot=plot,
    )


RISING = ("warmup_cosine", "warmup_linear", "wsd")


@claim(
    "SC-07b",
    "A warm-up of w steps ends at exactly the peak, of 0 steps it is absent, of T steps it is all.",
    formula=r"\eta_w = \eta, \quad w = 0: \eta_0 = \eta, \quad w = T: \eta_t = \frac{t}{T} \eta",
    assumptions="a floor of .1 behind the end; here T = 80 in runs of 100 steps, w = 0, 7 and 80",
    source="the formulas at their edges",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="gd",
    runs=under(
        {(name, w): f"{name}:warmup={w},steps=80,end=.1" for name in RISING for w in (0, 7, 80)},
        steps=100,
    ),
)
def sc_07b(evidence: Evidence) -> Finding:
    """Look at the edges of three schedules: no division by 0, no gap, no climb behind the end."""
    findings = []
    for name in RISING:
        none, some, all_of_it = (rates_of(evidence.runs[name, w]) for w in (0, 7, 80))
        findings += [
            verdicts.equals([none[0], some[7]], 1.0, evidence.tolerance),
            verdicts.equals(some[:8], np.arange(8) / 7, evidence.tolerance),
            verdicts.equals(all_of_it[:80], np.arange(80) / 80, evidence.tolerance),
            verdicts.equals(none[80:], 0.1, E1),
            verdicts.equals(some[80:], 0.1, E1),
        ]
    return all_of(findings)


@claim(
    "SC-08",
    "Polynomial decay of power 2 to .1: 1, .325, .1, and .1 behind its end.",
    formula=r"\eta_t = (\eta_0 - \eta_1)\left(1 - \frac{\min(t, T)}{T}\right)^p + \eta_1",
    assumptions="p = 2, at t = 0, T/2, T and 3 T/2; here T = 100",
    source="Liu, Rabinovich and Berg 2015, section 3.3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=under({"run": "polynomial:power=2,end=.1,steps=100"}, steps=150),
)
def sc_08(evidence: Evidence) -> Finding:
    """Compare the four values and all between."""
    rates = rates_of(evidence.runs["run"])
    t = np.arange(151.0)
    expected = 0.9 * (1 - np.minimum(t, 100) / 100) ** 2 + 0.1
    plot = rise_and_fall(
        t, ("p = 2", rates, expected), caption="A parabola down to its floor, and then the floor."
    )
    return all_of(
        [
            verdicts.equals(rates[[50, 0, 100, 150]], [0.325, 1, 0.1, 0.1], evidence.tolerance),
            verdicts.equals(rates, expected, evidence.tolerance),
            taken(evidence.runs["run"], expected),
        ],
        plot=plot,
    )
