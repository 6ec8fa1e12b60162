"""Schedules: what their formulas say of single steps, and what a run does with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._schedules import rates_of, rise_and_fall, taken, under
from optbench.theory.claims._shown import points_of, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array
from optbench.theory.tolerance import E0, E1, E2, Tolerance, asymptotic


@claim(
    "SC-00",
    "Under the constant schedule every step has the same learning rate.",
    formula=r"\eta_t = \eta",
    assumptions="none",
    source="the definition",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="gd",
    runs=under({"run": "constant"}, steps=100, lr=0.25),
)
def sc_00(evidence: Evidence) -> Finding:
    """Compare all learning rates, and the points, multiples of a quarter."""
    run = evidence.runs["run"]
    return all_of(
        [
            verdicts.equals(rates_of(run), 0.25, evidence.tolerance),
            verdicts.equals(points_of(run)[:, 0], -0.25 * np.arange(101), evidence.tolerance),
        ]
    )


T, PEAK, LOW = 1000, 1.0, 0.1
ROUNDED = Tolerance(absolute=1e-15, reason="a few roundings of numbers up to 1")


def _cosine(t: Array, T: float) -> Array:
    return np.asarray((1 + np.cos(np.pi * t / T)) / 2)


@claim(
    "SC-01",
    "The cosine schedule is symmetric, falls all the way, and sums to (T + 1)/2 of its peak; its "
    "last step is not 0.",
    formula=r"\eta_t = \eta_{\min} + (\eta_{\max} - \eta_{\min}) \frac{1 + \cos(\pi t/T)}{2}, "
    r"\quad \sum_t \eta_t = \frac{T + 1}{2} \eta_{\max} \; (\eta_{\min} = 0)",
    assumptions="t = 0, ..., T - 1 are applied; here T = 1000, with the floors 0 and .1",
    source="Loshchilov and Hutter 2017, equation 5",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=under({0.0: "cosine", LOW: f"cosine:end={LOW}"}, steps=T),
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Cosine decay follows eta_min + (eta_max - eta_min)(1 + cos(pi t/T))/2.",
            ruling=Ruling.OK,
            truth="It ends at eta_min at t = T. The last step that is applied, t = T - 1, is not "
            "there yet: with eta_min = 0 it has (1 + cos(pi (T - 1)/T))/2, about (pi/(2 T))^2.",
        ),
    ),
)
def sc_01(evidence: Evidence) -> Finding:
    """Compare every learning rate with the formula, the sum with the distance that was gone."""
    findings = []
    t = np.arange(T + 1.0)
    for low in (LOW, 0.0):
        run, expected = evidence.runs[low], low + (PEAK - low) * _cosine(t, T)
        rates = rates_of(run)
        findings += [
            verdicts.equals(rates, expected, ROUNDED),
            verdicts.equals(rates + rates[::-1], PEAK + low, evidence.tolerance),
            verdicts.holds(bool((np.diff(rates) < 0).all()), theory="falls", measured="rises"),
            taken(run, expected),
        ]
    gone = -points_of(evidence.runs[0.0])[-1, 0]
    last = rates_of(evidence.runs[0.0])[T - 1]
    findings = [verdicts.equals(gone, (T + 1) / 2, evidence.tolerance), *findings]
    small = asymptotic(1e-5, "the next term of the cosine is (pi/T)^2/12 of it")
    findings.append(verdicts.equals(last, (np.pi / (2 * T)) ** 2, small))
    plot = rise_and_fall(
        t,
        ("floor 0", rates_of(evidence.runs[0.0]), _cosine(t, T)),
        ("floor .1", rates_of(evidence.runs[LOW]), LOW + (1 - LOW) * _cosine(t, T)),
        caption="Half of the peak at half of the steps; flat at both ends.",
    )
    return all_of(findings, plot=plot)


@claim(
    "SC-02",
    "Linear decay goes as far as the cosine, (T + 1)/2 peaks, with a smaller sum of squares: 1/3 "
    "against 3/8.",
    formula=r"\sum_t \left(1 - \frac{t}{T}\right) = \frac{T + 1}{2}, \quad "
    r"\frac{1}{T} \sum_t \eta_t^2 \rightarrow \frac{1}{3} \; \mathrm{and} \; \frac{3}{8}",
    assumptions="t = 0, ..., T - 1; here T = 1000",
    source="sums of powers and of cosines",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=under({"linear": "linear", "cosine": "cosine"}, steps=T),
)
def sc_02(evidence: Evidence) -> Finding:
    """Compare the distances, and the sums of squares with (T + 1)(2 T + 1)/(6 T) and 3 T/8 + 1/2.

    Sums of squares are what noise adds up to, sums what is gone against the gradient.
    """
    t = np.arange(T + 1.0)
    linear, cosine = (rates_of(evidence.runs[key]) for key in ("linear", "cosine"))
    gone = [-points_of(evidence.runs[key])[-1, 0] for key in ("linear", "cosine")]
    squares = [np.square(steps_of(evidence.runs[key])).mean() for key in ("linear", "cosine")]
    plot = rise_and_fall(
        t,
        ("linear", linear, 1 - t / T),
        ("cosine", cosine, _cosine(t, T)),
        caption="Equal areas; the cosine is longer near its peak.",
    )
    return all_of(
        [
            verdicts.equals(gone, (T + 1) / 2, evidence.tolerance),
            verdicts.equals(linear, np.maximum(1 - t / T, 0), E1),
            verdicts.equals(
                squares,
                [(T + 1) * (2 * T + 1) / (6 * T**2), 3 / 8 + 1 / (2 * T)],
                evidence.tolerance,
            ),
        ],
        plot=plot,
    )


@claim(
    "SC-03",
    "The cosine of torch, a recurrence, is the formula up to T and climbs again behind it.",
    formula=r"\frac{\eta_k}{\eta_{k-1}} = \frac{1 + \cos(\pi k/T)}{1 + \cos(\pi (k-1)/T)}",
    assumptions="minimum 0, k <= T; here T = 500, and 1000 steps",
    source="torch.optim.lr_scheduler.CosineAnnealingLR",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-9, reason="500 factors, of which the last are nearly 0/0"),
    rule="gd",
    runs=under(
        {"torch": "torch.CosineAnnealingLR:T_max=500", "formula": "cosine:steps=500"}, steps=T
    ),
)
def sc_03(evidence: Evidence) -> Finding:
    """Compare torch's scheduler with the closed form, before and behind T."""
    t = np.arange(T + 1.0)
    torchs, own = (rates_of(evidence.runs[key]) for key in ("torch", "formula"))
    k = np.arange(1, 500)
    ratio = (1 + np.cos(np.pi * k / 500)) / (1 + np.cos(np.pi * (k - 1) / 500))
    plot = rise_and_fall(
        t,
        ("torch", torchs, np.maximum(_cosine(t, 500), 0)),
        ("clamped", own, _cosine(np.minimum(t, 500), 500)),
        caption="Behind its end torch's scheduler goes up as it came down.",
    )
    return all_of(
        [
            verdicts.equals(torchs[:501], own[:501], evidence.tolerance),
            verdicts.equals(torchs[1:500], torchs[:499] * ratio, evidence.tolerance),
            verdicts.equals(own[500:], 0.0, E0),
            verdicts.equals(torchs[-1], 1.0, evidence.tolerance),
        ],
        plot=plot,
    )


S, BOTTOM, TOP, GAMMA = 200, 1e-3, 6e-3, 0.999
CYCLES: Mapping[Key, str] = {
    "triangular": "",
    "triangular2": "",
    "exp_range": f",gamma={GAMMA}",
}


def _triangle(t: Array) -> tuple[Array, Array]:
    """Return the cycle's number and the triangle's height, as Smith prints them."""
    c = np.floor(1 + t / (2 * S))
    return c, np.maximum(0, 1 - np.abs(t / S - 2 * c + 1))


@claim(
    "SC-04",
    "A triangular schedule goes up for s steps and down for s: 1, 3.5, 6, 3.5, 1 and 6e-3.",
    formula=r"c = \lfloor 1 + t/(2 s) \rfloor, \; x = |t/s - 2 c + 1|, \quad "
    r"\eta_t = l + (h - l) \max(0, 1 - x) \left\{1, \, 2^{-(c-1)}, \, \gamma^t\right\}",
    assumptions="l = 1e-3, h = 6e-3, at t = 0, s/2, s, 3s/2, 2s, 3s; here s = 200",
    source="Smith 2017, section 3.1; torch.optim.lr_scheduler.CyclicLR",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=under(
        {
            **{k: f"{k}:half_cycle={S},low={BOTTOM / TOP!r}{v}" for k, v in CYCLES.items()},
            "torch": f"torch.CyclicLR:base_lr={BOTTOM / TOP!r},max_lr=1.0,step_size_up={S},"
            "cycle_momentum=false",
        },
        steps=3 * S,
        lr=TOP,
    ),
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Cyclic learning rates (Smith 2017) and 1cycle: up and down, once or often.",
            ruling=Ruling.OK,
            truth="The triangle is linear in t. Three variants keep its height, halve it in every "
            "cycle, or shrink it by gamma^t; 1cycle goes up once, and far down.",
        ),
    ),
)
def sc_04(evidence: Evidence) -> Finding:
    """Compare three variants with the formula, the plain one with torch's and the known values."""
    t = np.arange(3 * S + 1.0)
    c, height = _triangle(t)
    heights = {
        "triangular": height,
        "triangular2": height * 0.5 ** (c - 1),
        "exp_range": height * GAMMA**t,
    }
    expected = {key: BOTTOM + (TOP - BOTTOM) * h for key, h in heights.items()}
    rates = {key: rates_of(evidence.runs[key]) for key in (*expected, "torch")}
    marks = [0, S // 2, S, 3 * S // 2, 2 * S, 3 * S]
    known = np.array([1, 3.5, 6, 3.5, 1, 6]) * 1e-3
    plot = rise_and_fall(
        t,
        *((key, rates[key], expected[key]) for key in expected),
        caption="One and a half cycles of the three variants.",
    )
    return all_of(
        [
            verdicts.equals(rates["triangular"][marks], known, evidence.tolerance),
            verdicts.equals(rates["triangular2"][3 * S], 3.5e-3, evidence.tolerance),
            *(verdicts.equals(rates[key], expected[key], evidence.tolerance) for key in expected),
            verdicts.equals(rates["torch"], expected["triangular"], E2),
        ],
        plot=plot,
    )
