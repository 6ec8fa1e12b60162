"""Gradient descent on strongly convex functions: the exact geometric rates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.rates import gd_contraction, gd_strongly_convex
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B

KAPPAS = (2, 5, 10, 30, 100, 300, 1000, 3000, 10_000)
STEPS = 400
TWO_MODES = "dim=2,spectrum=two_mode,rotated=false,start=equal"


def _factor(kappa: float, lr: str) -> float:
    """Return rho for L = 1 at 1/L or at 2/(L + mu)."""
    eta = 1.0 if lr == "1/L" else 2 / (1 + 1 / kappa)
    return gd_contraction(smoothness=1, strong_convexity=1 / kappa, lr=eta)


def _both_step_sizes(setting: Setting) -> Mapping[Key, RunSpec]:
    def run(kappa: float, lr: str) -> RunSpec:
        start = TWO_MODES if lr != "1/L" else TWO_MODES.replace("equal", "slow")
        return setting.run(f"quadratic:kappa={kappa},{start}", f"gd:lr={lr}", steps=STEPS)

    return {(k, lr): run(k, lr) for k in KAPPAS for lr in ("two-over-sum", "1/L")}


@claim(
    "GD-10a",
    "On a quadratic the distance shrinks by (kappa - 1)/(kappa + 1) a step at eta = 2/(L + mu), by "
    "1 - 1/kappa at 1/L.",
    formula=r"\rho = \max(|1 - \eta \mu|, |1 - \eta L|), \quad |x_t - x^*| = \rho^t R",
    assumptions="quadratic with the modes mu and L, x_0 on both (2/(L + mu)) or on mu (1/L)",
    source="Polyak 1987, section 1.4; Taylor, Hendrickx and Glineur 2018",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_both_step_sizes,
    headline="Geometric rates against kappa, for both step sizes",
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="On strongly convex functions gradient descent converges like rho^t.",
            ruling=Ruling.OK,
            truth="rho = max(|1 - eta mu|, |1 - eta L|) for the distance and rho^2 for f.",
        ),
    ),
)
def gd_10a(evidence: Evidence) -> Finding:
    """Compare every point of 400 steps at nine kappas; the figure shows ln(1/rho) of the whole."""
    found, expected, rates = [], [], {}
    for key, run in evidence.runs.items():
        assert isinstance(key, tuple)
        t, e = run.curve["step"], run.curve["distance"] / run.curve["distance"][0]
        last = int(np.sum(e > 1e-140)) - 1  # below, the squares in a norm underflow
        found.append(e[: last + 1])
        expected.append(_factor(*key) ** t[: last + 1])
        rates[key] = -np.log(e[last]) / t[last]
    means = [np.exp(-rate) for rate in rates.values()]
    kappas = np.array(KAPPAS, dtype=np.float64)
    lines = []
    for lr, label in (("two-over-sum", "2/(L + mu)"), ("1/L", "1/L")):
        line = [-np.log(_factor(k, lr)) for k in KAPPAS]
        measured = [rates[k, lr] for k in KAPPAS]
        lines.append(series(f"eta = {label}", kappas, measured, points=True))
        lines.append(theory(f"theory, eta = {label}", kappas, line))
    plot = Plot(
        x_label="kappa",
        y_label="-ln of the factor a step",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="Both rates are of order 1/kappa; 2/(L + mu) is twice as fast and needs mu.",
    )
    factors = [_factor(*key) for key in rates]
    return all_of(
        [
            verdicts.equals(means[::-1], factors[::-1], evidence.tolerance),
            verdicts.equals(np.concatenate(found), np.concatenate(expected), evidence.tolerance),
        ],
        plot=plot,
    )


STRONG = {
    "quadratic, kappa = 50": "quadratic:dim=20,kappa=50",
    "piecewise quadratic, kappa = 25": "lessard_recht_packard",
    "|x| smoothed, two modes": "quadratic:dim=2,kappa=20,spectrum=two_mode,start=equal",
}
H_STRONG = (0.3, 1.0, 1.5, 1.9)


def _on_strong(setting: Setting) -> Mapping[Key, RunSpec]:
    """Runs on strongly convex functions at several h = L eta, and on the worst one."""
    named: dict[Key, RunSpec] = {
        (name, h): setting.run(problem, f"gd:lr={h}/L", steps=100)
        for name, problem in STRONG.items()
        for h in H_STRONG
    }
    worst = f"quadratic:kappa=20,{TWO_MODES}"
    return named | {"worst": setting.run(worst, "gd:lr=two-over-sum", steps=STEPS)}


def _shares(runs: Mapping[Key, Run], column: str, power: int) -> Array:
    """Return value over start times rho^(power t) for the runs at each h, all in one."""
    found = []
    for key, run in runs.items():
        if isinstance(key, tuple):
            L, mu = float(run.facts["smoothness"] or 0), float(run.facts["strong_convexity"] or 0)
            rho = gd_contraction(smoothness=L, strong_convexity=mu, lr=key[1] / L)
            values = run.curve[column]
            found.append((values / values[0] / rho ** (power * run.curve["step"]))[1:])
    return np.concatenate(found)


@claim(
    "GD-10b",
    "On strongly convex functions f(x_t) - f* <= rho^(2t) (f(x_0) - f*), attained at every t.",
    formula=r"f(x_t) - f^* \leq \rho^{2t} (f(x_0) - f^*)",
    assumptions="f L-smooth and mu-strongly convex, 0 < eta < 2/L; rho = max(|1 - eta mu|, "
    "|1 - eta L|)",
    source="Taylor, Hendrickx and Glineur 2018, theorem 3.3",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_on_strong,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement='On strongly convex losses the error after T steps is "O(cT)".',
            ruling=Ruling.WRONG,
            truth="A lost superscript: c^T. As printed it would grow with T. The factor for f is "
            "rho^2; 1 - mu/L a step is true but loose: the exponent is 2T.",
        ),
    ),
)
def gd_10b(evidence: Evidence) -> Finding:
    """Attain it on two modes for 400 steps; check it on others; the printed one grows."""
    curve = evidence.runs["worst"].curve
    t, f = curve["step"], curve["suboptimality"]
    line = gd_strongly_convex(
        t, smoothness=1, strong_convexity=1 / 20, start_gap=f[0], lr=2 / (1 + 1 / 20)
    )
    thin = slice(0, 101, 2)
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        y_scale="log",
        series=(
            series("modes mu and L, kappa = 20", t[thin], f[thin], points=True),
            theory("rho^(2t) D_0", t[thin], line[thin]),
            quoted("(1 - mu/L)^t D_0", t[thin], f[0] * 0.95 ** t[thin]),
            quoted("c t, as printed", t[thin][1:], f[0] * t[thin][1:]),
        ),
        caption="At eta = 2/(L + mu). The textbook's (1 - mu/L)^t is true but has the wrong "
        "exponent; a bound that grows like t says nothing.",
    )
    loose = np.log(f[100] / f[0]) / (100 * np.log(0.95))
    return all_of(
        [
            verdicts.equals((f[-1] / f[0]) ** (1 / STEPS), (19 / 21) ** 2, evidence.tolerance),
            verdicts.equals(f, line, evidence.tolerance),
            verdicts.below(_shares(evidence.runs, "suboptimality", 2), 1.0, B),
            verdicts.below(f[2::2], f[1:-1:2], B),
            verdicts.holds(f[2] / f[1] < 1 < 2, theory="falls", measured=float(f[2] / f[1])),
            verdicts.holds(loose > 3.9, theory="exponent 3.9 times", measured=float(loose)),
        ],
        plot=plot,
    )


@claim(
    "GD-10c",
    "On strongly convex functions |grad f(x_t)| <= rho^t |grad f(x_0)|, attained at every t.",
    formula=r"|\nabla f(x_t)| \leq \rho^t\, |\nabla f(x_0)|",
    assumptions="f L-smooth and mu-strongly convex, 0 < eta < 2/L; rho = max(|1 - eta mu|, "
    "|1 - eta L|)",
    source="Taylor, Hendrickx and Glineur 2018, theorem 3.2",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_on_strong,
)
def gd_10c(evidence: Evidence) -> Finding:
    """Attain it on two modes for 400 steps; check it, and the distance's, on others."""
    curve = evidence.runs["worst"].curve
    t, g = curve["step"], curve["gradient_norm"]
    line = g[0] * _factor(20, "two-over-sum") ** t
    plot = Plot(
        x_label="steps t",
        y_label="|grad f(x_t)|",
        y_scale="log",
        series=(
            series("modes mu and L, kappa = 20", t[::4], g[::4], points=True),
            theory("rho^t |grad f(x_0)|", t[::4], line[::4]),
        ),
        caption="At eta = 2/(L + mu) both modes shrink at the same rate, so nothing is lost.",
    )
    return all_of(
        [
            verdicts.equals((g[-1] / g[0]) ** (1 / STEPS), 19 / 21, evidence.tolerance),
            verdicts.equals(g, line, evidence.tolerance),
            verdicts.below(_shares(evidence.runs, "gradient_norm", 1), 1.0, B),
            verdicts.below(_shares(evidence.runs, "distance", 1), 1.0, B),
        ],
        plot=plot,
    )


CURVATURES = (0.5, 2.0, 4.0, 16.0)


@claim(
    "GD-10e",
    "The rate depends on the ratio kappa = L/mu alone: a factor on f changes nothing.",
    formula=r"\rho = \frac{\kappa - 1}{\kappa + 1}, \quad \kappa = \frac{L}{\mu}",
    assumptions="quadratic with the modes mu and L, eta = 2/(L + mu), L/mu = 8",
    source="Polyak 1987, section 1.4",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        L: setting.run(
            f"quadratic:kappa=8,smoothness={L},{TWO_MODES}", "gd:lr=two-over-sum", steps=50
        )
        for L in CURVATURES
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement='The condition number is "lambda_max lambda_min".',
            ruling=Ruling.WRONG,
            truth="A lost fraction bar: it is lambda_max/lambda_min. The product would make the "
            "rate depend on the units of f.",
        ),
    ),
)
def gd_10e(evidence: Evidence) -> Finding:
    """Measure the factor for four L with mu = L/8: always 7/9; the product says otherwise."""
    L = np.array(CURVATURES)
    ends = [evidence.runs[curvature].last("distance") for curvature in CURVATURES]
    factors = np.array(ends) ** (1 / 50)
    wrong, line = _with_the_product(L), np.geomspace(L.min(), L.max(), 80)
    plot = Plot(
        x_label="L, with mu = L/8",
        y_label="factor a step",
        x_scale="log",
        series=(
            series("measured", L, factors, points=True),
            theory("(kappa - 1)/(kappa + 1), kappa = L/mu", L, np.full(4, 7 / 9)),
            quoted("the same with L mu", line, _with_the_product(line)),
        ),
        caption="The rate knows no units: the ratio decides.",
    )
    return all_of(
        [
            verdicts.equals(factors, 7 / 9, evidence.tolerance),
            verdicts.holds(
                bool(np.abs(wrong - factors).min() > 0.1),
                theory="not the product",
                measured=str(wrong),
            ),
        ],
        plot=plot,
    )


def _with_the_product(L: Array) -> Array:
    """Return (kappa - 1)/(kappa + 1), without its sign, for kappa = L mu = L^2/8."""
    return np.asarray(np.abs(L**2 / 8 - 1) / (L**2 / 8 + 1))
