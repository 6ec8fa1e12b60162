"""Nesterov's method on convex functions: what is guaranteed, and who attains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of, tightest_first
from optbench.theory.formulas.momentum import displacement, fista_momenta, simple_displacement
from optbench.theory.formulas.rates import nesterov_convex
from optbench.theory.formulas.worst_cases import minimax_convex
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, B, Tolerance

COUNTS = (1, 2, 3, 5, 8, 20, 50, 100, 200)
SPAN = (1, 3, 10, 40, 100)
FISTA_GOLDEN = (1 / 6, 0.1, 0.0661069, 0.0348938, 0.0175576)
"""f(x_n) - f* for L = R = 1 after 1, 2, 3, 5 and 8 steps, to seven digits."""


def _displacements(rule: str, n: int) -> np.ndarray:
    if rule == "fista":
        return displacement(fista_momenta(n))
    return np.array([0.0, *simple_displacement(np.arange(1, n + 1))])


def _worst(rule: str) -> Callable[[Setting], Mapping[Key, RunSpec]]:
    """Return runs on the Huber function of each n, and on what shows c_n and other bounds."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        c = _displacements(rule, COUNTS[-1])
        text = f"{rule}:lr=1/L"
        widths = {n: 1 / (2 * float(c[n]) + 1) for n in COUNTS}
        huber = {n: setting.run(f"huber:tau={w!r}", text, steps=n) for n, w in widths.items()}
        linear = setting.run(
            "online:gradients=1,radius=0", f"{rule}:lr=1", steps=COUNTS[-1], points=True
        )
        return huber | {"linear": linear}

    return runs


def _everywhere(rule: str) -> Callable[[Setting], Mapping[Key, RunSpec]]:
    """Return also runs on Nesterov's own worst function of each T, and on a smooth maximum."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        text = f"{rule}:lr=1/L"
        own: dict[Key, RunSpec] = {
            ("span", T): setting.run(f"nesterov_convex:T={T}", text, steps=T) for T in SPAN
        }
        smooth = {"smooth": setting.run("log_sum_exp", text, steps=200)}
        return own | smooth | dict(_worst(rule)(setting))

    return runs


def _unit(evidence: Evidence, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and (f - f*)/(L R^2), from t = 1 on."""
    run = evidence.runs[key]
    size = float(run.facts["smoothness"] or 0) * float(run.facts["radius"] or 0) ** 2
    return run.curve["step"][1:], run.curve["suboptimality"][1:] / size


def _bounded(evidence: Evidence) -> Finding:
    """Hold every step of every run against 2 L R^2/(t + 1)^2, and the last against the lower."""
    parts = []
    for key in (*COUNTS, *(("span", T) for T in SPAN), "smooth"):
        t, gap = _unit(evidence, key)
        bound = nesterov_convex(t, smoothness=1, radius=1)
        parts.append(verdicts.below(gap, bound, evidence.tolerance, scale=1.0))
    T = np.array(SPAN, dtype=np.float64)
    own = [float(_unit(evidence, ("span", int(count)))[1][-1]) for count in SPAN]
    lower = verdicts.above(own, 3 / (32 * (T + 1) ** 2), evidence.tolerance)
    line = np.geomspace(1, 200, 60)
    worst = [float(_unit(evidence, n)[1][-1]) for n in COUNTS]
    plot = Plot(
        x_label="steps t",
        y_label="(f(x_t) - f*)/(L R^2)",
        x_scale="log",
        y_scale="log",
        series=(
            series("worst function of each t (Huber)", COUNTS, worst, points=True),
            series("Nesterov's function of each t", SPAN, own, points=True),
            theory("guarantee: 2/(t + 1)^2", line, 2 / (line + 1) ** 2),
            theory("no span method is below: 3/(32 (t + 1)^2)", line, 3 / (32 * (line + 1) ** 2)),
            quoted("gradient descent: 1/(4 t + 2)", line, 1 / (4 * line + 2)),
        ),
        caption="Nesterov's method stays below the upper line on every convex function; on "
        "Nesterov's functions no method whose steps lie in the span of gradients gets below the "
        "lower one. Gradient descent's worst case is the dotted line.",
    )
    return all_of([*tightest_first(parts), lower], plot=plot)


@claim(
    "NAG-02a",
    "Nesterov's method is within 2 L R^2/(t + 1)^2 of the minimum after t steps on every convex "
    "function.",
    formula=r"f(x_t) - f^* \leq \frac{2 L R^2}{(t + 1)^2}",
    assumptions="f convex and L-smooth, eta = 1/L, momenta (t - 1)/(t + 2)",
    source="Nesterov 1983; Beck and Teboulle 2009, theorem 4.4; lower bound: Nesterov 2004, "
    "theorem 2.1.7",
    kind=Kind.BOUND,
    tolerance=B,
    rule="nesterov_convex",
    runs=_everywhere("nesterov_convex"),
    headline="O(1/t^2): Nesterov's method, and his own lower bound below it",
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Nesterov's method has O(1/T^2), which is optimal among first-order methods.",
            ruling=Ruling.OK,
            truth="Optimal in order, not in the constant: the worst case of the optimized gradient "
            "method is half of it, and that one is exactly minimax.",
        ),
    ),
)
def nag_02a(evidence: Evidence) -> Finding:
    """Hold every step against the bound, above Nesterov's lower bound on his own functions.

    The optimized gradient method's worst case L R^2/(2 theta_T^2) is below this method's on the
    Huber functions, so that the constant is not optimal.
    """
    finding = _bounded(evidence)
    attained = np.array([_unit(evidence, n)[1][-1] for n in COUNTS])
    minimax = np.array([minimax_convex(n, smoothness=1.0, radius=1.0) for n in COUNTS])
    ratio = float(attained[-1] / minimax[-1])
    return all_of(
        [
            finding,
            verdicts.above(attained, minimax, evidence.tolerance),
            verdicts.holds(ratio > 1.8, theory="nearly twice the optimum", measured=ratio),
        ]
    )


@claim(
    "NAG-02b",
    "FISTA's momenta have the same guarantee, 2 L R^2/(t + 1)^2.",
    formula=r"f(x_t) - f^* \leq \frac{2 L R^2}{(t + 1)^2}, \quad "
    r"\lambda_{t+1} = \frac{1 + \sqrt{1 + 4 \lambda_t^2}}{2}",
    assumptions="f convex and L-smooth, eta = 1/L, momenta (lambda_t - 1)/lambda_(t+1)",
    source="Beck and Teboulle 2009, theorem 4.4",
    kind=Kind.BOUND,
    tolerance=B,
    rule="fista",
    runs=_everywhere("fista"),
)
def nag_02b(evidence: Evidence) -> Finding:
    """Hold every step against the bound."""
    return _bounded(evidence)


def _lengths(evidence: Evidence, rule: str) -> Finding:
    """Compare how far the method gets on a linear function with c_n, at every n."""
    points = evidence.runs["linear"].points
    assert points is not None
    moved = points[0, 0] - points[:, 0]
    n = np.arange(len(moved))
    exact = _displacements(rule, len(moved) - 1)
    plot = Plot(
        x_label="steps n",
        y_label="c_n + 1/2, way on a linear function over eta |g|",
        x_scale="log",
        y_scale="log",
        series=(
            series("measured", n[1::4], moved[1::4] + 0.5, points=True),
            theory("c_n + 1/2", n[1:], exact[1:] + 0.5),
        ),
        caption="The way goes like n^2/8 with every momentum in its place; an index that is off "
        "by one shows here.",
    )
    return all_of(
        [
            verdicts.equals(moved[-1], exact[-1], evidence.tolerance),
            verdicts.equals(moved, exact, evidence.tolerance),
        ],
        plot=plot,
    )


def _attained(evidence: Evidence, rule: str) -> Finding:
    """Compare the last value on each Huber function with L R^2/(4 c_n + 2)."""
    c = _displacements(rule, COUNTS[-1])
    ends = [float(_unit(evidence, n)[1][-1]) for n in COUNTS]
    exact = [1 / (4 * c[n] + 2) for n in COUNTS]
    line = np.arange(1, COUNTS[-1] + 1)
    plot = Plot(
        x_label="steps n",
        y_label="(f(x_n) - f*)/(L R^2)",
        x_scale="log",
        y_scale="log",
        series=(
            series("Huber function of each n, after n steps", COUNTS, ends, points=True),
            theory("1/(4 c_n + 2)", line, 1 / (4 * c[1:] + 2)),
            quoted("2/(n + 1)^2", line, 2 / (line + 1) ** 2),
        ),
        caption="The exact worst case (dashed) lies a little below the textbooks' bound (dotted).",
    )
    return verdicts.equals(ends, exact, evidence.tolerance).drawn(plot)


@claim(
    "NAG-03a",
    "On a linear function Nesterov's method gets exactly (n^2 + 5 n + 2)/8 gradient steps far.",
    formula=r"c_n = \frac{n^2 + 5 n + 2}{8}",
    assumptions="constant gradient, momenta (t - 1)/(t + 2), n >= 1",
    source="Taylor, Hendrickx and Glineur 2017, table 1",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="nesterov_convex",
    runs=_worst("nesterov_convex"),
)
def nag_03a(evidence: Evidence) -> Finding:
    """Compare the way after every step."""
    return _lengths(evidence, "nesterov_convex")


@claim(
    "NAG-03b",
    "The exact worst case of Nesterov's method is 2 L R^2/((n + 2)(n + 3)), by a Huber function.",
    formula=r"\max_f f(x_n) - f^* = \frac{L R^2}{4 c_n + 2} = \frac{2 L R^2}{(n + 2)(n + 3)}",
    assumptions="f convex and L-smooth, eta = 1/L, momenta (t - 1)/(t + 2)",
    source="Taylor, Hendrickx and Glineur 2017, table 1 (numerical)",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="nesterov_convex",
    runs=_worst("nesterov_convex"),
)
def nag_03b(evidence: Evidence) -> Finding:
    """Compare the last value on the Huber function of each n."""
    n = np.array(COUNTS, dtype=np.float64)
    ends = [float(_unit(evidence, count)[1][-1]) for count in COUNTS]
    closed = verdicts.equals(ends, 2 / ((n + 2) * (n + 3)), evidence.tolerance)
    return all_of([closed, _attained(evidence, "nesterov_convex")])


GOLDEN = Tolerance(absolute=5e-8, reason="seven published digits")


@claim(
    "NAG-03c",
    "FISTA's exact worst case is L R^2/(4 c_n + 2) too, with its own way c_n on a linear function.",
    formula=r"f(x_n) - f^* = \frac{L R^2}{4 c_n + 2}, \quad "
    r"c_{n+1} = c_n + b_n (c_n - c_{n-1}) + 1",
    assumptions="Huber function with tau = R/(2 c_n + 1), eta = 1/L, FISTA's momenta",
    source="Taylor, Hendrickx and Glineur 2017, table 1, for the kind of worst case",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="fista",
    runs=_worst("fista"),
)
def nag_03c(evidence: Evidence) -> Finding:
    """Compare the last values, five of them with known digits, and the way on a linear function."""
    first = [float(_unit(evidence, n)[1][-1]) for n in COUNTS[:5]]
    return all_of(
        [
            _attained(evidence, "fista"),
            verdicts.equals(first, FISTA_GOLDEN, GOLDEN),
            _lengths(evidence, "fista"),
        ]
    )
