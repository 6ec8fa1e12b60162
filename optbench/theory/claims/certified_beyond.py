"""Exact worst cases beyond constant steps on smooth convex functions, by semidefinite programming.

Heavy ball off quadratics; functions that are not smooth, or not convex; exact line search, random
terms, silver steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.certificates.programs import exact_line_search, one_stochastic_step, worst_case
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._certified import drawn_certificates
from optbench.theory.claims.certified import GAP, STRONG, UNIT, method_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.rates import gd_convex
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.probes.coefficients import smooth_functions
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B, P, Tolerance

SILVER = "optbench.schedules.silver:silver"

LIPSCHITZ = Facts(dim=1, lipschitz=1.0, convex=True)

POLYAK = "heavy_ball:lr=polyak,beta=polyak"


def _cycle(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"cycle": setting.run("lessard_recht_packard", POLYAK, steps=300)}


@claim(
    "PEP-07",
    "Off quadratics heavy ball with Polyak's pair does not contract: its worst distance grows with "
    "the steps.",
    formula=r"\max_{F_{\mu, L}} \|x_n - x^*\|^2 / R^2 = 7.92, 11.0, 18.06 \quad (n = 2, 4, 8)",
    assumptions="f mu-strongly convex and L-smooth, kappa = 25",
    source="Lessard, Recht and Packard 2016; Goujaud, Taylor and Dieuleveut 2023",
    kind=Kind.NEGATIVE,
    tolerance=P,
    rule="heavy_ball",
    runs=_cycle,
    extra="pepit",
)
def pep_07(evidence: Evidence) -> Finding:
    """Certify that distances rise above the transient of quadratics; on one function it cycles."""
    facts = smooth_functions(1.0, 1 / 25)
    methods = [method_of(evidence, POLYAK, n, facts) for n in (2, 4, 8)]
    worst = [worst_case(method, facts, measure="distance") for method in methods]
    rho = 2 / 3
    transient = max((1 + (1 + rho) * t) * rho**t for t in range(9)) ** 2
    away = evidence.runs["cycle"].last("distance")
    grows = verdicts.holds(
        transient < worst[0] < worst[1] < worst[2] and away > 0.5,
        theory="grows, and cycles",
        measured=f"{worst[0]:.4g}, {worst[1]:.4g}, {worst[2]:.4g}; ends {away:.3g} away",
        reason="the worst distances do not grow, or the cycle is not there",
    )
    digits = Tolerance(absolute=0.005, reason="the numbers are known to two decimals")
    t = np.arange(9.0)
    plot = Plot(
        x_label="steps n",
        y_label="|x_n - x*|^2/R^2 at worst",
        series=(
            series("certificate, kappa = 25", (2, 4, 8), worst, points=True),
            theory("on quadratics", t, ((1 + (1 + rho) * t) * rho**t) ** 2),
        ),
        caption="On quadratics the overshoot fades; on strongly convex functions the worst "
        "distance goes on growing.",
    )
    return all_of([grows, verdicts.equals(worst, [7.92, 11.0, 18.06], digits)], plot=plot)


def _last_iterate(evidence: Evidence, n: int, schedule: str) -> float:
    text = f"gd:lr={(n + 1) ** -0.5!r}"
    return worst_case(method_of(evidence, text, n, LIPSCHITZ, schedule=schedule), LIPSCHITZ)


@claim(
    "PEP-08",
    "With a linear decay to zero the last iterate of the subgradient method is as good as any "
    "method's best: R G/sqrt(N + 1).",
    formula=r"f(x_{N+1}) - f^* \leq \frac{R G}{\sqrt{N+1}}, \quad "
    r"h_k = \frac{R (N + 1 - k)}{G (N+1)^{3/2}}",
    assumptions="f convex with subgradients up to G, N known beforehand",
    source="Zamani and Glineur 2023, arXiv 2307.11134",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    extra="pepit",
)
def pep_08(evidence: Evidence) -> Finding:
    """Certify the schedule `last_iterate`."""
    steps = np.array([1, 2, 4])
    certified = [_last_iterate(evidence, n, "last_iterate") for n in steps.tolist()]
    return verdicts.equals(certified, (steps + 1) ** -0.5, P)


@claim(
    "PEP-09",
    "With a constant step the last iterate of the subgradient method loses a factor that grows "
    "with the logarithm of N.",
    formula=r"\frac{\sqrt{N+1}}{R G} \max (f(x_{N+1}) - f^*) = 1.25, 1.365, 1.502 \quad "
    r"(N = 1, 2, 4)",
    assumptions="f convex with subgradients up to G, eta = R/(G sqrt(N + 1))",
    source="Zamani and Glineur 2023, arXiv 2307.11134",
    kind=Kind.NEGATIVE,
    tolerance=P,
    rule="gd",
    extra="pepit",
)
def pep_09(evidence: Evidence) -> Finding:
    """Certify the same steps without decay: worse by a factor that grows."""
    factors = [_last_iterate(evidence, n, "constant") * (n + 1) ** 0.5 for n in (1, 2, 4)]
    # At N = 1 the exact factor is 5/4; the others are known from semidefinite programs alone.
    digits = Tolerance(absolute=5e-4, reason="three decimals, as printed in the formula")
    growth = verdicts.holds(
        1 < factors[0] < factors[1] < factors[2],
        theory="grows",
        measured=", ".join(f"{factor:.4g}" for factor in factors),
    )
    known = verdicts.equals(factors[1:], [1.365, 1.502], digits)
    return all_of([verdicts.equals(factors[0], 1.25, P), growth, known])


def _nonconvex(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"run": setting.run("polyak_lojasiewicz", "gd:lr=1/L", steps=20)}


@claim(
    "PEP-10",
    "On smooth functions that need not be convex, some gradient among the first is at worst "
    "4 L D_0/(n h (4 - h) + 2).",
    formula=r"\min_{t \leq n} \|g_t\|^2 \leq \frac{4 L D_0}{n h (4 - h) + 2}",
    assumptions="f L-smooth, 0 < h = L eta <= 1",
    source="Abbaszadehpeivasti, de Klerk and Zamani 2022",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    runs=_nonconvex,
    extra="pepit",
)
def pep_10(evidence: Evidence) -> Finding:
    """Certify the bound as exact, and hold it against a run on a function that is not convex."""
    facts = Facts(dim=1, smoothness=1.0, convex=False)
    keys = ((1.0, 1), (1.0, 3), (0.5, 2))
    certified = [
        worst_case(
            method_of(evidence, f"gd:lr={h}/L", n), facts, measure="least_gradient", start="value"
        )
        for h, n in keys
    ]
    exact = [4 / (n * h * (4 - h) + 2) for h, n in keys]
    run = evidence.runs["run"]
    n, least = run.curve["step"], np.minimum.accumulate(run.curve["gradient_norm"] ** 2)
    bound = 4 * float(run.facts["smoothness"] or 0) * run.curve["suboptimality"][0] / (3 * n + 2)
    return all_of([verdicts.equals(certified, exact, P), verdicts.below(least, bound, B)])


def _steepest(setting: Setting) -> Mapping[Key, RunSpec]:
    """The first step of conjugate gradient is steepest descent with an exact line search."""
    problem = "quadratic:dim=2,spectrum=two_mode,kappa=10,rotated=false,start=10/1"
    return {"run": setting.run(problem, "conjugate_gradient", steps=1)}


@claim(
    "PEP-11",
    "A step of steepest descent with exact line search contracts the gap at worst by "
    "((kappa - 1)/(kappa + 1))^2, on quadratics and on all strongly convex functions.",
    formula=r"f(x^+) - f^* \leq \left(\frac{\kappa - 1}{\kappa + 1}\right)^2 (f(x) - f^*)",
    assumptions="f mu-strongly convex and L-smooth; attained from (1/mu, 1/L)",
    source="de Klerk, Glineur and Taylor 2017, theorem 1.2",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="conjugate_gradient",
    runs=_steepest,
    extra="pepit",
)
def pep_11(evidence: Evidence) -> Finding:
    """Certify one step, and take it on the worst quadratic."""
    gaps = evidence.runs["run"].curve["suboptimality"]
    exact = (9 / 11) ** 2
    certified = exact_line_search(smoothness=1.0, strong_convexity=0.1)
    return all_of(
        [verdicts.equals(certified, exact, P), verdicts.equals(gaps[1] / gaps[0], exact, E2)]
    )


@claim(
    "PEP-12",
    "One step of stochastic gradient descent on a finite sum: the expected distance has an exact "
    "worst case by the variance at the minimiser.",
    formula=r"E \|x_1 - x^*\|^2 \leq \left(\eta \frac{L - \mu}{2} R + \sqrt{(1 - \eta \frac{L + "
    r"\mu}{2})^2 R^2 + \eta^2 v^2}\right)^2",
    assumptions="every term mu-strongly convex and L-smooth, variance v^2 of its gradients at x*; "
    "here five terms, mu = 0.1, L = eta = v = 1, R = 2",
    source="Taylor and Bach 2019; PESTO and PEPit, stochastic gradient descent",
    kind=Kind.IDENTITY,
    tolerance=P,
    rule="gd",
    extra="pepit",
)
def pep_12(evidence: Evidence) -> Finding:
    """Certify the step that is taken along one term's gradient."""
    length = float(method_of(evidence, "gd:lr=1/L", 1, STRONG).points[-1, 0])
    certified = one_stochastic_step(
        length, smoothness=1.0, strong_convexity=0.1, deviation=1.0, radius=2.0, terms=5
    )
    exact = (0.9 / 2 * 2 + math.sqrt((1 - 1.1 / 2) ** 2 * 4 + 1)) ** 2
    return verdicts.equals(certified, exact, P)


def _silver_hubers(setting: Setting) -> Mapping[Key, RunSpec]:
    """The silver steps add up to r^j - 1, which gives the Huber function's tau."""
    r = 1 + math.sqrt(2)
    return {
        j: setting.run(
            f"huber:tau={1 / (2 * r**j - 1)!r}", "gd:lr=1/L", steps=2**j - 1, schedule=SILVER
        )
        for j in (1, 2, 3)
    }


@claim(
    "PEP-13",
    "O(1/T) is a statement about constant steps: silver steps, some of them beyond 2/L, are at "
    "worst of the order T^-1.27.",
    formula=r"f(x_n) - f^* \leq \frac{L R^2}{1 + \sqrt{4 r^{2j} - 3}}, \quad n = 2^j - 1, "
    r"\ r = 1 + \sqrt{2}",
    assumptions="f convex and L-smooth, eta_t = (1 + r^(nu(t + 1) - 1))/L, nu(k) the power of 2 in "
    "k",
    source="Altschuler and Parrilo 2023",
    kind=Kind.BOUND,
    tolerance=P,
    rule="gd",
    runs=_silver_hubers,
    extra="pepit",
)
def pep_13(evidence: Evidence) -> Finding:
    """Certify n = 1, 3, 7: below the bound and constant steps, and where a Huber function ends."""
    levels = np.array([1, 2, 3])
    steps, r = 2**levels - 1, 1 + math.sqrt(2)
    methods = [method_of(evidence, "gd:lr=1/L", int(n), schedule=SILVER) for n in steps]
    certified = [worst_case(method, smooth_functions()) for method in methods]
    reached = [evidence.runs[j].last("suboptimality") for j in (1, 2, 3)]
    bounds = 1 / (1 + np.sqrt(4 * r ** (2.0 * levels) - 3))
    levels = np.array([1.0, 2.0, 3.0, 4.0])
    fine = 2**levels - 1
    parts = [
        (
            "silver steps",
            steps.tolist(),
            certified,
            fine,
            1 / (1 + np.sqrt(4 * r ** (2 * levels) - 3)),
        ),
    ]
    plot = drawn_certificates(
        parts,
        GAP,
        "Some steps longer than 2/L make the worst case fall faster than any constant step does.",
        quoted("constant step 1/L, 1/(4 T + 2)", fine, gd_convex(fine, lr=1.0, **UNIT)),
    )
    return all_of(
        [
            verdicts.below(certified, bounds, P),
            verdicts.below(certified, gd_convex(steps, lr=1.0, **UNIT), P),
            verdicts.equals(certified, reached, P),
        ],
        plot=plot,
    )
