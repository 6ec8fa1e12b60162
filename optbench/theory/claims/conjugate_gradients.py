"""The limit on quadratics: conjugate gradients, and Chebyshev's polynomials behind it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._meinardus import MEINARDUS
from optbench.theory.finding import Finding, all_of, tightest_first
from optbench.theory.formulas.rates import heavy_ball_rate
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B, Tolerance

KAPPAS = (100.0, 1e4)
VISIBLE = 1e-12
"""Bound on |e_t|/|e_0| below which roundings decide."""


def chebyshev_decay(t: Array, kappa: float) -> Array:
    """Return 1/T_t((kappa + 1)/(kappa - 1))."""
    return np.asarray(1 / np.cosh(t * np.arccosh((kappa + 1) / (kappa - 1))))


def _energy(run: Run) -> Array:
    """Return |e_t|_A/|e_0|_A: f - f* = |e|_A^2/2."""
    gap = run.curve["suboptimality"]
    return np.asarray(np.sqrt(gap / gap[0]))


SPECTRA = ("log_uniform", "uniform", "gap", "power")


@claim(
    "CG-01a",
    "On quadratics the energy norm of conjugate gradients' error falls at least like 1/T_t, which "
    "is below 2 q^t, q = (sqrt kappa - 1)/(sqrt kappa + 1).",
    formula=r"\frac{\|e_t\|_A}{\|e_0\|_A} \leq \frac{1}{T_t\left(\frac{\kappa + 1}{\kappa - 1}"
    r"\right)} \leq 2 q^t",
    assumptions="f a strongly convex quadratic; T_t Chebyshev's polynomial; down to 1e-12, where "
    "roundings decide",
    source="Golub and Van Loan 2013, theorem 11.3.3",
    kind=Kind.BOUND,
    tolerance=B,
    rule="conjugate_gradient",
    runs=lambda setting: {
        (spectrum, kappa): setting.run(
            f"quadratic:dim=200,kappa={kappa!r},spectrum={spectrum},rotated=false,start=equal",
            "conjugate_gradient",
            steps=250,
        )
        for spectrum in SPECTRA
        for kappa in KAPPAS
    },
)
def cg_01a(evidence: Evidence) -> Finding:
    """Check four spectra at two condition numbers; CG-01b has the spectra that attain it."""
    findings, lines = [], []
    for spectrum, kappa in itertools.product(SPECTRA, KAPPAS):
        run = evidence.runs[spectrum, kappa]
        t = run.curve["step"][1:]
        bound, error = chebyshev_decay(t, kappa), _energy(run)[1:]
        simple = 2 * heavy_ball_rate(kappa=kappa) ** t
        seen = bound > VISIBLE
        findings += [
            verdicts.below(error[seen], bound[seen], evidence.tolerance),
            verdicts.holds(
                bool((bound <= simple * (1 + 1e-9)).all()), theory="2 q^t", measured="1/T_t above"
            ),
        ]
        if kappa == KAPPAS[0]:
            shown = t <= 120
            lines.append(series(f"spectrum {spectrum}", t[shown], error[shown]))
    t = np.arange(121.0)
    plot = Plot(
        x_label="steps t",
        y_label="|e_t|/|e_0| in the energy norm",
        y_scale="log",
        series=(
            *lines,
            theory("1/T_t", t, chebyshev_decay(t, KAPPAS[0])),
            theory("2 q^t", t, 2 * heavy_ball_rate(kappa=KAPPAS[0]) ** t),
        ),
        caption="kappa = 100, 200 eigenvalues. The bound knows the two extreme ones only; the "
        "others decide how much faster it is.",
    )
    return all_of(tightest_first(findings), plot=plot)


DEGREES = (1, 2, 5, 10, 20, 40)


@claim(
    "CG-01b",
    "For each t some quadratic makes conjugate gradients exactly as slow as 1/T_t.",
    formula=r"\|e_t\|_A = \frac{\|e_0\|_A}{T_t\left(\frac{\kappa + 1}{\kappa - 1}\right)}",
    assumptions="eigenvalues at the extrema of T_t, t + 1 of them, the start weighted by 1/lambda",
    source="Meinardus 1963; Li 2008",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="conjugate_gradient",
    runs=lambda setting: {
        (t, kappa): setting.run(
            f"{MEINARDUS}:steps={t},kappa={kappa!r}", "conjugate_gradient", steps=t
        )
        for t in DEGREES
        for kappa in KAPPAS
    },
)
def cg_01b(evidence: Evidence) -> Finding:
    """Run the worst quadratic of each t for t steps."""
    t = np.array(DEGREES, dtype=np.float64)
    ends = {
        kappa: np.array([_energy(evidence.runs[n, kappa])[-1] for n in DEGREES]) for kappa in KAPPAS
    }
    line = np.arange(1.0, 41)
    plot = Plot(
        x_label="steps t",
        y_label="|e_t|/|e_0| in the energy norm",
        y_scale="log",
        series=(
            *(series(f"kappa = {k:g}", t, end, points=True) for k, end in ends.items()),
            *(theory(f"1/T_t, kappa = {k:g}", line, chebyshev_decay(line, k)) for k in KAPPAS),
        ),
        caption="Each point is another quadratic, the worst for its t.",
    )
    return all_of(
        [
            verdicts.equals(end, chebyshev_decay(t, kappa), evidence.tolerance)
            for kappa, end in ends.items()
        ],
        plot=plot,
    )


DISTINCT = {
    1: "quadratic:dim=20,kappa=1",
    2: "quadratic:dim=20,kappa=100,spectrum=two_mode",
    3: "quadratic:dim=3,kappa=100",
    5: "quadratic:dim=20,kappa=100,spectrum=clustered",
    7: "quadratic:dim=7,kappa=100",
}
"""Number of distinct eigenvalues to a problem; rotated, so that no axis is an eigenvector."""

ENDED = Tolerance(absolute=1e-9, reason="rounding, which a nearly solved system enlarges")


@claim(
    "CG-02",
    "Conjugate gradients ends after as many steps as there are distinct eigenvalues.",
    formula=r"e_m = 0, \quad e_{m-1} \neq 0",
    assumptions="f a quadratic with m distinct eigenvalues, the start along all of them; up to "
    "rounding, for m <= 10",
    source="Hestenes and Stiefel 1952, theorem 4:2; the minimal polynomial has degree m",
    kind=Kind.IDENTITY,
    tolerance=ENDED,
    rule="conjugate_gradient",
    runs=lambda setting: {
        m: setting.run(problem, "conjugate_gradient", steps=m) for m, problem in DISTINCT.items()
    },
)
def cg_02(evidence: Evidence) -> Finding:
    """Look at the distance one step before the end and at the end: above 1e-6, below 1e-9."""
    runs = [evidence.runs[m] for m in DISTINCT]
    away = [run.curve["distance"] for run in runs]
    before = np.array([d[-2] for d in away])
    # A straight line in the figure: exact zeros are shown at the rounding of the start.
    lines = [
        series(f"m = {m}", np.arange(len(d)), np.maximum(d, 1e-16))
        for m, d in zip(DISTINCT, away, strict=True)
    ]
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=(*lines, theory("over: below 1e-9", [0, max(DISTINCT)], [1e-9, 1e-9])),
        caption="Every run drops to rounding at its m-th step, and not before.",
    )
    return all_of(
        [
            verdicts.equals([d[-1] for d in away], 0.0, evidence.tolerance),
            verdicts.holds(
                bool((before > 1e-6).all()), theory="not before", measured=float(before.min())
            ),
        ],
        plot=plot,
    )


SPAN = {
    "gradient descent": "gd:lr=two-over-sum",
    "heavy ball": "heavy_ball:lr=polyak,beta=polyak",
    "Nesterov": "nesterov_strongly_convex:lr=1/L,beta=nesterov",
    "Chebyshev": "chebyshev",
    "conjugate gradients": "conjugate_gradient",
}
LIMITS = {"log_uniform": 150, "uniform": 150, "two_mode": 20}
"""Spectrum to steps."""


def _side_by_side(setting: Setting) -> Mapping[Key, RunSpec]:
    """All methods from the same start; each takes one product with the matrix a step."""
    return {
        (spectrum, name): setting.run(
            f"quadratic:dim=100,kappa=100,spectrum={spectrum}", text, steps=steps
        )
        for spectrum, steps in LIMITS.items()
        for name, text in SPAN.items()
    }


@claim(
    "CG-03",
    "On quadratics no method in the span of gradients is below conjugate gradients at any step.",
    formula=r"f(x_t^{\mathrm{CG}}) \leq f(x_t)",
    assumptions="f a quadratic, the same start, x_t - x_0 in the span of the gradients seen, until "
    "f has fallen by 1e-22",
    source="Hestenes and Stiefel 1952, theorem 4:3: x_t minimises f over the Krylov space",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=_side_by_side,
)
def cg_03(evidence: Evidence) -> Finding:
    """Compare four methods step by step; at the first step of two equal eigenvalues they tie."""
    findings, lines = [], []
    for spectrum in LIMITS:
        limit = evidence.runs[spectrum, "conjugate gradients"].curve["suboptimality"]
        window = np.flatnonzero(limit > 1e-22 * limit[0])[1:]
        for name in SPAN:
            gap = evidence.runs[spectrum, name].curve["suboptimality"]
            if gap is not limit:
                findings.append(verdicts.above(gap[window], limit[window], evidence.tolerance))
            if spectrum == "log_uniform":
                lines.append((name, gap))
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        y_scale="log",
        series=tuple(
            theory(name, np.arange(len(gap)), gap)
            if name == "conjugate gradients"
            else series(name, np.arange(len(gap)), gap)
            for name, gap in lines
        ),
        caption="kappa = 100, 100 eigenvalues. Conjugate gradients is the limit, dashed, for all "
        "of them.",
    )
    return all_of(tightest_first(findings), plot=plot)


@claim(
    "CG-04",
    "After t Chebyshev steps no error mode is larger than 1/T_t, and the extreme ones are exactly "
    "that.",
    formula=r"\max_{\mu \leq \lambda \leq L} |p_t(\lambda)| = \frac{1}{T_t\left(\frac{\kappa + 1}"
    r"{\kappa - 1}\right)}",
    assumptions="f a quadratic, L and mu known; here kappa = 100, on 4001 eigenvalues",
    source="Flanders and Shortley 1950; Golub and Varga 1961",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="chebyshev",
    runs=lambda setting: {
        "grid": setting.run(
            "quadratic:dim=4001,kappa=100,spectrum=uniform,rotated=false,start=equal",
            "chebyshev",
            steps=40,
            points=True,
        )
    },
)
def cg_04(evidence: Evidence) -> Finding:
    """Read the residual polynomials off the coordinates x_t/x_0, one eigenvalue each."""
    run = evidence.runs["grid"]
    assert run.points is not None
    t = np.arange(1.0, 41)
    polynomials = run.points[1:] / run.points[0]
    largest = np.abs(polynomials).max(axis=1)
    bound = chebyshev_decay(t, 100.0)
    plot = Plot(
        x_label="steps t",
        y_label="largest |p_t(lambda)|",
        y_scale="log",
        series=(
            series("largest of 4001 modes", t, largest, points=True),
            theory("1/T_t", t, bound),
        ),
        caption="The error polynomial is as small on the whole of [mu, L] as a polynomial with "
        "p(0) = 1 can be.",
    )
    return all_of(
        [
            verdicts.equals(largest, bound, evidence.tolerance),
            verdicts.equals(np.abs(polynomials[:, 0]), bound, evidence.tolerance),
        ],
        plot=plot,
    )
