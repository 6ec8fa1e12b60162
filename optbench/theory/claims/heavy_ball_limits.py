"""Heavy ball off quadratics: the cycle, and what is guaranteed without acceleration."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec, Spec
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.finding import Finding, all_of, tightest_first
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.steps import ProbeError, step_matrix
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E2, B, Tolerance

FUNCTION = "lessard_recht_packard"
POLYAK = "heavy_ball:lr=polyak,beta=polyak"
CYCLE = tuple(Fraction(top, 1225) for top in (792, -2208, 2592))
STEPS = 400
OTHERS = {
    "gradient descent": f"gd:lr={2 / 26!r}",
    "Nesterov": "nesterov_strongly_convex:lr=1/L,beta=nesterov",
}


def _from_one_start(setting: Setting) -> Mapping[Key, RunSpec]:
    texts = {"heavy ball": POLYAK, **OTHERS}
    return {
        name: setting.run(f"{FUNCTION}:start=3.3", text, steps=STEPS, points=True)
        for name, text in texts.items()
    }


def _trajectories(evidence: Evidence) -> Plot:
    shown = 60
    parts = []
    for name in ("heavy ball", *OTHERS):
        points = evidence.runs[name].points
        assert points is not None
        parts.append(series(name, np.arange(shown), points[:shown, 0], points=name == "heavy ball"))
    levels = [
        theory(f"{point.numerator}/1225", [0, shown], [float(point)] * 2)
        for point in sorted(CYCLE, reverse=True)
    ]
    return Plot(
        x_label="steps t",
        y_label="x_t",
        series=(*parts, *levels),
        caption="Heavy ball with the tuning that is best on quadratics jumps between three points "
        "for ever, on a function with mu = 1 and L = 25; the other methods converge.",
    )


@claim(
    "HB-08a",
    "Heavy ball tuned for quadratics does not converge on a strongly convex function: it cycles "
    "through three points.",
    formula=r"x_{3k+i} \rightarrow \frac{792}{1225}, \frac{-2208}{1225}, \frac{2592}{1225}",
    assumptions="f' = 25 x, x + 24, 25 x - 24 with kinks at 1 and 2; eta = 1/9, beta = 4/9; x_0 = "
    "3.3",
    source="Lessard, Recht and Packard 2016, section 4.6",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="heavy_ball",
    runs=_from_one_start,
    headline="Heavy ball cycles off quadratics",
)
def hb_08a(evidence: Evidence) -> Finding:
    """Compare the last 60 points, in any phase, with the cycle."""
    points = evidence.runs["heavy ball"].points
    assert points is not None
    tail = points[-60:, 0]
    cycle = np.array([float(point) for point in CYCLE])
    phase = int(np.argmin(np.abs(cycle - tail[0])))
    expected = np.roll(cycle, -phase)[np.arange(60) % 3]
    return verdicts.equals(tail, expected, evidence.tolerance).drawn(_trajectories(evidence))


@claim(
    "HB-08b",
    "The three points are a cycle exactly, in rational arithmetic: it is no matter of rounding.",
    formula=r"x_{t+3} = x_t: \quad \frac{792}{1225}, \frac{-2208}{1225}, \frac{2592}{1225}",
    assumptions="as HB-08a; coefficients read off the step, slopes off the oracle, as fractions",
    source="Lessard, Recht and Packard 2016, section 4.6",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="heavy_ball",
)
def hb_08b(evidence: Evidence) -> Finding:
    """Probe the step on gradients 0 and x, and go round the cycle in fractions."""
    facts = Facts(dim=1, smoothness=25.0, strong_convexity=1.0)
    optimizer = evidence.optimizer(POLYAK)
    free, driven = (step_matrix(optimizer, c, facts=facts) for c in (0.0, 1.0))
    if free.shape != (2, 2) or (driven - free)[:, 1].any():
        raise ProbeError("the step has another state, or takes its gradient elsewhere than at x")
    (carry_x, carry), (keep_x, keep) = (tuple(map(_rational, row)) for row in free)
    pull, add = (_rational(entry) for entry in (driven - free)[:, 0])
    gradient = _gradient()
    last = gradient(CYCLE[2])
    m = keep * (CYCLE[0] - carry_x * CYCLE[2] - pull * last) / carry + add * last
    x, seen = CYCLE[0], []
    for _ in range(6):
        seen.append(x)
        g = gradient(x)
        x, m = carry_x * x + carry * m + pull * g, keep_x * x + keep * m + add * g
    return verdicts.holds(
        tuple(seen) == CYCLE * 2,
        theory="period 3",
        measured="period 3" if seen[:3] == seen[3:] else ", ".join(map(str, seen[:4])),
    )


def _rational(number: float) -> Fraction:
    """Return the fraction that a coefficient is, to rounding."""
    found = Fraction(float(number)).limit_denominator(1000)
    if abs(float(found) - number) > 1e-14:
        raise ProbeError(f"the step's coefficient {number!r} is no small fraction")
    return found


def _gradient() -> Callable[[Fraction], Fraction]:
    """Return f' in fractions: its pieces through two points of the oracle each, all dyadic."""
    problem = build_problem(Spec.of(FUNCTION, {"start": 3.3}))
    at = torch.tensor([[-1.0], [0.5], [1.25], [1.75], [3.0], [4.0]], dtype=torch.float64)
    x, g = ([Fraction(v) for v in values[:, 0].tolist()] for values in (at, problem.oracle(at)[1]))
    slopes = [(g[i + 1] - g[i]) / (x[i + 1] - x[i]) for i in (0, 2, 4)]

    def gradient(point: Fraction) -> Fraction:
        piece = 0 if point < 1 else 1 if point < 2 else 2
        return g[2 * piece] + slopes[piece] * (point - x[2 * piece])

    shown = problem.oracle(torch.tensor([[float(p)] for p in CYCLE], dtype=torch.float64))[1]
    if not np.allclose(shown[:, 0], [float(gradient(p)) for p in CYCLE], rtol=1e-14, atol=0):
        raise ProbeError("the function's pieces do not meet at 1 and 2")
    return gradient


CYCLING = (1.0, 3.07, 3.2, 3.3, 3.4, 3.46)
CONVERGING = (3.0, 3.06, 3.47, 3.6, 10.0)


def _starts(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        start: setting.run(f"{FUNCTION}:start={start}", POLYAK, steps=STEPS)
        for start in CYCLING + CONVERGING
    }


@claim(
    "HB-08d",
    "The cycle draws in a whole interval of starts, 3.07 to 3.46 among them; from 3.06 and 3.47 "
    "heavy ball converges.",
    formula=r"x_0 \in [3.07, 3.46] \Rightarrow x_t \nrightarrow x^*",
    assumptions="as HB-08a, from other starts",
    source="Lessard, Recht and Packard 2016, section 4.6; the interval by enumeration",
    kind=Kind.THRESHOLD,
    tolerance=E2,
    rule="heavy_ball",
    runs=_starts,
)
def hb_08d(evidence: Evidence) -> Finding:
    """Compare the largest of the last three distances with the cycle's, or with 0."""
    starts = sorted(CYCLING + CONVERGING)
    ends = [float(evidence.runs[start].curve["distance"][-3:].max()) for start in starts]
    expected = [float(CYCLE[2]) if start in CYCLING else 0.0 for start in starts]
    near = slice(1, -1)
    plot = Plot(
        x_label="start x_0",
        y_label="largest of the last three |x_t|",
        series=(
            series("after 400 steps", starts[near], ends[near], points=True),
            theory("cycle: 2592/1225", [2.9, 3.7], [float(CYCLE[2])] * 2),
            theory("minimum", [2.9, 3.7], [0.0, 0.0]),
        ),
        caption="Whether heavy ball converges depends on where it starts.",
    )
    near_zero = replace(evidence.tolerance, absolute=1e-9)
    return verdicts.equals(ends, expected, near_zero).drawn(plot)


@claim(
    "HB-08e",
    "Where heavy ball cycles, gradient descent and Nesterov's method converge.",
    formula=r"\eta = \frac{2}{L + \mu}: \quad x_t \rightarrow x^*",
    assumptions="as HB-08a; gradient descent with 2/(L + mu), Nesterov with 1/L and beta = 2/3",
    source="Polyak 1987, section 1.4; Nesterov 2004, theorem 2.2.3",
    kind=Kind.THRESHOLD,
    tolerance=Tolerance(absolute=1e-9, reason="|x_400|: rates of 12/13 and below leave 1e-13"),
    rule="gd",
    runs=_from_one_start,
)
def hb_08e(evidence: Evidence) -> Finding:
    """Compare the last points with the minimiser."""
    ends = [evidence.runs[name].last("distance") for name in OTHERS]
    shown = slice(0, 201)
    parts = [
        series(str(name), run.curve["step"][shown], np.maximum(run.curve["distance"][shown], 1e-12))
        for name, run in evidence.runs.items()
    ]
    t = np.arange(201.0)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=(*parts, theory("3.3 ((kappa - 1)/(kappa + 1))^t", t, 3.3 * (12 / 13) ** t)),
        caption="From the same start heavy ball keeps its distance for ever. Gradient descent "
        "stays below its rate, dashed; Nesterov's method is there in two steps.",
    )
    return verdicts.equals(ends, 0.0, evidence.tolerance).drawn(plot)


SHARES = (0.05, 0.25, 0.5, 1.0)
"""alpha L."""
CLASSES = {
    "piecewise": (f"{FUNCTION}:start=3.3", 25.0, 1.0),
    "slow mode": ("quadratic:dim=2,kappa=25,spectrum=two_mode,rotated=false,start=slow", 1.0, 0.04),
    "both modes": ("quadratic:dim=2,kappa=25,spectrum=two_mode,rotated=false,start=1/1", 1.0, 0.04),
}


def _guaranteed(setting: Setting) -> Mapping[Key, RunSpec]:
    runs: dict[Key, RunSpec] = {}
    for name, (problem, L, mu) in CLASSES.items():
        for share in SHARES:
            beta = ((1 - share * mu / L) * (1 - share)) ** 0.5
            text = f"heavy_ball:lr={share / L!r},beta={beta!r}"
            runs[name, share] = setting.run(problem, text, steps=200)
    return runs


@claim(
    "HB-09",
    "With a small enough momentum heavy ball converges on every strongly convex function, at "
    "gradient descent's rate.",
    formula=r"f(x_t) - f^* \leq (1 - \alpha \mu)^t (f(x_0) - f^*)",
    assumptions="f mu-strongly convex and L-smooth, alpha <= 1/L, beta = sqrt((1 - alpha mu)"
    "(1 - alpha L))",
    source="Ghadimi, Feyzmahdavian and Johansson 2015, theorem 4",
    kind=Kind.BOUND,
    tolerance=B,
    rule="heavy_ball",
    runs=_guaranteed,
)
def hb_09(evidence: Evidence) -> Finding:
    """Hold every step against the bound, from t = 1 on; HB-02a is the identity beside it."""
    parts, worst = [], dict.fromkeys(SHARES, np.zeros(201))
    for name, share in itertools.product(CLASSES, SHARES):
        (_, L, mu), run = CLASSES[name], evidence.runs[name, share]
        t, gap = run.curve["step"], run.curve["suboptimality"]
        bound = gap[0] * (1 - share * mu / L) ** t
        parts.append(verdicts.below(gap[1:], bound[1:], evidence.tolerance, scale=gap[0]))
        worst[share] = np.maximum(worst[share], gap / gap[0])
    t, drawn = np.arange(201.0), []
    for share in (SHARES[0], SHARES[1], SHARES[3]):
        drawn.append(series(f"alpha L = {share}", t, np.maximum(worst[share], 1e-10)))
        drawn.append(theory(f"bound, alpha L = {share}", t, (1 - share / 25) ** t))
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(f(x_0) - f*)",
        y_scale="log",
        series=tuple(drawn),
        caption="The worst of three functions, kappa = 25. What is guaranteed everywhere is "
        "gradient descent's rate; with alpha = 1/L there is no momentum left.",
    )
    return all_of(tightest_first(parts), plot=plot)
