"""Stochastic gradients with falling steps: what Robbins and Monro's conditions give, and do not.

Steps are counted from 1, eta_1 being the first, on one mode of curvature lambda = 1 with noise of
variance 1. The exact second moments come from probed steps with the schedule's own numbers, as far
as 2e5 steps; a run of 40000 chains shows that they are the harness's. A class that shows no step
is held by that run to the recursion of the equation, and to the points of SGD on the same draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import (
    chains,
    drawn_chains,
    keyed,
    samples_agree,
    shows_its_step,
)
from optbench.theory.claims._fits import judged
from optbench.theory.claims._shown import points_of
from optbench.theory.estimators.sequences import power_slope
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, Series, series, theory
from optbench.theory.probes.moments import Coefficients, coefficients, learning_rates
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, Tolerance, asymptotic

RUN_STEPS = 64
FEW = "quadratic:dim=8,kappa=1,rotated=false,start=equal,noise=8"
DRAWS = Tolerance(absolute=1e-12, reason="64 steps of size 1, each rounded to 1e-16")
LONG = 200_000


def falling(exponent: float) -> str:
    """Return the text of the schedule t^-a, t = 1, 2, ..."""
    return f"robbins_monro:exponent={exponent!r},offset=1"


def _runs(*pairs: tuple[float, float]) -> Callable[[Setting], Mapping[Key, RunSpec]]:
    """Return what names a run of 40000 chains for each pair of c and a."""

    def named(setting: Setting) -> Mapping[Key, RunSpec]:
        (seed,) = setting.seeds(1)
        runs: dict[Key, RunSpec] = {
            (c, a): setting.run(
                chains(setting), f"sgd:lr={c!r}", steps=RUN_STEPS, schedule=falling(a), seed=seed
            )
            for c, a in pairs
        }
        if setting.substitute is not None:
            (c, a), *_ = pairs
            text = f"sgd:lr={c!r}"
            for name, whose in (("own", setting), ("rule", replace(setting, substitute=None))):
                runs[name] = whose.run(
                    FEW, text, steps=RUN_STEPS, schedule=falling(a), seed=seed, points=True
                )
        return runs

    return named


def mode_of(evidence: Evidence, c: float, a: float, steps: int) -> Coefficients:
    """Return the steps of SGD with eta_t = c t^-a on x^2/2."""
    optimizer = evidence.optimizer(f"sgd:lr={c!r}")
    rates = learning_rates(falling(a), c, steps)
    if shows_its_step(optimizer):
        return coefficients(optimizer, 1.0, rates)
    return Coefficients(1 - rates, -rates)


def _runs_agree(evidence: Evidence) -> list[Finding]:
    """Judge each run by the recursion, and a class's points by SGD's on the same draws."""
    findings = []
    if "own" in evidence.runs:
        own, rule = (points_of(evidence.runs[name]) for name in ("own", "rule"))
        findings.append(verdicts.equals(own, rule, DRAWS))
    for (c, a), run in keyed(evidence):
        moments = mode_of(evidence, c, a, RUN_STEPS).moments(1.0, 1.0)
        findings.append(samples_agree(run, moments, (2, RUN_STEPS)))
    return findings


def _thin(values: Array) -> tuple[Array, Array]:
    """Return log-spaced steps t >= 1 and the values there, about 150 of them."""
    t = np.unique(np.geomspace(1, len(values) - 1, 150).astype(int))
    return t.astype(np.float64), values[t]


def _lines(evidence: Evidence, moments: Mapping[str, Array]) -> list[Series]:
    """Return the first run's chains and the exact moments as series."""
    run = next(iter(evidence.runs.values()))
    return [drawn_chains("chains", run)] + [
        series(label, *_thin(values)) for label, values in moments.items()
    ]


@claim(
    "SG-09",
    "With eta_t = 1/t SGD on x^2/2 is the running mean: t E x_t^2 = s^2 at every step.",
    formula=r"\eta_t = \frac{1}{t}: \quad t\, E x_t^2 = \sigma^2",
    assumptions="x^2/2, additive noise of variance s^2, t counted from 1; x_0 is forgotten at once",
    source="Robbins and Monro 1951; the variance of a mean",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="sgd",
    runs=_runs((1.0, 1.0)),
    sampled=True,
    retries=2,
)
def sg_09(evidence: Evidence) -> Finding:
    """Exact moments for 2000 steps; 40000 chains for 64."""
    moments = mode_of(evidence, 1.0, 1.0, 2000).moments(1.0, 5.0)
    t = np.arange(1.0, 2001)
    exact = verdicts.equals(t * moments[1:], 1.0, evidence.tolerance)
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2",
        x_scale="log",
        y_scale="log",
        series=(
            *_lines(evidence, {"exact moments": moments}),
            theory("s^2/t", t[::20], 1 / t[::20]),
        ),
        caption="The first step lands on the first sample, and every later one averages.",
    )
    return all_of([exact, *_runs_agree(evidence)], plot=plot)


@claim(
    "SG-10a",
    "With eta_t = c/t and c lambda > 1/2, t E x_t^2 tends to c^2 s^2/(2 c lambda - 1).",
    formula=r"\eta_t = \frac{c}{t}, \; c\lambda > \frac{1}{2}: \quad t\, E x_t^2 \to "
    r"\frac{c^2\sigma^2}{2 c\lambda - 1}",
    assumptions="one mode, additive noise of variance s^2",
    source="Chung 1954",
    kind=Kind.RATE,
    tolerance=asymptotic(5e-3, "omits t^-(2 c lambda - 1), 3.2e-3 at c = .75 and t = 1e5"),
    rule="sgd",
    runs=_runs((1.0, 1.0), (2.0, 1.0)),
    sampled=True,
    retries=2,
)
def sg_10a(evidence: Evidence) -> Finding:
    """Exact moments for 1e5 steps at four c; 40000 chains for 64 at two."""
    T = 100_000
    findings, moments = [], {}
    for c in (0.75, 1.0, 2.0, 4.0):
        values = mode_of(evidence, c, 1.0, T).moments(1.0, 1.0)
        findings.append(verdicts.equals(T * values[-1], c * c / (2 * c - 1), evidence.tolerance))
        moments[f"c = {c:g}"] = values
    t = np.array([10.0, T])
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2",
        x_scale="log",
        y_scale="log",
        series=(
            *(series(label, *_thin(values)) for label, values in moments.items()),
            theory("c^2 s^2/((2 c - 1) t), c = 1", t, 1 / t),
            theory("c = 4", t, 16 / 7 / t),
        ),
        caption="Every c above 1/2 gives slope -1; the constant is least at c = 1/lambda.",
    )
    return all_of([*findings, *_runs_agree(evidence)], plot=plot)


@claim(
    "SG-10b",
    "With eta_t = c/t, c lambda < 1/2, SGD is slower than 1/t: E x_t^2 falls like t^(-2 c lambda).",
    formula=r"\eta_t = \frac{c}{t}, \; c\lambda < \frac{1}{2}: \quad "
    r"E x_t^2 \propto t^{-2 c\lambda}",
    assumptions="one mode, additive noise, x_0 not 0",
    source="Chung 1954; Moulines and Bach 2011, theorem 1",
    kind=Kind.RATE,
    tolerance=asymptotic(5e-3, "omits t^-(1 - 2 c lambda): 2e-3 of the slope at c = .3, t = 2e5"),
    rule="sgd",
    runs=_runs((0.1, 1.0), (0.3, 1.0)),
    sampled=True,
    retries=2,
)
def sg_10b(evidence: Evidence) -> Finding:
    """Slopes of exact moments to 2e5 steps; 40000 chains for 64."""
    findings, lines = [], []
    t = np.unique(np.geomspace(1, LONG, 400).astype(int))
    for c in (0.1, 0.2, 0.3):
        values = mode_of(evidence, c, 1.0, LONG).moments(1.0, 1.0)
        found = power_slope(t, values[t])
        findings.append(judged(found, -2 * c, evidence.tolerance))
        line = values[-1] * (t[::8] / LONG) ** (-2 * c)
        lines += [series(f"c = {c}", *_thin(values)), theory(f"t^-{2 * c:g}", t[::8], line)]
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="The rate 1/t is not automatic: with c five times too small it becomes t^-.2.",
    )
    return all_of([*findings, *_runs_agree(evidence)], plot=plot)


@claim(
    "SG-10c",
    "With eta_t = c/t and c lambda = 1/2 a logarithm appears: E x_t^2 is about ln t/(4 t).",
    formula=r"\eta_t = \frac{1}{2\lambda t}: \quad "
    r"E x_t^2 \sim \frac{\sigma^2 \ln t}{4 \lambda^2 t}",
    assumptions="one mode, additive noise of variance s^2",
    source="Chung 1954",
    kind=Kind.RATE,
    tolerance=asymptotic(1e-3, "the constant beside ln t cancels between t and 2 t, 1/t is left"),
    rule="sgd",
    runs=_runs((0.5, 1.0)),
    sampled=True,
    retries=2,
)
def sg_10c(evidence: Evidence) -> Finding:
    """How much t E x_t^2 grows over the last doubling, in units of ln 2; 40000 chains besides."""
    values = mode_of(evidence, 0.5, 1.0, LONG).moments(1.0, 1.0)
    half = LONG // 2
    growth = (LONG * values[LONG] - half * values[half]) / np.log(2)
    t, thin = _thin(values)
    plot = Plot(
        x_label="steps t",
        y_label="t E x_t^2",
        x_scale="log",
        series=(
            series("exact moments", t, t * thin),
            theory("slope 1/4", t, t[-1] * thin[-1] + np.log(t / t[-1]) / 4),
        ),
        caption="At the edge, t E x^2 keeps growing by 1/4 for each factor e in t.",
    )
    exact = verdicts.equals(growth, 0.25, evidence.tolerance)
    return all_of([exact, *_runs_agree(evidence)], plot=plot)


def _slow(t: float, c: float, a: float) -> float:
    """Return E x_t^2 for eta_t = c t^-a, a < 1, with its first corrections."""
    eta = c * math.pow(t, -a)
    return eta / 2 * (1 + eta / 2 + a * math.pow(t, a - 1) / (2 * c))


@claim(
    "SG-10d",
    "With eta_t = c t^-a, 1/2 < a < 1, E x_t^2 follows the step: about eta_t s^2/(2 lambda).",
    formula=r"\eta_t = c\, t^{-a}: \quad E x_t^2 \to \frac{\eta_t\sigma^2}{2\lambda}"
    r"\left(1 + \frac{\eta_t\lambda}{2} + \frac{a\, t^{a-1}}{2\lambda c}\right)",
    assumptions="one mode, additive noise of variance s^2",
    source="Chung 1954; Moulines and Bach 2011, theorem 1; the second order by expansion",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-2, "omits the square of a t^(a-1)/(2 lambda c), 5e-3 at a = .8"),
    rule="sgd",
    runs=_runs((1.0, 0.6), (1.0, 0.8)),
    sampled=True,
    retries=2,
)
def sg_10d(evidence: Evidence) -> Finding:
    """Exact moments for 2e5 steps; 40000 chains for 64.

    Without the corrections a = .8 would be 7 % off.
    """
    findings, lines = [], []
    for c, a in ((1.0, 0.6), (1.0, 0.8), (0.5, 0.8)):
        values = mode_of(evidence, c, a, LONG).moments(1.0, 1.0)
        expected = _slow(LONG, c, a)
        findings.append(verdicts.equals(values[-1], expected, evidence.tolerance))
        t, thin = _thin(values)
        lines += [
            series(f"c = {c:g}, a = {a}", t, thin),
            theory(f"eta_t s^2/2, c = {c:g}, a = {a}", t, c * t**-a / 2),
        ]
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="The iterate hovers at the floor of its present step, so it falls like t^-a.",
    )
    return all_of([*findings, *_runs_agree(evidence)], plot=plot)


@claim(
    "SG-10e",
    "SGD with eta_t = c t^-.4 converges in mean square, its squared steps without a finite sum.",
    formula=r"\eta_t = c\, t^{-0.4}: \quad \sum \eta_t^2 = \infty, \quad E x_t^2 \to 0",
    assumptions="one mode (strongly convex), additive noise",
    source="Moulines and Bach 2011, theorem 1, which holds for every exponent in (0, 1)",
    kind=Kind.NEGATIVE,
    tolerance=asymptotic(1e-3, "the sum of t^-.8 omits a constant, which cancels; then 1/t"),
    rule="sgd",
    runs=_runs((1.0, 0.4)),
    headline="Limits of Robbins-Monro: the squares need not be summable",
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Strict convergence requires that the steps sum to infinity and their "
            "squares do not.",
            ruling=Ruling.IMPRECISE,
            truth="Both together suffice (almost surely). The first is necessary: with eta_t = "
            "1/t^2 half of x_0 stays. The second is not: eta_t = c t^-.4 converges in mean square "
            "on strongly convex functions.",
        ),
    ),
)
def sg_10e(evidence: Evidence) -> Finding:
    """The sum of squares grows like 5 T^.2, without limit; the mean square like its last step."""
    a, T = 0.4, LONG
    values = mode_of(evidence, 1.0, a, T).moments(1.0, 1.0)
    squares = np.cumsum(learning_rates(falling(a), 1.0, T) ** 2)
    growth = (squares[-1] - squares[T // 2 - 1]) / (T**0.2 - (T / 2) ** 0.2)
    t, thin = _thin(values)
    findings = [
        verdicts.equals(values[-1], _slow(T, 1.0, a), evidence.tolerance),
        verdicts.equals(growth, 5.0, evidence.tolerance),
        judged(power_slope(t, thin), -a, asymptotic(1e-2, "omits eta_t/4, 2e-3")),
    ]
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2; sum of eta^2",
        x_scale="log",
        y_scale="log",
        series=(
            *_lines(evidence, {"E x_t^2, exact": values}),
            theory("eta_t s^2/2", t, t**-a / 2),
            series("sum of eta_s^2 up to t", t, squares[t.astype(int) - 1]),
            theory("5 t^.2 and a constant", t, squares[-1] + 5 * (t**0.2 - T**0.2)),
        ),
        caption="The sum of the squared steps grows without limit, and still the mean square "
        "falls to zero: Robbins and Monro's second condition is not necessary.",
    )
    return all_of([*findings, *_runs_agree(evidence)], plot=plot)


STALL = "robbins_monro:exponent=2,offset=2"
"""eta_t = 1/t^2 for t = 2, 3, ..., with the learning rate 1/4."""


@claim(
    "SG-11",
    "With eta_t = 1/t^2 the steps sum to a finite number, and half of x_0 stays for ever.",
    formula=r"\eta_t = \frac{1}{t^2}, \; t \geq 2: \quad E x_t = \frac{t + 1}{2 t} x_0 \to "
    r"\frac{x_0}{2}",
    assumptions="x^2/2; the noise does not change the mean",
    source="the product of 1 - 1/s^2 telescopes",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        "": setting.run(
            "parabola:curvature=1,start=1", "gd:lr=.25", steps=4000, schedule=STALL, points=True
        )
    },
    headline="Limits of Robbins-Monro: steps that sum to a finite number stall",
)
def sg_11(evidence: Evidence) -> Finding:
    """The mean along a run of 4000 steps, and where it stands after 2e5 probed ones."""
    run = evidence.runs[""]
    assert run.points is not None
    t = run.curve["step"] + 1  # the first step is t = 2
    expected = (t + 1) / (2 * t)
    findings = [verdicts.equals(run.points[:, 0], expected, evidence.tolerance)]
    optimizer = evidence.optimizer("gd:lr=.25")
    if shows_its_step(optimizer):
        rates = learning_rates(STALL, 0.25, LONG)
        last = coefficients(optimizer, 1.0, rates).means(1.0)[-1]
        limit = Tolerance(absolute=1e-5, reason="1/(2 t) is left after 2e5 steps")
        findings.append(verdicts.equals(last, 0.5, limit))
    shown = np.unique(np.geomspace(1, len(t), 120).astype(int)) - 1
    plot = Plot(
        x_label="steps t",
        y_label="E x_t / x_0",
        x_scale="log",
        series=(
            series("run", t[shown], run.points[shown, 0], points=True),
            theory("(t + 1)/(2 t)", t[shown], expected[shown]),
            theory("limit 1/2, not 0", [t[0], t[-1]], [0.5, 0.5]),
        ),
        caption="Steps that sum to a finite number cannot cross the distance: the iterate stalls "
        "halfway to the minimum. Robbins and Monro's first condition is necessary.",
    )
    return all_of(findings, plot=plot)
