"""Heavy ball on quadratics: m = beta m + grad f(x), x -= eta m, m_0 = 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.estimators.sequences import geometric_rate
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.momentum import companion_radius, double_root
from optbench.theory.formulas.rates import gd_contraction, heavy_ball_rate
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.steps import spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, E3, Tolerance, asymptotic

POLYAK = "heavy_ball:lr=polyak,beta=polyak"
KAPPA = 100.0


@claim(
    "HB-01",
    "With Polyak's pair heavy ball contracts every mode of a quadratic at the rate "
    "(sqrt(kappa) - 1)/(sqrt(kappa) + 1).",
    formula=r"\rho = \sqrt{\beta} = \frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1}",
    assumptions="quadratic with spectrum in [mu, L]; eta = 4/(sqrt L + sqrt mu)^2, beta = rho^2",
    source="Polyak 1964; Lessard, Recht and Packard 2016, table 1",
    kind=Kind.IDENTITY,
    tolerance=E3,
    rule="heavy_ball",
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="On a quadratic momentum's asymptotic rate is (sqrt(kappa) - 1)/(sqrt(kappa) "
            "+ 1), gradient descent's is (kappa - 1)/(kappa + 1).",
            ruling=Ruling.OK,
            truth="Right for eta = 4/(sqrt L + sqrt mu)^2 together with beta = rho^2, which both "
            "depend on kappa, on quadratics only and up to a factor t; gradient descent's needs "
            "eta = 2/(L + mu). With beta fixed at .9 the square root is lost for kappa above 1442.",
        ),
    ),
)
def hb_01(evidence: Evidence) -> Finding:
    """Probe the step at both ends of the spectrum and inside it; gradient descent beside it."""
    kappas = np.array([100.0, 4.0, 1e4])
    ball = [_worst_radius(evidence, POLYAK, kappa) for kappa in kappas]
    plain = [_worst_radius(evidence, "gd:lr=two-over-sum", kappa) for kappa in kappas]
    ball_exact = [heavy_ball_rate(kappa=kappa) for kappa in kappas]
    plain_exact = [
        gd_contraction(smoothness=1, strong_convexity=1 / kappa, lr=2 / (1 + 1 / kappa))
        for kappa in kappas
    ]
    line = np.geomspace(4, 1e4, 50)
    roots = np.sqrt(line)
    plot = Plot(
        x_label="kappa",
        y_label="steps for a factor e, -1/ln rho",
        x_scale="log",
        y_scale="log",
        series=(
            series("heavy ball, Polyak's pair", kappas, -1 / np.log(ball), points=True),
            series("gradient descent, 2/(L + mu)", kappas, -1 / np.log(plain), points=True),
            theory(
                "rho = (sqrt kappa - 1)/(sqrt kappa + 1)",
                line,
                -1 / np.log((roots - 1) / (roots + 1)),
            ),
            theory("rho = (kappa - 1)/(kappa + 1)", line, -1 / np.log((line - 1) / (line + 1))),
        ),
        caption="Momentum that knows L and mu makes sqrt(kappa) of kappa.",
    )
    return all_of(
        [
            verdicts.equals(ball, ball_exact, evidence.tolerance),
            verdicts.equals(plain, plain_exact, evidence.tolerance),
        ],
        plot=plot,
    )


def _worst_radius(evidence: Evidence, text: str, kappa: float) -> float:
    """Return the largest spectral radius over modes at both ends and inside the spectrum."""
    facts = Facts(dim=1, smoothness=1.0, strong_convexity=1 / kappa)
    modes = (1 / kappa, kappa**-0.5, 1.0)
    return max(spectral_radius(evidence.optimizer(text), m, facts=facts) for m in modes)


def _two_modes(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = f"quadratic:dim=2,kappa={KAPPA},spectrum=two_mode,rotated=false,start=1/1"
    return {"both": setting.run(problem, POLYAK, steps=400, points=True)}


@claim(
    "HB-02a",
    "With Polyak's pair both ends of the spectrum follow (1 + s t)(1 - s)^t to the last digit.",
    formula=r"x_t = \left(1 + (1 \mp \rho) t\right) (\pm \rho)^t x_0",
    assumptions="modes mu (upper signs) and L (lower) of a quadratic; Polyak's pair, m_0 = 0",
    source="the double roots of Polyak's recurrence, from rest; cf. Polyak 1964",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-12, reason="rounding grows with t where roots are double"),
    rule="heavy_ball",
    runs=_two_modes,
)
def hb_02a(evidence: Evidence) -> Finding:
    """Compare every point of both modes."""
    run = evidence.runs["both"]
    assert run.points is not None
    t = run.curve["step"]
    rho = heavy_ball_rate(kappa=KAPPA)
    exact = np.stack([double_root(t, 1 - rho), double_root(t, 1 + rho)], axis=1)
    shown, flips = slice(0, 121, 2), (-1.0) ** t
    plot = Plot(
        x_label="steps t",
        y_label="x_t/x_0; (-1)^t x_t/x_0 of the mode L",
        y_scale="log",
        series=(
            series("mode mu", t[shown], run.points[shown, 0], points=True),
            theory("(1 + (1 - rho) t) rho^t", t[shown], exact[shown, 0]),
            series("mode L", t[shown], (flips * run.points[:, 1])[shown], points=True),
            theory("(1 + (1 + rho) t)(-rho)^t", t[shown], (flips * exact[:, 1])[shown]),
        ),
        caption="At kappa = 100 the fast mode, which changes sign at every step, first swings out "
        "to four times its start.",
    )
    return verdicts.equals(run.points, exact, evidence.tolerance).drawn(plot)


@claim(
    "HB-02b",
    "A line through log |x_t| overstates heavy ball's rate, by one over the time it is taken at.",
    formula=r"\frac{d \ln |x_t|}{dt} = \ln \rho + \frac{1}{t + 1/(1 - \rho)}",
    assumptions="mode mu of a quadratic, Polyak's pair; the line is fitted over t in [200, 400]",
    source="the factor t of a double root; Richardson's extrapolation removes it",
    kind=Kind.RATE,
    tolerance=asymptotic(
        2e-4, "extrapolation leaves about 2/(1 - rho) t^-2, 1.2e-4 in the middle of the window"
    ),
    rule="heavy_ball",
    runs=_two_modes,
)
def hb_02b(evidence: Evidence) -> Finding:
    """Estimate the rate with and without the factor t."""
    run = evidence.runs["both"]
    assert run.points is not None
    t, x, rho = run.curve["step"], np.abs(run.points[:, 0]), heavy_ball_rate(kappa=KAPPA)
    fit = geometric_rate(t, x, floor=0.0)
    late = t >= 200
    ends = np.log(double_root(t[late], 1 - rho))
    naive_exact = float(np.exp(np.polyfit(t[late], ends, 1)[0]))
    line = np.arange(20.0, 400.0, 4.0)
    slopes = np.exp(np.diff(np.log(x)))
    plot = Plot(
        x_label="steps t",
        y_label="factor |x_(t+1)/x_t|",
        series=(
            series("measured", t[20:400:8], slopes[20:400:8], points=True),
            theory("rho exp(1/(t + 1/(1 - rho)))", line, rho * np.exp(1 / (line + 1 / (1 - rho)))),
            theory("rho", line, np.full_like(line, rho)),
        ),
        caption="The factor from step to step nears the rate only like 1/t.",
    )
    return all_of(
        [
            verdicts.equals(fit.rho, rho, evidence.tolerance),
            verdicts.equals(np.exp(-fit.plain), naive_exact, evidence.tolerance),
            verdicts.holds(
                np.exp(-fit.plain) > rho * 1.003, theory="biased", measured=np.exp(-fit.plain)
            ),
        ],
        plot=plot,
    )


@claim(
    "HB-04",
    "A mode contracts at sqrt(beta), whatever its curvature, exactly where its roots are complex.",
    formula=r"\rho = \sqrt{\beta} \Leftrightarrow "
    r"(1 - \sqrt{\beta})^2 \leq \eta \lambda \leq (1 + \sqrt{\beta})^2",
    assumptions="mode lambda of a quadratic, any eta, 0 < beta < 1",
    source="the discriminant of Polyak's recurrence; Lessard, Recht and Packard 2016, section 2",
    kind=Kind.THRESHOLD,
    tolerance=E1,
    rule="heavy_ball",
)
def hb_04(evidence: Evidence) -> Finding:
    """Probe modes inside, at the ends and beyond them."""
    beta = 0.81
    optimizer = evidence.optimizer(f"heavy_ball:lr=1,beta={beta}")
    root = beta**0.5
    low, high = (1 - root) ** 2, (1 + root) ** 2
    inside = np.linspace(low + 0.05, high - 0.05, 15)
    beyond = np.array([low * 0.9, low * 0.5, high * 1.01, high * 1.03])
    radii = np.array([spectral_radius(optimizer, float(m)) for m in (*inside, *beyond)])
    ends = [spectral_radius(optimizer, end) for end in (low, high)]
    line = np.geomspace(low / 4, high * 1.03, 300)
    plot = Plot(
        x_label="eta lambda",
        x_scale="log",
        y_label="factor per step",
        series=(
            series("spectral radius of the step", [*inside, *beyond], radii, points=True),
            theory(
                "roots of z^2 - (1 + beta - eta lambda) z + beta",
                line,
                companion_radius(line, beta, "sum"),
            ),
        ),
        verticals=((low, "(1 - sqrt beta)^2"), (high, "(1 + sqrt beta)^2")),
        caption="Between the thresholds all modes shrink alike; outside one root is slower.",
    )
    return all_of(
        [
            verdicts.equals(radii[: len(inside)], root, evidence.tolerance),
            verdicts.equals(ends, root, E3),
            verdicts.holds(
                bool((radii[len(inside) :] > root * 1.01).all()),
                theory="slower outside",
                measured=float(radii[len(inside) :].min()),
            ),
        ],
        plot=plot,
    )


PEAKS = (1e2, 1e3, 1e4)


def _fast_modes(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        kappa: setting.run(
            f"quadratic:dim=2,kappa={kappa},spectrum=two_mode,rotated=false,start=0/1",
            POLYAK,
            steps=int(2 * kappa**0.5),
            points=True,
        )
        for kappa in PEAKS
    }


def _swing(evidence: Evidence, kappa: float) -> np.ndarray:
    """Return |x_t| of the mode L."""
    points = evidence.runs[kappa].points
    assert points is not None
    swing: np.ndarray = np.abs(points[:, 1])
    return swing


@claim(
    "HB-07a",
    "Tuned heavy ball first swings out: the mode L rises to the largest (1 + (1 + rho) t) rho^t.",
    formula=r"\max_t |x_t| = \max_t \left(1 + (1 + \rho) t\right) \rho^t |x_0|",
    assumptions="mode L of a quadratic, Polyak's pair, kappa = 100, 1000, 10000",
    source="the double root of Polyak's recurrence, from rest",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="heavy_ball",
    runs=_fast_modes,
)
def hb_07a(evidence: Evidence) -> Finding:
    """Compare the peaks with the closed form's."""
    peaks, exact, lines = [], [], []
    for kappa in PEAKS:
        swing = _swing(evidence, kappa)
        t = np.arange(len(swing))
        closed = np.abs(double_root(t, 1 + heavy_ball_rate(kappa=kappa)))
        peaks.append(float(swing.max()))
        exact.append(float(closed.max()))
        lines.append(series(f"kappa = {kappa:g}", t[1:], swing[1:], points=True))
        lines.append(theory(f"closed form, kappa = {kappa:g}", t[1:], closed[1:]))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|/|x_0|",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="Before it converges tuned heavy ball rises for about sqrt(kappa)/2 steps: a "
        "rising loss is no sign of divergence.",
    )
    return verdicts.equals(peaks, exact, evidence.tolerance).drawn(plot)


@claim(
    "HB-07b",
    "The overshoot of tuned heavy ball grows like sqrt(kappa)/e.",
    formula=r"\max_t |x_t| \approx \frac{\sqrt{\kappa}}{e} |x_0|",
    assumptions="mode L of a quadratic, Polyak's pair, kappa = 10000",
    source="the maximum of (1 + (1 + rho) t) rho^t for large kappa",
    kind=Kind.SCALING,
    tolerance=asymptotic(2e-4, "the next term is 2/(3 kappa) = 7e-5 of it"),
    rule="heavy_ball",
    runs=_fast_modes,
)
def hb_07b(evidence: Evidence) -> Finding:
    """Compare the largest kappa's peak with the limit."""
    peaks = [float(_swing(evidence, kappa).max()) for kappa in PEAKS]
    line = np.geomspace(PEAKS[0], PEAKS[-1], 50)
    plot = Plot(
        x_label="kappa",
        y_label="largest |x_t|/|x_0|",
        x_scale="log",
        y_scale="log",
        series=(
            series("mode L under Polyak's pair", PEAKS, peaks, points=True),
            theory("sqrt(kappa)/e", line, np.sqrt(line) / np.e),
        ),
        caption="Before it converges heavy ball may rise by sqrt(kappa)/e, and f by kappa/e^2.",
    )
    return verdicts.equals(peaks[-1], PEAKS[-1] ** 0.5 / np.e, evidence.tolerance).drawn(plot)
