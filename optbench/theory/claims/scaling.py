"""Scaling in kappa: how many iterations a badly conditioned quadratic takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.estimators.scaling import ScalingExponent, first_passage, scaling_exponent
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.momentum import (
    double_root,
    nesterov_best_gap,
    nesterov_best_pair,
    nesterov_gap,
    passage,
    polyak_gap,
)
from optbench.theory.plot import Plot, Series, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

SMALL = tuple(float(kappa) for kappa in np.geomspace(10, 10**3.5, 11))
LARGE = tuple(float(kappa) for kappa in np.geomspace(10**1.5, 1e4, 11))
LEVEL = 1e-8
PASSAGE = Tolerance(
    relative=1e-3, absolute=1.0, reason="interpolation between steps, within one step"
)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method, its tuning for each kappa, and the trajectory that theory gives it.

    Attributes:
        name: For legends.
        optimizer: Its text for a kappa, at L = 1.
        start: The start that the trajectory is for.
        distance: Steps t, kappa, to |x_t|/|x_0|.
        kappas: At which it is run.
        record: Which steps are needed; `log` where the distance is a straight line in between.
    """

    name: str
    optimizer: Callable[[float], str]
    start: str
    distance: Callable[[float, float], float]
    kappas: tuple[float, ...] = LARGE
    record: str = "every"

    def time(self, kappa: float, level: float = LEVEL) -> float:
        """Return the exact number of steps to a level."""
        high = -2 * math.log(level) * kappa
        return passage(lambda t: self.distance(t, kappa), level, high)

    def run(self, setting: Setting, kappa: float, level: float = LEVEL) -> RunSpec:
        """Name a run that takes a few steps more than theory says."""
        problem = f"quadratic:dim=2,kappa={kappa!r},spectrum=two_mode,rotated=false"
        return setting.run(
            f"{problem},start={self.start}",
            self.optimizer(kappa),
            steps=math.ceil(1.02 * self.time(kappa, level)) + 5,
            record=self.record,
        )


def _both_modes(t: float, kappa: float) -> float:
    """Return the distance under Polyak's pair from a start with equal parts of both modes."""
    gap = polyak_gap(kappa)
    slow, fast = float(double_root(t, gap)), (1 + (2 - gap) * t) * (1 - gap) ** t
    return math.hypot(slow, fast) / math.sqrt(2)


def _best_pair(kappa: float) -> str:
    lr, beta = nesterov_best_pair(kappa)
    return f"nesterov_strongly_convex:lr={lr!r},beta={beta!r}"


GD = Method(
    name="gradient descent",
    optimizer=lambda kappa: "gd:lr=two-over-sum",
    start="slow",
    distance=lambda t, kappa: ((kappa - 1) / (kappa + 1)) ** t,
    kappas=SMALL,
    record="log",
)
BALL = Method(
    name="heavy ball",
    optimizer=lambda kappa: "heavy_ball:lr=polyak,beta=polyak",
    start="slow",
    distance=lambda t, kappa: float(double_root(t, polyak_gap(kappa))),
)
BALL_BOTH = replace(BALL, name="heavy ball, both modes", start="equal", distance=_both_modes)
NESTEROV = Method(
    name="Nesterov",
    optimizer=lambda kappa: "nesterov_strongly_convex:lr=1/L,beta=nesterov",
    start="slow",
    distance=lambda t, kappa: float(double_root(t, nesterov_gap(kappa))),
)
NESTEROV_BEST = Method(
    name="Nesterov, best pair",
    optimizer=_best_pair,
    start="slow",
    distance=lambda t, kappa: float(double_root(t, nesterov_best_gap(kappa))),
)


def _sweep(*methods: Method) -> Callable[[Setting], Mapping[Key, RunSpec]]:
    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {(m.name, kappa): m.run(setting, kappa) for m in methods for kappa in m.kappas}

    return runs


def _times(evidence: Evidence, method: Method) -> list[float]:
    """Return the measured first passage of every kappa, between steps."""
    curves = [evidence.runs[method.name, kappa].curve for kappa in method.kappas]
    return [first_passage(c["step"], c["distance"] / c["distance"][0], LEVEL) for c in curves]


def _lines(evidence: Evidence, method: Method) -> tuple[Series, Series]:
    line = np.geomspace(SMALL[0], LARGE[-1], 40)
    times = _times(evidence, method)
    fit = scaling_exponent(method.kappas, times)
    label = f"{method.name}: exponent {fit.value:.4f} +- {2 * fit.error:.4f}"
    exact = [method.time(float(kappa)) for kappa in line]
    return (
        series(label, method.kappas, times, points=True),
        theory(f"{method.name}: exact", line, exact),
    )


def _scaling(
    evidence: Evidence, exponent: float, methods: Sequence[Method], caption: str
) -> Finding:
    """Judge the first method's exponent, and every one of its times; draw all methods."""
    method = methods[0]
    times = _times(evidence, method)
    fit: ScalingExponent = scaling_exponent(method.kappas, times)
    exact = [method.time(kappa) for kappa in method.kappas]
    judged = verdicts.equals(fit.value, exponent, evidence.tolerance)
    interval = (fit.value - 2 * fit.error, fit.value + 2 * fit.error)
    plot = Plot(
        x_label="kappa",
        y_label="iterations to |x_t| = 1e-8 |x_0|",
        x_scale="log",
        y_scale="log",
        series=tuple(part for m in methods for part in _lines(evidence, m)),
        caption=caption,
    )
    parts = [replace(judged, interval=interval), verdicts.equals(times, exact, PASSAGE)]
    return all_of(parts, plot=plot)


QUADRATICS = "quadratics with eigenvalues mu and L, kappa from 32 to 10^4"
SLOW = f"{QUADRATICS}; start along the mode mu"


@claim(
    "K-01a",
    "Gradient descent takes iterations proportional to kappa, tuned momentum to sqrt(kappa).",
    formula=r"N_{\mathrm{GD}}(10^{-8}) = \frac{8 \ln 10}{\ln \frac{\kappa + 1}{\kappa - 1}} "
    r"\approx 9.2 \, \kappa, \quad N_{\mathrm{HB}}, N_{\mathrm{NAG}} \propto \sqrt{\kappa}",
    assumptions="quadratics with kappa from 10 to 3162; start along the mode mu; eta = 2/(L + mu)",
    source="Polyak 1987, section 1.4",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=1e-3, reason="finite kappa bends the exact curve by 4e-4"),
    rule="gd",
    runs=_sweep(GD, BALL, NESTEROV),
    headline="Momentum makes sqrt(kappa) of kappa",
    long=True,
)
def k_01a(evidence: Evidence) -> Finding:
    """Fit the exponent, hold every time of all three methods against the exact one."""
    plain = _scaling(
        evidence,
        1.0,
        (GD, BALL, NESTEROV),
        "Tuned momentum turns iterations proportional to kappa into iterations proportional to "
        "sqrt(kappa). The dashed curves are exact; exponents with two standard errors.",
    )
    accelerated = [
        verdicts.equals(_times(evidence, m), [m.time(kappa) for kappa in m.kappas], PASSAGE)
        for m in (BALL, NESTEROV)
    ]
    return all_of([plain, *accelerated])


@claim(
    "K-01b",
    "Heavy ball with Polyak's pair takes iterations proportional to sqrt(kappa).",
    formula=r"N(10^{-8}) \propto \kappa^{1/2}, \quad "
    r"|x_t| = \left(1 + (1 - \rho) t\right) \rho^t |x_0|",
    assumptions=SLOW,
    source="Polyak 1964; Lessard, Recht and Packard 2016, table 1",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=0.004, reason="finite kappa bends the exact curve by .0027"),
    rule="heavy_ball",
    runs=_sweep(BALL),
)
def k_01b(evidence: Evidence) -> Finding:
    """Fit the exponent and hold every time against the exact one."""
    caption = "From a start along the slowest mode the exponent is 1/2."
    return _scaling(evidence, 0.5, (BALL,), caption)


@claim(
    "K-01c",
    "Nesterov's method takes iterations proportional to sqrt(kappa).",
    formula=r"N(10^{-8}) \propto \kappa^{1/2}, \quad "
    r"|x_t| = \left(1 + \frac{t}{\sqrt{\kappa}}\right) "
    r"\left(1 - \frac{1}{\sqrt{\kappa}}\right)^t |x_0|",
    assumptions=f"{SLOW}; eta = 1/L",
    source="Nesterov 2004, section 2.2; Lessard, Recht and Packard 2016, table 1",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=0.025, reason="-ln(1 - 1/sqrt kappa) is 9 % off at kappa = 32"),
    rule="nesterov_strongly_convex",
    runs=_sweep(NESTEROV),
)
def k_01c(evidence: Evidence) -> Finding:
    """Fit the exponent and hold every time against the exact one."""
    caption = "The exponent nears 1/2 from above: small kappa do better than the law."
    return _scaling(evidence, 0.5, (NESTEROV,), caption)


@claim(
    "K-01d",
    "From a start with both modes heavy ball's transient adds a little to the exponent 1/2.",
    formula=r"N(10^{-8}) \propto \kappa^p, \quad p \approx \frac{1}{2} + "
    r"\frac{1/2}{\ln(10^8 \sqrt{\kappa})} > \frac{1}{2}",
    assumptions=f"{QUADRATICS}; equal parts of both modes; Polyak's pair",
    source="the double roots of Polyak's recurrence, from rest; cf. Polyak 1964",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=1e-3, reason="as the fitted exponent of the exact curve"),
    rule="heavy_ball",
    runs=_sweep(BALL_BOTH),
)
def k_01d(evidence: Evidence) -> Finding:
    """Compare with the exponent fitted to the exact times: legitimately above one half."""
    exact = scaling_exponent(LARGE, [BALL_BOTH.time(kappa) for kappa in LARGE]).value
    caption = "The fast mode first rises by sqrt(kappa)/e, which takes its time to decay."
    return all_of(
        [
            _scaling(evidence, exact, (BALL_BOTH,), caption),
            verdicts.holds(exact > 0.51, theory="above 1/2", measured=exact),
        ]
    )


@claim(
    "K-01e",
    "Nesterov's method with the pair that is best on quadratics scales like sqrt(kappa) too.",
    formula=r"N(10^{-8}) \propto \kappa^{1/2}, \quad "
    r"\rho = 1 - \frac{2}{\sqrt{3 \kappa + 1}}",
    assumptions=f"{SLOW}; eta = 4/(3 L + mu), beta = (r - 2)/(r + 2), r = sqrt(3 kappa + 1)",
    source="Lessard, Recht and Packard 2016, table 1",
    kind=Kind.SCALING,
    tolerance=Tolerance(absolute=0.025, reason="-ln(1 - s) is 10 % off at kappa = 32"),
    rule="nesterov_strongly_convex",
    runs=_sweep(NESTEROV_BEST),
)
def k_01e(evidence: Evidence) -> Finding:
    """Fit the exponent and hold every time against the exact one."""
    caption = "The best pair for quadratics changes the constant, not the exponent."
    return _scaling(evidence, 0.5, (NESTEROV_BEST,), caption)
