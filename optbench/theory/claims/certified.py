"""Exact worst cases by semidefinite programming: no function of the class is worse.

Step coefficients come from probing the optimizer in the harness. Where a worst function is known,
it is run too, and ends at the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.certificates.programs import worst_case
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._certified import drawn_certificates
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.rates import gd_contraction, gd_convex, nesterov_strongly_convex
from optbench.theory.formulas.worst_cases import (
    fista_displacement,
    gd_convex_gradient,
    gd_convex_gradient_by_gap,
    gd_strongly_convex_by_radius,
    minimax_convex,
    nesterov_displacement,
    nesterov_exact,
)
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.probes.coefficients import (
    StepCoefficients,
    smooth_functions,
    step_coefficients,
)
from optbench.theory.probes.steps import ProbeError
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, P, Tolerance

UNIT: dict[str, Any] = {"smoothness": 1.0, "radius": 1.0}
STRONG = smooth_functions(1.0, 0.1)
"""kappa = 10."""


def method_of(
    evidence: Evidence,
    text: str,
    steps: int,
    facts: Facts | None = None,
    *,
    schedule: str = "constant",
) -> StepCoefficients:
    """Probe the optimizer of a text, or the user's in its place."""
    try:
        return step_coefficients(str(evidence.optimizer(text)), steps, facts, schedule=schedule)
    except OptbenchError as error:
        raise ProbeError(str(error)) from error


SHOWN = {1.0: (1, 2, 3, 5), 1.5: (1, 2, 4), 1.9: (1, 2, 4)}
"""h = L eta to horizons T; at the last h the overshooting parabola is the worst function."""

FINE = np.arange(1.0, 9.0)
"""Horizons that closed forms are drawn through."""

GAP = "(f(x_T) - f*)/(L R^2) at worst"


def _attained_values(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        (h, T): setting.run(
            "parabola:curvature=1" if h == 1.9 else f"huber:T={T},step={h}", f"gd:lr={h}/L", steps=T
        )
        for h, horizons in SHOWN.items()
        for T in horizons
    }


@claim(
    "PEP-01",
    "No convex function is worse for gradient descent than the closed form says, for 0 < h < 2.",
    formula=r"f(x_T) - f^* \leq \frac{L R^2}{2} \max\left(\frac{1}{2 h T + 1}, (1-h)^{2T}\right)",
    assumptions="f convex and L-smooth, h = L eta in (0, 2)",
    source="Drori and Teboulle 2014, theorem 3.1 (h <= 1); Kim 2024, arXiv 2412.04427 (h < 2)",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    runs=_attained_values,
    extra="pepit",
)
def pep_01(evidence: Evidence) -> Finding:
    """Certify and run each pair of step size and horizon."""
    findings, parts = [], []
    for h, horizons in SHOWN.items():
        exact = gd_convex(horizons, lr=h, **UNIT)
        methods = [method_of(evidence, f"gd:lr={h}/L", T) for T in horizons]
        certified = [worst_case(method, smooth_functions()) for method in methods]
        reached = [evidence.runs[h, T].last("suboptimality") for T in horizons]
        findings.append(verdicts.equals(certified, exact, P))
        findings.append(verdicts.equals(reached, exact, E2))
        parts.append((f"h = {h}", horizons, certified, FINE, gd_convex(FINE, lr=h, **UNIT)))
    caption = (
        "Every point is the solution of a semidefinite program over all convex functions, and the "
        "end of a run on the worst of them. At h = 1.9 that is the parabola."
    )
    return all_of(findings, plot=drawn_certificates(parts, GAP, caption))


CONVEX = ((1.0, 1), (1.0, 3), (1.5, 2), (1.9, 2))
"""h = L eta and T."""


def _attained_gradients(setting: Setting) -> Mapping[Key, RunSpec]:
    """For a start at distance 1, and for one at the gap 1, which is tau^2 (h T + 1/2)."""
    runs: dict[Key, RunSpec] = {}
    for h, T in CONVEX[:-1]:
        tau = (h * T + 0.5) ** -0.5
        by_gap = f"huber:tau={tau!r},radius={(h * T + 1) * tau!r}"
        runs[h, T, "radius"] = setting.run(f"huber:tau={1 / (h * T + 1)!r}", f"gd:lr={h}", steps=T)
        runs[h, T, "gap"] = setting.run(by_gap, f"gd:lr={h}", steps=T)
    return runs


@claim(
    "PEP-02",
    "The last gradient of gradient descent on a convex function is at worst as the closed forms by "
    "the distance and by the starting gap say.",
    formula=r"\|g_T\| \leq L R \max\left(\frac{1}{h T + 1}, |1-h|^T\right), \quad "
    r"\|g_T\|^2 \leq 2 L D_0 \max\left(\frac{1}{2 h T + 1}, (1-h)^{2T}\right)",
    assumptions="f convex and L-smooth, h = L eta in (0, 2)",
    source="Taylor, Hendrickx and Glineur 2017; Kim and Fessler 2021",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    runs=_attained_gradients,
    extra="pepit",
)
def pep_02(evidence: Evidence) -> Finding:
    """Certify and run both normalisations, which have different worst functions."""
    findings, points = [], []
    for h, T in CONVEX:
        method, f = method_of(evidence, f"gd:lr={h}/L", T), smooth_functions()
        by_radius = float(gd_convex_gradient(T, lr=h, **UNIT)) ** 2
        by_gap = float(gd_convex_gradient_by_gap(T, smoothness=1.0, start_gap=1.0, lr=h))
        certified = [
            worst_case(method, f, measure="gradient"),
            worst_case(method, f, measure="gradient", start="value"),
        ]
        findings.append(verdicts.equals(certified, [by_radius, by_gap], P))
        points.append((h, T, *certified))
        if (h, T, "gap") in evidence.runs:
            ends = [evidence.runs[h, T, by].last("gradient_norm") ** 2 for by in ("radius", "gap")]
            findings.append(verdicts.equals(ends, [by_radius, by_gap], E2))
    one = [(T, radius, gap) for h, T, radius, gap in points if h == 1]
    steps, by_radius_found, by_gap_found = zip(*one, strict=True)
    squared = gd_convex_gradient(FINE, lr=1.0, **UNIT) ** 2
    halved = gd_convex_gradient_by_gap(FINE, smoothness=1.0, start_gap=1.0, lr=1.0)
    parts = [
        ("by the distance, R = 1", steps, by_radius_found, FINE, squared),
        ("by the gap, D_0 = 1", steps, by_gap_found, FINE, halved),
    ]
    caption = "h = 1, L = 1. Started at a distance the squared gradient falls like 1/T^2 at worst, "
    caption += "started at a gap like 1/T."
    return all_of(findings, plot=drawn_certificates(parts, "|g_T|^2 at worst", caption))


RATES = (("1.0/L", 1.0), ("two-over-sum", 2 / 1.1), ("1.9/L", 1.9))
"""Texts and numbers of learning rates, for L = 1 and mu = 0.1."""


def _slow_or_steep(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        (h, mode): setting.run(f"parabola:curvature={mode}", f"gd:lr={h!r}", steps=3)
        for _, h in RATES
        for mode in (0.1, 1.0)
    }


@claim(
    "PEP-03",
    "On strongly convex functions distance and gap contract at worst by rho^2 a step, and by the "
    "distance the gap after T steps has an exact worst case too.",
    formula=r"f_T - f^* \leq \rho^{2T} D_0, \quad f_T - f^* \leq \frac{L R^2}{2} \max\left("
    r"\frac{1/\kappa}{1/\kappa - 1 + (1 - h/\kappa)^{-2T}}, (1-h)^{2T}\right)",
    assumptions="f mu-strongly convex and L-smooth, 0 < h = L eta < 2; here kappa = 10, T = 3",
    source="Polyak 1987; Taylor, Hendrickx and Glineur 2018; Kim 2024, arXiv 2412.04427",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    runs=_slow_or_steep,
    extra="pepit",
)
def pep_03(evidence: Evidence) -> Finding:
    """Certify three step sizes; a parabola attains the contraction."""
    findings, points = [], []
    for text, h in RATES:
        method = method_of(evidence, f"gd:lr={text}", 3, STRONG)
        rate = gd_contraction(smoothness=1.0, strong_convexity=0.1, lr=h) ** 6
        by_radius = float(gd_strongly_convex_by_radius(3, strong_convexity=0.1, lr=h, **UNIT))
        certified = [
            worst_case(method, STRONG, measure="distance"),
            worst_case(method, STRONG, start="value"),
            worst_case(method, STRONG),
        ]
        ends = max(evidence.runs[h, mode].last("distance") ** 2 for mode in (0.1, 1.0))
        findings.append(verdicts.equals(certified, [rate, rate, by_radius], P))
        findings.append(verdicts.equals(ends, rate, E2))
        points.append(certified[1:])
    fine = np.linspace(0.6, 1.98, 70)
    rates = [gd_contraction(smoothness=1.0, strong_convexity=0.1, lr=h) ** 6 for h in fine]
    by_radius_line = [
        float(gd_strongly_convex_by_radius(3, strong_convexity=0.1, lr=h, **UNIT)) for h in fine
    ]
    tried, (by_gap, from_radius) = [h for _, h in RATES], zip(*points, strict=True)
    plot = Plot(
        x_label="h = L eta",
        y_label="f(x_3) - f* at worst",
        y_scale="log",
        series=(
            series("by D_0 = 1: certificate", tried, by_gap, points=True),
            theory("by D_0 = 1: rho^6", fine, rates),
            series("by L R^2 = 1: certificate", tried, from_radius, points=True),
            theory("by L R^2 = 1: closed form", fine, by_radius_line),
        ),
        caption="kappa = 10, three steps. By the gap 2/(L + mu) is best; by the distance another "
        "step is, where the parabola L and the worst of the others are equally bad.",
    )
    return all_of(findings, plot=plot)


MOMENTA: dict[str, Callable[[int], float]] = {
    "nesterov_convex": lambda n: float(nesterov_displacement(n)),
    "fista": fista_displacement,
}
"""Rule to c_n."""


def _nesterov_hubers(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        (name, n): setting.run(f"huber:tau={1 / (2 * c(n) + 1)!r}", f"{name}:lr=1/L", steps=n)
        for name, c in MOMENTA.items()
        for n in (1, 3, 5)
    }


@claim(
    "PEP-04",
    "Nesterov's method is at worst L R^2/(4 c_n + 2) above the minimum, where c_n is how far it "
    "goes on a linear function.",
    formula=r"f(x_n) - f^* \leq \frac{L R^2}{4 c_n + 2}, \quad c_n = \frac{n^2 + 5 n + 2}{8}",
    assumptions="f convex and L-smooth, eta = 1/L; the simple rule and FISTA's, whose c_n is a "
    "recursion",
    source="Taylor, Hendrickx and Glineur 2017, table 1 (a numerical conjecture)",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="nesterov_convex",
    runs=_nesterov_hubers,
    extra="pepit",
)
def pep_04(evidence: Evidence) -> Finding:
    """Certify both rules of momentum and run the Huber function of each horizon."""
    keys = [(name, n) for name in MOMENTA for n in (1, 3, 5)]
    exact = [float(nesterov_exact(MOMENTA[name](n), **UNIT)) for name, n in keys]
    methods = [method_of(evidence, f"{name}:lr=1/L", n) for name, n in keys]
    certified = [worst_case(method, smooth_functions()) for method in methods]
    reached = [evidence.runs[key].last("suboptimality") for key in keys]
    fine = [int(n) for n in FINE]
    parts = [
        (name, (1, 3, 5), certified[i : i + 3], fine, [_nesterov_value(c, n) for n in fine])
        for i, (name, c) in zip((0, 3), MOMENTA.items(), strict=True)
    ]
    plain = quoted("gradient descent, 1/(4 T + 2)", FINE, 1 / (4 * FINE + 2))
    caption = "Two rules of momentum, nearly the same worst case: better than gradient descent "
    caption += "from the third step on."
    return all_of(
        [verdicts.equals(certified, exact, P), verdicts.equals(reached, exact, E2)],
        plot=drawn_certificates(parts, GAP, caption, plain),
    )


def _nesterov_value(displacement: Callable[[int], float], n: int) -> float:
    return float(nesterov_exact(displacement(n), **UNIT))


DIGITS = Tolerance(absolute=1e-5, reason="five digits, known from semidefinite programs alone")


@claim(
    "PEP-05",
    "Nesterov's method for strongly convex functions keeps its guarantee; its exact worst case is "
    "lower, .548 of the potential for .684 after one step at kappa = 10.",
    formula=r"f(x_t) - f^* \leq (1 - 1/\sqrt{\kappa})^t (D_0 + \mu R^2/2)",
    assumptions="f mu-strongly convex and L-smooth, eta = 1/L, beta = (sqrt kappa - 1)/(sqrt kappa "
    "+ 1); here kappa = 10 and t = 1, 4, 8",
    source="d'Aspremont, Scieur and Taylor 2021, corollary 4.15",
    kind=Kind.BOUND,
    tolerance=P,
    rule="nesterov_strongly_convex",
    long=True,
    extra="pepit",
)
def pep_05(evidence: Evidence) -> Finding:
    """Certify the potential's decrease: exact worst cases to five digits, below the bound."""
    steps, text = (1, 4, 8), "nesterov_strongly_convex:lr=1/L,beta=nesterov"
    methods = [method_of(evidence, text, t, STRONG) for t in steps]
    certified = [worst_case(method, STRONG, start="potential") for method in methods]
    # D_0 + mu R^2/2 = 1, however it is shared out.
    bounds = nesterov_strongly_convex(
        steps, smoothness=1.0, strong_convexity=0.1, start_gap=1.0, radius=0.0
    )
    exact = verdicts.equals(certified, [0.54794, 0.13031, 0.01432], DIGITS)
    line = np.arange(0.0, 10.0)
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(D_0 + mu R^2/2) at worst",
        y_scale="log",
        series=(
            series("certificate", steps, certified, points=True),
            theory("(1 - 1/sqrt(kappa))^t", line, (1 - 10**-0.5) ** line),
        ),
        caption="kappa = 10. The guarantee is not tight: what is possible at worst falls faster.",
    )
    return all_of([verdicts.below(certified, bounds, P), exact], plot=plot)


def _ogm_both(setting: Setting) -> Mapping[Key, RunSpec]:
    """Both a Huber function with tau = 1/theta^2 and the parabola are the worst."""
    return {
        (n, kind): setting.run(problem, "ogm:lr=1/L", steps=n)
        for n in (1, 2, 5)
        for kind, problem in (
            ("huber", f"huber:tau={2 * minimax_convex(n, **UNIT)!r}"),
            ("parabola", "parabola:curvature=1"),
        )
    }


@claim(
    "PEP-06",
    "The optimized gradient method has the smallest worst case of all first-order methods.",
    formula=r"f(x_T) - f^* \leq \frac{L R^2}{2 \theta_T^2}",
    assumptions="f convex and L-smooth, eta = 1/L, T known beforehand",
    source="Kim and Fessler 2016, theorem 2; Drori 2017",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="ogm",
    runs=_ogm_both,
    extra="pepit",
)
def pep_06(evidence: Evidence) -> Finding:
    """Certify three horizons and run both of its worst functions."""
    findings, found = [], []
    for n in (1, 2, 5):
        exact = minimax_convex(n, **UNIT)
        certified = worst_case(method_of(evidence, "ogm:lr=1/L", n), smooth_functions())
        found.append(certified)
        ends = [evidence.runs[n, kind].last("suboptimality") for kind in ("huber", "parabola")]
        findings += [verdicts.equals(certified, exact, P), verdicts.equals(ends, exact, E2)]
    least = [minimax_convex(int(n), **UNIT) for n in FINE]
    nesterov = nesterov_exact(nesterov_displacement(FINE), **UNIT)
    plot = drawn_certificates(
        [("optimized gradient method", (1, 2, 5), found, FINE, least)],
        GAP,
        "No first-order method has a smaller worst case; Nesterov's tends to twice as much.",
        theory("Nesterov's method", FINE, nesterov),
        theory("gradient descent", FINE, gd_convex(FINE, lr=1.0, **UNIT)),
    )
    return all_of(findings, plot=plot)
