"""Nesterov's method with strong convexity, or in spite of it: guarantees and rates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.estimators.sequences import geometric_rate, power_slope
from optbench.theory.estimators.windows import envelope
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.momentum import (
    companion_radius,
    double_root,
    nesterov_best_gap,
    nesterov_best_pair,
    nesterov_gap,
)
from optbench.theory.formulas.rates import nesterov_strongly_convex
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.probes.steps import spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E3, B, asymptotic

TUNED = "nesterov_strongly_convex:lr=1/L,beta=nesterov"
CLASSES = {
    "slow mode": "quadratic:dim=2,kappa=100,spectrum=two_mode,rotated=false,start=slow",
    "random start": "quadratic:dim=50,kappa=100,start=random",
    "Lessard, Recht and Packard's": "lessard_recht_packard:start=3.3",
}


def _guaranteed(setting: Setting) -> Mapping[Key, RunSpec]:
    return {name: setting.run(text, TUNED, steps=150) for name, text in CLASSES.items()}


@claim(
    "NAG-04",
    "With beta from kappa Nesterov's method gains 1 - 1/sqrt(kappa) a step on all strongly convex "
    "functions.",
    formula=r"f(x_t) - f^* \leq \left(1 - \frac{1}{\sqrt{\kappa}}\right)^t "
    r"\left(f(x_0) - f^* + \frac{\mu}{2} R^2\right)",
    assumptions="f mu-strongly convex and L-smooth, eta = 1/L, beta = (sqrt(kappa) - 1)/"
    "(sqrt(kappa) + 1)",
    source="d'Aspremont, Scieur and Taylor 2021, corollary 4.15",
    kind=Kind.BOUND,
    tolerance=B,
    rule="nesterov_strongly_convex",
    runs=_guaranteed,
)
def nag_04(evidence: Evidence) -> Finding:
    """Hold every step on quadratics and off them; NAG-05a is the identity beside the bound."""
    parts, drawn = [], []
    for name in CLASSES:
        run = evidence.runs[name]
        t, gap = run.curve["step"], run.curve["suboptimality"]
        L, mu, R = (
            float(run.facts[fact] or 0) for fact in ("smoothness", "strong_convexity", "radius")
        )
        bound = nesterov_strongly_convex(
            t, smoothness=L, strong_convexity=mu, start_gap=gap[0], radius=R
        )
        parts.append(verdicts.below(gap[1:], bound[1:], evidence.tolerance, scale=gap[0]))
        drawn.append(series(name, t, np.maximum(gap / gap[0], 1e-16)))
        drawn.append(theory(f"bound: {name}", t, np.maximum(bound / gap[0], 1e-16)))
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(f(x_0) - f*)",
        y_scale="log",
        series=tuple(drawn),
        caption="The guarantee holds off quadratics as well; on quadratics the method is twice as "
        "fast as promised.",
    )
    return all_of(parts, plot=plot)


def _radius(evidence: Evidence, text: str, kappa: float, mode: float) -> float:
    facts = Facts(dim=1, smoothness=1.0, strong_convexity=1 / kappa)
    return spectral_radius(evidence.optimizer(text), mode, facts=facts)


def _spectrum(evidence: Evidence, text: str, lr: float, beta: float, kappa: float) -> Plot:
    """Draw the spectral radius over the modes of a spectrum."""
    line = np.geomspace(1 / kappa, 1, 100)
    some = np.geomspace(1 / kappa, 1, 15)
    radii = [_radius(evidence, text, kappa, float(mode)) for mode in some]
    return Plot(
        x_label="lambda/L",
        y_label="factor per step",
        x_scale="log",
        series=(
            series("spectral radius of the step", some, radii, points=True),
            theory("roots of its equation", line, companion_radius(lr * line, beta, "nesterov")),
        ),
        caption=f"kappa = {kappa:g}: the slowest mode decides.",
    )


@claim(
    "NAG-05a",
    "On quadratics Nesterov's method contracts the distance at 1 - 1/sqrt(kappa), a double root.",
    formula=r"\rho = 1 - \frac{1}{\sqrt{\kappa}}",
    assumptions="quadratic, eta = 1/L, beta = (sqrt(kappa) - 1)/(sqrt(kappa) + 1)",
    source="Lessard, Recht and Packard 2016, table 1",
    kind=Kind.IDENTITY,
    tolerance=E3,
    rule="nesterov_strongly_convex",
)
def nag_05a(evidence: Evidence) -> Finding:
    """Probe the step at both ends of the spectrum and inside it."""
    parts = []
    for kappa in (100.0, 10.0, 1e4):
        modes = (1 / kappa, kappa**-0.5, 1.0)
        worst = max(_radius(evidence, TUNED, kappa, mode) for mode in modes)
        parts.append(verdicts.equals(worst, 1 - nesterov_gap(kappa), evidence.tolerance))
    return all_of(parts, plot=_spectrum(evidence, TUNED, 1.0, 9 / 11, 100.0))


def _slow_mode(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "quadratic:dim=2,kappa=100,spectrum=two_mode,rotated=false,start=slow"
    return {"slow": setting.run(problem, TUNED, steps=800 * setting.effort)}


@claim(
    "NAG-05b",
    "On quadratics f falls at the square of that rate, twice as fast as the general guarantee.",
    formula=r"\frac{\ln (f(x_t) - f^*)}{t} \rightarrow "
    r"2 \ln \left(1 - \frac{1}{\sqrt{\kappa}}\right)",
    assumptions="quadratic with kappa = 100, start along the mode mu, eta = 1/L",
    source="the double root of its recurrence; the guarantee: d'Aspremont, Scieur and Taylor 2021",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-2, "the factor t^2 is extrapolated away up to terms in 1/t^2"),
    rule="nesterov_strongly_convex",
    runs=_slow_mode,
    retries=1,
)
def nag_05b(evidence: Evidence) -> Finding:
    """Estimate the rate of f without its factor t^2."""
    curve = evidence.runs["slow"].curve
    t, gap = curve["step"], curve["suboptimality"]
    exact = 2 * np.log(1 - nesterov_gap(100.0))
    fit = geometric_rate(t, gap, floor=0.0)
    if fit.reason:
        return verdicts.inconclusive(exact, fit.reason)
    some = slice(0, 331, 10)
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(f(x_0) - f*)",
        y_scale="log",
        series=(
            series("measured", t[some], gap[some] / gap[0], points=True),
            theory("(1 + t/10)^2 .9^(2 t)", t[some], double_root(t[some], 0.1) ** 2),
            quoted("the general guarantee's slope, .9^t", t[some], 0.9 ** t[some]),
        ),
        caption="The guarantee (1 - 1/sqrt kappa)^t for f is twice too slow on quadratics.",
    )
    return all_of(
        [
            verdicts.equals(-fit.value, exact, evidence.tolerance),
            verdicts.equals(gap / gap[0], double_root(t, 0.1) ** 2, E3),
        ],
        plot=plot,
    )


@claim(
    "NAG-06",
    "The pair that is best on quadratics gives Nesterov's method the rate 1 - 2/sqrt(3 kappa + 1).",
    formula=r"\rho = 1 - \frac{2}{\sqrt{3 \kappa + 1}}",
    assumptions="quadratic, eta = 4/(3 L + mu), beta = (r - 2)/(r + 2), r = sqrt(3 kappa + 1)",
    source="Lessard, Recht and Packard 2016, table 1",
    kind=Kind.IDENTITY,
    tolerance=E3,
    rule="nesterov_strongly_convex",
)
def nag_06(evidence: Evidence) -> Finding:
    """Probe the step at both ends of the spectrum and inside it."""
    parts = []
    for kappa in (100.0, 10.0, 1000.0):
        lr, beta = nesterov_best_pair(kappa)
        text = f"nesterov_strongly_convex:lr={lr!r},beta={beta!r}"
        modes = (1 / kappa, kappa**-0.5, 1.0)
        worst = max(_radius(evidence, text, kappa, mode) for mode in modes)
        parts.append(verdicts.equals(worst, 1 - nesterov_best_gap(kappa), evidence.tolerance))
    lr, beta = nesterov_best_pair(100.0)
    text = f"nesterov_strongly_convex:lr={lr!r},beta={beta!r}"
    return all_of(parts, plot=_spectrum(evidence, text, lr, beta, 100.0))


def _unaware(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "quadratic:dim=2,kappa=100,spectrum=two_mode,rotated=false,start=slow"
    steps = 2000 * setting.effort
    return {
        "nesterov": setting.run(problem, "nesterov_convex:lr=1/L", steps=steps),
        "gd": setting.run(problem, "gd:lr=1/L", steps=steps),
    }


def _overtaken(evidence: Evidence) -> Plot:
    curve, plain = evidence.runs["nesterov"].curve, evidence.runs["gd"].curve
    t = curve["step"]
    some = np.arange(1, len(t), max(1, len(t) // 250))
    line = t[10:2000:20]
    # x_t = (2/s) J_1(s) (1 - h)^(t/2), s = t sqrt h; Bessel's J_1 has peaks sqrt(2/(pi s)).
    swing = 8 / (np.pi * (0.1 * line) ** 3) * 0.99**line
    return Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(f(x_0) - f*)",
        y_scale="log",
        series=(
            series("convex momenta", t[some], curve["suboptimality"][some] / curve["value"][0]),
            series("gradient descent", t[some], plain["suboptimality"][some] / plain["value"][0]),
            theory("envelope, t^-3 (1 - mu/L)^t", line, swing),
            theory("(1 - mu/L)^(2 t)", line, 0.99 ** (2 * line)),
        ),
        caption="Momenta that grow to 1 overshoot: the envelope falls with half the exponent of "
        "gradient descent, which overtakes.",
    )


@claim(
    "NAG-08a",
    "With the convex momenta each mode swings, its envelope t^-1.5 (1 - eta lambda)^(t/2).",
    formula=r"|x_t| \sim t^{-3/2} (1 - \eta \lambda)^{t/2}",
    assumptions="mode of a quadratic with eta lambda = .01, momenta (t - 1)/(t + 2)",
    source="Su, Boyd and Candes 2016, section 3 (Bessel functions)",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-2, "the peaks lie on whole steps; the factor t^-1.5 is extrapolated"),
    rule="nesterov_convex",
    runs=_unaware,
    retries=1,
)
def nag_08a(evidence: Evidence) -> Finding:
    """Estimate the rate of the envelope's peaks without its power of t."""
    curve = evidence.runs["nesterov"].curve
    fit = geometric_rate(curve["step"], curve["distance"], floor=0.0)
    exact = np.log(0.99) / 2
    if fit.reason:
        return verdicts.inconclusive(exact, fit.reason)
    t, line = curve["step"][1:2001], np.arange(10.0, 2001.0)
    swing = curve["distance"][1:2001] / curve["distance"][0] * np.exp(-exact * t)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|/|x_0| (1 - eta lambda)^(-t/2)",
        x_scale="log",
        y_scale="log",
        series=(
            series("run, its geometric factor taken out", t, np.maximum(swing, 1e-6)),
            # (2/s) J_1(s), s = t sqrt(eta lambda); Bessel's J_1 has peaks sqrt(2/(pi s)).
            theory(
                "(8/pi)^.5 (t^2 eta lambda)^-.75", line, (8 / np.pi) ** 0.5 * (line / 10) ** -1.5
            ),
        ),
        caption="The peaks of the swings fall like t^-1.5 once (1 - eta lambda)^(t/2) is taken "
        "out.",
    )
    return verdicts.equals(-fit.value, exact, evidence.tolerance).drawn(plot)


@claim(
    "NAG-08b",
    "Nesterov's convex momenta on a strongly convex function end up slower than gradient descent.",
    formula=r"f(x_t) \sim t^{-3} \left(1 - \frac{\mu}{L}\right)^t \gg "
    r"\left(1 - \frac{\mu}{L}\right)^{2t}",
    assumptions="quadratic with kappa = 100, start along the mode mu, eta = 1/L for both",
    source="Su, Boyd and Candes 2016, section 5; O'Donoghue and Candes 2015",
    kind=Kind.NEGATIVE,
    tolerance=asymptotic(0.0, "a factor of 10 between the two, and no power of t"),
    rule="nesterov_convex",
    runs=_unaware,
)
def nag_08b(evidence: Evidence) -> Finding:
    """Compare the ends, and see a geometric tail where a slope of -2 might be looked for."""
    curve, plain = evidence.runs["nesterov"].curve, evidence.runs["gd"].curve
    gap, early = envelope(curve["suboptimality"]), slice(100, 200)
    ratio = float(gap[-200] / plain["suboptimality"][-200])
    ahead = float((gap[early] / plain["suboptimality"][early]).max())
    slope = power_slope(curve["step"], curve["suboptimality"], floor=0.0)
    return all_of(
        [
            verdicts.holds(ratio > 10, theory="more than 10 times behind", measured=ratio),
            verdicts.holds(ahead < 1, theory="ahead at first", measured=ahead),
            verdicts.holds(slope.geometric, theory="geometric", measured=slope.reason),
        ],
        plot=_overtaken(evidence),
    )


POWER = 0.1


def _dense(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = (
        "quadratic:dim=1000,kappa=1e10,spectrum=log_uniform,rotated=false,start=power_law,"
        f"exponent={POWER},radius=1"
    )
    text = "nesterov_convex:lr=1/L"
    return {"dense": setting.run(problem, text, steps=20000 * setting.effort, record="log")}


@claim(
    "NAG-09",
    "On a power-law spectrum with p < 1/2 acceleration doubles gradient descent's exponent, to "
    "-2 (1 + p).",
    formula=r"f(x_t) - f^* \sim t^{-2 (1 + p)}",
    assumptions="quadratic whose spectral measure at the start has density lambda^(p-1), p = .1 < "
    "1/2; eta = 1/L, momenta (t - 1)/(t + 2)",
    source="Su, Boyd and Candes 2016 (Bessel functions), integrated over the spectrum",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-2, "the correction is of order t^-(1/2 - p), extrapolated"),
    rule="nesterov_convex",
    runs=_dense,
    long=True,
    retries=1,
)
def nag_09(evidence: Evidence) -> Finding:
    """Estimate the exponent over the last three doublings."""
    curve = evidence.runs["dense"].curve
    t, gap = curve["step"], curve["suboptimality"]
    exact = -2 * (1 + POWER)
    slope = power_slope(t, gap, floor=0.0)
    if slope.reason and not slope.geometric:
        return verdicts.inconclusive(exact, slope.reason)
    late = t >= 20
    line = t[late]
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("measured", line, gap[late]),
            theory("slope -2 (1 + p)", line, gap[-1] * (line / t[-1]) ** exact),
            quoted("slope -2", line, gap[-1] * (line / t[-1]) ** -2.0),
        ),
        caption="Even O(1/t^2) is not the rate of one fixed function: the spectrum decides.",
    )
    return verdicts.equals(slope.value, exact, evidence.tolerance).drawn(plot)
