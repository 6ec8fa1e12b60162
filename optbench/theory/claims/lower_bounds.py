"""What no method that moves in the span of gradients can beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.finding import Finding, all_of, tightest_first
from optbench.theory.formulas.rates import gd_convex, heavy_ball_rate, nesterov_convex
from optbench.theory.formulas.worst_cases import (
    minimax_convex,
    nesterov_displacement,
    nesterov_exact,
)
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, EPS, B, Tolerance

HORIZONS = (1, 3, 10, 40, 100)
UNIT = {"smoothness": 1.0, "radius": 1.0}
METHODS = {
    "gradient descent": "gd:lr=1/L",
    "heavy ball, beta = .9": "heavy_ball:lr=1/L,beta=.9",
    "Nesterov": "nesterov_convex:lr=1/L",
    "OGM": "ogm:lr=1/L",
    "conjugate gradients": "conjugate_gradient",
}


def _on_the_worst(setting: Setting) -> Mapping[Key, RunSpec]:
    """Every method on Nesterov's function of each t, for t steps: the function depends on t."""
    return {
        (name, T): setting.run(f"nesterov_convex:T={T}", text, steps=T)
        for name, text in METHODS.items()
        for T in HORIZONS
    }


def _gaps(evidence: Evidence, name: str) -> Array:
    """Return (f(x_T) - f*)/(L R^2) of a method at each horizon."""
    runs = [evidence.runs[name, T] for T in HORIZONS]
    return np.array([run.last("suboptimality") / _distance_squared(run) for run in runs])


def _radius_squared(t: Array) -> Array:
    """Return R^2 of the function of t, k (2 k + 1)/(6 (k + 1)) with k = 2 t + 1."""
    return np.asarray((2 * t + 1) * (4 * t + 3) / (12 * (t + 1)))


def _distance_squared(run: Run) -> float:
    return float(run.curve["distance"][0]) ** 2


@claim(
    "LB-01a",
    "For each t some convex function keeps every method in the span of gradients above "
    "3 L R^2/(32 (t + 1)^2); Nesterov's method is within a factor of 22 of it.",
    formula=r"f(x_t) - f^* \geq \frac{3 L R^2}{32 (t + 1)^2}",
    assumptions="x_t - x_0 in the span of the gradients seen, d >= 2 t + 1; f(x) = L/4 (x'Mx/2 - "
    "x_1), M tridiagonal with rows (-1, 2, -1), x_0 = 0",
    source="Nesterov 2004, theorem 2.1.7; Nesterov 1983 for the method",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=_on_the_worst,
    headline="The lower bound: no method in the span of gradients beats O(1/t^2)",
)
def lb_01a(evidence: Evidence) -> Finding:
    """Run five methods for t steps each on the function of t, between both bounds.

    Conjugate gradients comes within 1 % of the lower bound, see LB-01b.
    """
    t = np.array(HORIZONS, dtype=np.float64)
    floor = 3 / (32 * (t + 1) ** 2)
    roof, slow = nesterov_convex(t, **UNIT), gd_convex(t, lr=1.0, **UNIT)
    found = {name: _gaps(evidence, name) for name in METHODS}
    line = np.geomspace(1, 100, 60)
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(L R^2)",
        x_scale="log",
        y_scale="log",
        series=(
            *(series(name, t, gaps, points=True) for name, gaps in found.items()),
            theory("no method is below 3/(32 (t + 1)^2)", line, 3 / (32 * (line + 1) ** 2)),
            theory("Nesterov: 2/(t + 1)^2", line, nesterov_convex(line, **UNIT)),
            theory("gradient descent: 1/(4 t + 2)", line, gd_convex(line, lr=1.0, **UNIT)),
        ),
        caption="Each t has a function of its own that is hard for all methods. Nesterov's method "
        "falls like 1/t^2, as fast as any can; gradient descent does not.",
    )
    above = [verdicts.above(gaps, floor, evidence.tolerance) for gaps in found.values()]
    below = [
        verdicts.below(found["Nesterov"], np.minimum(roof, 22 * floor), evidence.tolerance),
        verdicts.below(found["gradient descent"], slow, evidence.tolerance),
    ]
    return all_of([*tightest_first(above), *below], plot=plot)


@claim(
    "LB-01b",
    "On Nesterov's worst function conjugate gradients is L/(16 (t + 1)) above the minimum after t "
    "steps, exactly.",
    formula=r"f(x_t) - f^* = \frac{L}{16 (t + 1)}, \quad f^* = -\frac{L}{8} \left(1 - "
    r"\frac{1}{2 t + 2}\right), \quad R^2 = \frac{(2 t + 1)(4 t + 3)}{12 (t + 1)}",
    assumptions="the function of t steps, in 2 t + 1 variables, from x_0 = 0",
    source="Nesterov 2004, section 2.1.2",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="conjugate_gradient",
    runs=lambda setting: {
        T: setting.run(f"nesterov_convex:T={T},smoothness=3", "conjugate_gradient", steps=T)
        for T in HORIZONS
    },
)
def lb_01b(evidence: Evidence) -> Finding:
    """Compare the last gap, and the start's gap and distance, which are f* and R."""
    t, L = np.array(HORIZONS, dtype=np.float64), 3.0
    runs = [evidence.runs[T] for T in HORIZONS]
    ends = np.array([run.last("suboptimality") for run in runs])
    starts = np.array([run.curve["suboptimality"][0] for run in runs])
    squares = np.array([_distance_squared(run) for run in runs])
    line = np.arange(1.0, 101)
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("conjugate gradients", t, ends, points=True),
            theory("L/(16 (t + 1))", line, L / (16 * (line + 1))),
            theory(
                "3 L R^2/(32 (t + 1)^2)", line, 3 * L * _radius_squared(line) / 32 / (line + 1) ** 2
            ),
        ),
        caption="The best point of the span is as far above the minimum as the lower bound says, "
        "up to a factor that goes to 1.",
    )
    return all_of(
        [
            verdicts.equals(ends, L / (16 * (t + 1)), evidence.tolerance),
            verdicts.equals(starts, L / 8 * (1 - 1 / (2 * t + 2)), evidence.tolerance),
            verdicts.equals(squares, _radius_squared(t), evidence.tolerance),
        ],
        plot=plot,
    )


STRONG = {
    "gradient descent": "gd:lr=two-over-sum",
    "heavy ball, Polyak's pair": "heavy_ball:lr=polyak,beta=polyak",
    "Nesterov": "nesterov_strongly_convex:lr=1/L,beta=nesterov",
    "conjugate gradients": "conjugate_gradient",
}
KAPPA, STEPS = 100.0, 100


@claim(
    "LB-02",
    "Some strongly convex function keeps every method in the span of gradients at a distance of at "
    "least q^t R, q = (sqrt kappa - 1)/(sqrt kappa + 1).",
    formula=r"\|x_t - x^*\| \geq q^t R, \quad f(x_t) - f^* \geq \frac{\mu}{2} q^{2t} R^2",
    assumptions="x_t - x_0 in the span of the gradients seen, infinitely many variables, here 1500 "
    "with q^1500 = 1e-131; kappa = 100",
    source="Nesterov 2004, theorem 2.1.13",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=lambda setting: {
        name: setting.run(f"nesterov_strongly_convex:dim=1500,kappa={KAPPA}", text, steps=STEPS)
        for name, text in STRONG.items()
    },
)
def lb_02(evidence: Evidence) -> Finding:
    """Follow four methods for 100 steps; heavy ball with Polyak's pair attains the distance.

    The distance to x* is known to 64 roundings of R.
    """
    t, q = np.arange(STEPS + 1), heavy_ball_rate(kappa=KAPPA)
    rounded = Tolerance(relative=B.relative, absolute=64 * EPS, reason="rounding of x - x*")
    findings, lines = [], []
    for name, run in evidence.runs.items():
        radius = run.curve["distance"][0]
        away = run.curve["distance"] / radius
        gap = run.curve["suboptimality"] / (radius**2 / (2 * KAPPA))
        findings += [
            verdicts.above(away[1:], q ** t[1:], rounded),
            verdicts.above(gap[1:], q ** (2 * t[1:]), evidence.tolerance),
        ]
        lines.append(series(str(name), t, away))
    ball = evidence.runs["heavy ball, Polyak's pair"].curve["distance"]
    findings.append(verdicts.equals(ball[20:] / ball[0], q ** t[20:], rounded))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|/R",
        y_scale="log",
        series=(*lines, theory("no method is below q^t", t, q**t)),
        caption="No method leaves the lower bound behind; heavy ball falls onto it.",
    )
    return all_of(tightest_first(findings), plot=plot)


UP = (1, 2, 5, 20, 100)


def _minimax(T: int) -> float:
    return minimax_convex(T, smoothness=1.0, radius=1.0)


def _worst_of_each(setting: Setting) -> Mapping[Key, RunSpec]:
    """Each method on its worst function of T steps: Huber functions, whose tau differs."""
    runs: dict[Key, RunSpec] = {}
    for T in UP:
        far = 2 * float(nesterov_displacement(T)) + 1
        for kind, problem, optimizer in (
            ("parabola", "parabola:curvature=1", "ogm"),
            ("huber", f"huber:tau={2 * _minimax(T)!r}", "ogm"),
            ("nesterov", f"huber:tau={1 / far!r}", "nesterov_convex"),
            ("gd", f"huber:tau={1 / (2 * T + 1)!r}", "gd"),
        ):
            runs[kind, T] = setting.run(problem, f"{optimizer}:lr=1/L", steps=T)
    return runs


@claim(
    "LB-03",
    "The smallest worst case of all first-order methods, L R^2/(2 theta_T^2), is that of the "
    "optimized gradient method.",
    formula=r"\min_{\mathrm{methods}} \max_f \; f(x_T) - f^* = \frac{L R^2}{2 \theta_T^2}, \quad "
    r"\theta_{t+1} = \frac{1 + \sqrt{1 + 4 \theta_t^2}}{2}",
    assumptions="f convex and L-smooth, d > T; theta_0 = 1, and 8 in the place of 4 at the last "
    "step",
    source="Drori 2017; Kim and Fessler 2016, theorem 2",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="ogm",
    runs=_worst_of_each,
)
def lb_03(evidence: Evidence) -> Finding:
    """Run the method on both of its worst functions, and two others on theirs, to lie above."""
    t = np.array(UP, dtype=np.float64)
    best = np.array([_minimax(T) for T in UP])
    line = np.arange(1.0, 101)
    ends = {
        kind: np.array([evidence.runs[kind, T].last("suboptimality") for T in UP])
        for kind in ("huber", "parabola", "nesterov", "gd")
    }
    plot = Plot(
        x_label="steps T",
        y_label="worst (f(x_T) - f*)/(L R^2)",
        x_scale="log",
        y_scale="log",
        series=(
            series("gradient descent on its worst", t, ends["gd"], points=True),
            series("Nesterov on its worst", t, ends["nesterov"], points=True),
            series("OGM on a Huber function", t, ends["huber"], points=True),
            series("OGM on the parabola", t, ends["parabola"], points=True),
            theory("1/(2 theta_T^2)", line, [_minimax(int(T)) for T in line]),
            theory("1/(4 c_T + 2)", line, nesterov_exact(nesterov_displacement(line), **UNIT)),
        ),
        caption="Two functions are equally bad for the optimized gradient method: what is gained "
        "on one is lost on the other. Nesterov's method is worse by a factor that goes to 2.",
    )
    return all_of(
        [
            verdicts.equals(ends["huber"], best, evidence.tolerance),
            verdicts.equals(ends["parabola"], best, evidence.tolerance),
            verdicts.equals(np.round(best[:3], 6), [0.125, 0.061894, 0.018588], E2),
            verdicts.at_least(np.concatenate([ends["nesterov"], ends["gd"]]) / np.tile(best, 2), 1),
        ],
        plot=plot,
    )
