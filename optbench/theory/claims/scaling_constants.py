"""Constants behind sqrt(kappa), and how a fixed momentum loses it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims.scaling import BALL, NESTEROV, NESTEROV_BEST, PASSAGE, Method
from optbench.theory.estimators.scaling import first_passage, scaling_exponent
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.momentum import companion_radius, passage
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.probes.steps import spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E3, Tolerance

KAPPA, LEVEL = 1e4, 1e-12
METHODS = (BALL, NESTEROV, NESTEROV_BEST)


def _far(setting: Setting) -> Mapping[Key, RunSpec]:
    return {method.name: method.run(setting, KAPPA, LEVEL) for method in METHODS}


def _time(evidence: Evidence, method: Method) -> float:
    curve = evidence.runs[method.name].curve
    return first_passage(curve["step"], curve["distance"] / curve["distance"][0], LEVEL)


def _race(evidence: Evidence, methods: tuple[Method, Method], caption: str) -> Plot:
    parts = []
    for method in methods:
        curve = evidence.runs[method.name].curve
        some = slice(None, None, 60)
        t = curve["step"][some]
        exact = [method.distance(float(step), KAPPA) for step in t]
        far = curve["distance"][some] / curve["distance"][0]
        parts.append(series(method.name, t, far, points=True))
        parts.append(theory(f"{method.name}: (1 + s t)(1 - s)^t", t, exact))
    return Plot(
        x_label="steps t",
        y_label="|x_t|/|x_0|",
        y_scale="log",
        series=tuple(parts),
        verticals=((_time(evidence, methods[0]), ""), (_time(evidence, methods[1]), "")),
        caption=f"kappa = 10^4, along the slowest mode. {caption}",
    )


def _ratio(evidence: Evidence, method: Method, limit: float, caption: str) -> Finding:
    """Judge a ratio to Nesterov's iterations, and all three counts themselves."""
    times = [_time(evidence, m) for m in METHODS]
    ratio = _time(evidence, method) / _time(evidence, NESTEROV)
    exact = [m.time(KAPPA, LEVEL) for m in METHODS]
    return all_of(
        [
            verdicts.equals(ratio, limit, evidence.tolerance),
            verdicts.equals(times, exact, PASSAGE),
        ],
        plot=_race(evidence, (method, NESTEROV), caption),
    )


@claim(
    "K-02a",
    "On badly conditioned quadratics heavy ball needs half of Nesterov's iterations.",
    formula=r"\frac{N_{\mathrm{HB}}}{N_{\mathrm{NAG}}} \rightarrow \frac{1}{2}",
    assumptions="quadratic, kappa = 10^4, slowest mode, to 1e-12; Polyak's pair; eta = 1/L",
    source="Lessard, Recht and Packard 2016, table 1",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=0.005, reason="finite kappa adds 1/(4 sqrt kappa) = .0025"),
    rule="heavy_ball",
    runs=_far,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Nesterov's momentum has the same asymptotic rate as plain momentum, with "
            "better constants.",
            ruling=Ruling.WRONG,
            truth="The order is the same, the constant worse: for a factor e on a quadratic plain "
            "momentum takes sqrt(kappa)/2 iterations, Nesterov's sqrt(kappa), with its best pair "
            ".866 sqrt(kappa). What it has is a guarantee beyond quadratics.",
        ),
    ),
)
def k_02a(evidence: Evidence) -> Finding:
    """Compare the counts; the quoted order of the constants would make the ratio more than 1."""
    caption = "On quadratics plain momentum takes half of the iterations, marked at 1e-12."
    finding = _ratio(evidence, BALL, 0.5, caption)
    ratio = _time(evidence, BALL) / _time(evidence, NESTEROV)
    return all_of([finding, verdicts.holds(ratio < 0.9, theory="below 1", measured=ratio)])


@claim(
    "K-02b",
    "With the pair that is best on quadratics Nesterov's method saves 13 % of its iterations.",
    formula=r"\frac{N_{\mathrm{best}}}{N_{\mathrm{NAG}}} \rightarrow \frac{\sqrt{3}}{2} = .866",
    assumptions="quadratic, kappa = 10^4, slowest mode, to 1e-12; eta = 4/(3 L + mu) against 1/L",
    source="Lessard, Recht and Packard 2016, table 1",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=0.01, reason="-ln(1 - s) and s differ by 1 % at kappa = 10^4"),
    rule="nesterov_strongly_convex",
    runs=_far,
)
def k_02b(evidence: Evidence) -> Finding:
    """Compare the counts."""
    caption = "The best pair for quadratics takes .866 of the iterations, marked at 1e-12."
    return _ratio(evidence, NESTEROV_BEST, 3**0.5 / 2, caption)


BETA, STEP = 0.9, 3.6
FIXED = f"heavy_ball:lr={STEP},beta={BETA}"
KAPPAS = np.geomspace(10**4.5, 1e7, 11)
CROSSOVER = ((1 + BETA**0.5) / (1 - BETA**0.5)) ** 2


def _gap(evidence: Evidence, kappa: float, text: str = FIXED) -> float:
    """Return 1 - rho over the modes mu and L = 1, from the step."""
    facts = Facts(dim=1, smoothness=1.0, strong_convexity=1 / kappa)
    optimizer = evidence.optimizer(text)
    return 1 - max(spectral_radius(optimizer, mode, facts=facts) for mode in (1 / kappa, 1.0))


def _loss_of_the_root(evidence: Evidence) -> Plot:
    """Draw the iterations with momentum .9 beside both tuned methods'."""
    line = np.geomspace(10, 1e7, 80)
    some = np.geomspace(10, 1e7, 19)
    tuned = (np.sqrt(line) - 1) / (np.sqrt(line) + 1)
    radius = np.maximum(companion_radius(STEP / line, BETA, "sum"), BETA**0.5)
    return Plot(
        x_label="kappa",
        y_label="iterations for a factor e",
        x_scale="log",
        y_scale="log",
        series=(
            series("beta = .9", some, [1 / _gap(evidence, k) for k in some], points=True),
            theory("beta = .9: exact", line, 1 / (1 - radius)),
            theory("gradient descent, 2/(L + mu)", line, (line + 1) / 2),
            quoted("sqrt(kappa): Polyak's pair", line, 1 / (1 - tuned)),
        ),
        verticals=((CROSSOVER, "kappa = 1442"),),
        caption="Beyond kappa = 1442 momentum .9 runs parallel to gradient descent: it gains a "
        "constant factor, not a square root.",
    )


def _validated(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "quadratic:dim=2,kappa=1e4,spectrum=two_mode,rotated=false,start=slow"
    return {"run": setting.run(problem, FIXED, steps=6000, record="log")}


@claim(
    "K-03a",
    "With momentum fixed at .9 the iterations grow like kappa again, not like its square root.",
    formula=r"1 - \rho \rightarrow \frac{\eta \mu}{1 - \beta} \propto \kappa^{-1}",
    assumptions="quadratic, beta = .9, eta = 3.6/L, kappa from 10^4.5 to 10^7",
    source="the larger real root of Polyak's recurrence; cf. Polyak 1964",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(
        absolute=3e-3, reason="the root's next term, 90 eta mu, is .01 at the least kappa"
    ),
    rule="heavy_ball",
    runs=_validated,
    headline="Momentum .9 loses the square root",
)
def k_03a(evidence: Evidence) -> Finding:
    """Fit the exponent of the probed step; a run through the harness confirms one of its rates."""
    gaps = np.array([_gap(evidence, float(kappa)) for kappa in KAPPAS])
    exact = 1 - companion_radius(STEP / KAPPAS, BETA, "sum")
    fit = scaling_exponent(KAPPAS, 1 / gaps)
    curve = evidence.runs["run"].curve
    rate = np.log(curve["distance"][-1] / curve["distance"][-40])
    steps = curve["step"][-1] - curve["step"][-40]
    probed = np.log1p(-_gap(evidence, 1e4))
    return all_of(
        [
            verdicts.equals(fit.value, 1.0, evidence.tolerance),
            verdicts.equals(gaps, exact, E3),
            verdicts.equals(rate / steps, probed, E3),
        ],
        plot=_loss_of_the_root(evidence),
    )


@claim(
    "K-03b",
    "With momentum .9 the rate is sqrt(.9) = .949 up to kappa = 1442, and worse beyond.",
    formula=r"\rho = \sqrt{\beta} \Leftrightarrow \kappa \leq "
    r"\left(\frac{1 + \sqrt{\beta}}{1 - \sqrt{\beta}}\right)^2 = 1442",
    assumptions="quadratic, beta = .9, eta = (1 + sqrt beta)^2/L, the largest that allows rate "
    "sqrt(beta)",
    source="the discriminant of Polyak's recurrence",
    kind=Kind.THRESHOLD,
    tolerance=Tolerance(relative=1e-4, reason="a double root leaves sqrt(beta) like a square root"),
    rule="heavy_ball",
)
def k_03b(evidence: Evidence) -> Finding:
    """Find the kappa at which the slow mode leaves sqrt(beta)."""
    largest = (1 + BETA**0.5) ** 2
    optimizer = evidence.optimizer(f"heavy_ball:lr={largest!r},beta={BETA}")

    def margin(kappa: float) -> float:
        return float(BETA**0.5) * (1 + 1e-6) - spectral_radius(optimizer, 1 / max(kappa, 1.0))

    found = passage(margin, 0.0, 4 * CROSSOVER)
    line, some = np.geomspace(10, 1e5, 400), np.geomspace(10, 1e5, 21)
    tuned = (np.sqrt(line) - 1) / (np.sqrt(line) + 1)
    slow = np.maximum(companion_radius(largest / line, BETA, "sum"), BETA**0.5)
    plot = Plot(
        x_label="kappa",
        y_label="factor a step, rho",
        x_scale="log",
        series=(
            series(
                "beta = .9", some, [spectral_radius(optimizer, 1 / k) for k in some], points=True
            ),
            theory("beta = .9: exact", line, slow),
            theory("Polyak's pair, tuned for each kappa", line, tuned),
        ),
        verticals=((CROSSOVER, "kappa = 1442"),),
        caption="Momentum .9 has the factor sqrt(.9) for every kappa up to 1442, where it is "
        "Polyak's own choice; for larger ones it is slower than sqrt(kappa) would be.",
    )
    return verdicts.equals(found, CROSSOVER, evidence.tolerance).drawn(plot)


@claim(
    "K-03c",
    "At the same learning rate momentum speeds the slowest mode of a badly conditioned quadratic "
    "up by 1/(1 - beta), 10 at .9, and no more.",
    formula=r"\frac{1 - \rho}{\eta \mu} \rightarrow \frac{1}{1 - \beta} = 10",
    assumptions="quadratic, mode mu, beta = .9, eta = 3.6/L, kappa = 10^7; without momentum the "
    "mode loses eta mu a step",
    source="the larger real root of Polyak's recurrence",
    kind=Kind.RATE,
    tolerance=Tolerance(relative=1e-4, reason="the root's next term, 90 eta mu, is 3e-5"),
    rule="heavy_ball",
)
def k_03c(evidence: Evidence) -> Finding:
    """Compare the probed gap with gradient descent's at the same learning rate."""
    gain = _gap(evidence, 1e7) / (STEP / 1e7)
    line = np.geomspace(10, 1e7, 60)
    some = np.geomspace(10, 1e7, 13)
    gains = [_gap(evidence, float(kappa)) * kappa / STEP for kappa in some]
    plot = Plot(
        x_label="kappa",
        y_label="(1 - rho)/(eta mu)",
        x_scale="log",
        series=(
            series("beta = .9", some, gains, points=True),
            theory("1/(1 - beta)", line, np.full_like(line, 1 / (1 - BETA))),
        ),
        verticals=((CROSSOVER, "kappa = 1442"),),
        caption="The gain over plain gradient descent with the same learning rate levels off.",
    )
    return verdicts.equals(gain, 1 / (1 - BETA), evidence.tolerance).drawn(plot)
