"""Gradient descent on convex functions: bounds beyond eta = 1/L, a potential, gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._convex import (
    UP_TO_ONE,
    UP_TO_TWO,
    drawn_ratios,
    each,
    on_convex,
)
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.rates import gd_convex
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.probes.steps import crossing, spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, B, Tolerance

STAR = float(np.real(max(np.roots([2, -8, 12, -8, 2, -1]), key=np.real)))
"""h* = 1.7329067: the root of 2 h (h - 1)^4 = 1."""


def _share(h: float, T: Array | float, radius: float) -> Array:
    """Return f(x_T) on x^2/2 over R^2/(2 eta T), for a contraction of `radius` a step."""
    return np.asarray(h * T * radius ** (2 * T))


@claim(
    "GD-04a",
    "R^2/(2 eta T) bounds gradient descent for every T if and only if eta L <= 1.7329067.",
    formula=r"h^* = 1.7329067: \quad 2 h^* (h^* - 1)^4 = 1",
    assumptions="f convex and L-smooth, h = L eta; T = 2 on x^2/2 is what binds",
    source="from Kim 2024, arXiv 2412.04427",
    kind=Kind.THRESHOLD,
    tolerance=E1,
    rule="gd",
    runs=lambda setting: {
        share: setting.run("parabola:curvature=1", f"gd:lr={share * STAR!r}", steps=100)
        for share in (1 - 1e-6, 1 + 1e-6)
    },
)
def gd_04a(evidence: Evidence) -> Finding:
    """Solve for the h at which two steps use up the bound; run at h* -+ 1e-6 for all T to 100."""

    def excess(h: float) -> float:
        radius = spectral_radius(evidence.optimizer(f"gd:lr={h!r}"), 1.0)
        return float(_share(h, 2.0, radius)) - 1

    measured = crossing(excess, 1.5, 1.95)
    below, above = (
        2 * run.curve["step"] * float(str(share)) * STAR * run.curve["suboptimality"]
        for share, run in evidence.runs.items()
    )
    T = np.arange(1, 101)
    worst = gd_convex(T, smoothness=1, radius=1, lr=STAR) * 2 * STAR * T
    others, grid = np.delete(worst, 1), np.linspace(1, 1.9, 91)
    plot = Plot(
        x_label="h = L eta",
        y_label="largest f(x_T) - f* over R^2/(2 eta T), all T",
        series=(
            theory("worst case", grid, [_largest(h) for h in grid]),
            series(
                "run, T = 2",
                np.array([1 - 1e-6, 1 + 1e-6]) * STAR,
                [below[2], above[2]],
                points=True,
            ),
            quoted("the bound", [1, 1.9], [1, 1]),
        ),
        verticals=((STAR, "h*"),),
        caption="Up to h* the usual bound holds for every T; beyond, two steps on x^2/2 break it.",
    )
    return all_of(
        [
            verdicts.equals(measured, STAR, evidence.tolerance),
            verdicts.holds(bool((below <= 1).all()), theory="below", measured=below.max()),
            verdicts.holds(int(np.argmax(above)) == 2, theory=2, measured=int(np.argmax(above))),
            verdicts.holds(above[2] > 1, theory="broken at T = 2", measured=above[2]),
            verdicts.holds(others.max() < 1, theory="T = 2 binds", measured=others.max()),
        ],
        plot=plot,
    )


def _largest(h: float) -> float:
    T = np.arange(1, 101)
    return float((gd_convex(T, smoothness=1, radius=1, lr=h) * 2 * h * T).max())


@claim(
    "GD-04b",
    "At eta = 1.9/L four steps on x^2/2 break R^2/(2 eta T) by the factor 3.27.",
    formula=r"\frac{f(x_4) - f^*}{R^2 / (2 \eta \cdot 4)} = 4 h (1 - h)^8 = 3.2716, \; h = 1.9",
    assumptions="f = x^2/2, L = 1, eta = 1.9",
    source="from Kim 2024, arXiv 2412.04427",
    kind=Kind.NEGATIVE,
    tolerance=E1,
    rule="gd",
    runs=lambda setting: {"run": setting.run("parabola:curvature=1", "gd:lr=1.9", steps=40)},
)
def gd_04b(evidence: Evidence) -> Finding:
    """Divide the gap by the bound: it is above 1 for many T."""
    curve = evidence.runs["run"].curve
    T, f = curve["step"][1:], curve["suboptimality"][1:]
    ratio = f * 2 * 1.9 * T
    plot = Plot(
        x_label="steps T",
        y_label="f(x_T) - f*",
        y_scale="log",
        series=(
            series("x^2/2 at eta = 1.9/L", T, f, points=True),
            theory("(1 - h)^(2T)/2", T, 0.9 ** (2 * T) / 2),
            quoted("R^2/(2 eta T)", T, 1 / (2 * 1.9 * T)),
        ),
        caption="The bound for eta <= 1/L is no bound for all eta < 2/L.",
    )
    return all_of(
        [
            verdicts.equals(ratio[3], 4 * 1.9 * 0.9**8, evidence.tolerance),
            verdicts.holds(bool(ratio[3] > 3.27), theory="violated 3.27 times", measured=ratio[3]),
        ],
        plot=plot,
    )


def _nesterov_share(h: float, L: float, R: float, run: Run) -> Array:
    """Return f_t - f* over the bound of GD-05 for t >= 1."""
    t, gap = run.curve["step"], run.curve["suboptimality"]
    bound = 2 * R**2 * gap[0] / (2 * R**2 + t * h / L * (2 - h) * gap[0])
    share: Array = (gap / bound)[1:]
    return share


@claim(
    "GD-05",
    "For every eta < 2/L, f(x_t) - f* <= 2 R^2 D_0/(2 R^2 + t eta (2 - eta L) D_0).",
    formula=r"f(x_t) - f^* \leq \frac{2 R^2 D_0}{2 R^2 + t \eta (2 - h) D_0}",
    assumptions="f convex and L-smooth with a minimiser, h = L eta in (0, 2), D_0 = f(x_0) - f*",
    source="Nesterov 2004, theorem 2.1.14",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=on_convex(UP_TO_TWO),
)
def gd_05(evidence: Evidence) -> Finding:
    """Check t >= 1 on five problems at five h: the explicit constant for any eta < 2/L.

    It is above .98 of the value on the first steps on Huber's function; GD-03b is the exact one.
    """
    shares = [_nesterov_share(h, L, R, run) for _, h, L, R, run in each(evidence.runs)]
    return verdicts.below(np.concatenate(shares), 1.0, evidence.tolerance).drawn(
        drawn_ratios(
            evidence.runs,
            _nesterov_share,
            "f(x_t) - f* over the bound",
            "The largest over h = .25 to 1.9; no problem comes above 1.",
        )
    )


def _potential(h: float, L: float, R: float, run: Run) -> Array:
    """Return t (f_t - f*) + |x_t - x*|^2/(2 eta), in units of its first value."""
    del R
    curve = run.curve
    V = curve["step"] * curve["suboptimality"] + curve["distance"] ** 2 * L / (2 * h)
    return np.asarray(V / V[0])


@claim(
    "GD-06",
    "For eta <= 1/L the potential t (f(x_t) - f*) + |x_t - x*|^2/(2 eta) never rises.",
    formula=r"V_t = t\,(f(x_t) - f^*) + \frac{|x_t - x^*|^2}{2 \eta}, \quad V_{t+1} \leq V_t",
    assumptions="f convex and L-smooth with a minimiser, eta <= 1/L",
    source="Bansal and Gupta 2019, theorem 3.3",
    kind=Kind.BOUND,
    tolerance=Tolerance(absolute=1e-14, reason="summation error, in units of V_0"),
    rule="gd",
    runs=on_convex(UP_TO_ONE),
)
def gd_06(evidence: Evidence) -> Finding:
    """Check every step: a faulty one shows where it happens."""
    potentials = [_potential(h, L, R, run) for _, h, L, R, run in each(evidence.runs)]
    after = np.concatenate([V[1:] for V in potentials])
    before = np.concatenate([V[:-1] for V in potentials])
    return verdicts.below(after, before, evidence.tolerance).drawn(
        drawn_ratios(
            evidence.runs,
            _potential,
            "V_t/V_0",
            "The potential falls or stays at every step; that it does proves the O(1/t) rate.",
        )
    )


HORIZONS = (1, 2, 5, 10, 100, 1000)
RATES = (0.5, 1.0, 1.5, 1.9)
FINE = np.unique(np.geomspace(1, 1000, 200).astype(int))
"""Horizons that theory's lines are drawn through."""


def _flat_hubers(setting: Setting) -> Mapping[Key, RunSpec]:
    """Huber's functions on which the gradient is the same for T steps, and the parabola."""
    return {
        **{
            (h, T): setting.run(f"huber:tau={1 / (h * T + 1)!r}", f"gd:lr={h}/L", steps=T)
            for h in RATES
            for T in HORIZONS
        },
        **{h: setting.run("parabola:curvature=1", f"gd:lr={h}/L", steps=1000) for h in RATES},
        **on_convex(UP_TO_TWO)(setting),
    }


def _convex_only(runs: Mapping[Key, Run]) -> Mapping[Key, Run]:
    return {k: run for k, run in runs.items() if isinstance(k, tuple) and isinstance(k[0], str)}


def _worst_gradients(runs: Mapping[Key, Run], h: float) -> Array:
    """Return |grad f(x_T)|^2/(f(x_0) - f*) of the worse of the two functions at every T."""
    both = []
    for T in HORIZONS:
        arms, bowl = runs[h, T].curve, runs[h].curve
        both.append([c["gradient_norm"][T] ** 2 / c["suboptimality"][0] for c in (arms, bowl)])
    return np.asarray(np.max(both, axis=1))


def _gradients_drawn(evidence: Evidence, caption: str) -> Plot:
    lines = []
    for h in RATES:
        ends = _worst_gradients(evidence.runs, h)
        lines.append(series(f"h = {h}", HORIZONS, ends, points=True))
        worst = 2 * np.maximum(1 / (2 * h * FINE + 1), (1 - h) ** (2 * FINE))
        lines.append(theory(f"bound, h = {h}", FINE, worst))
    return Plot(
        x_label="steps T",
        y_label="|grad f(x_T)|^2/(L (f(x_0) - f*))",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption=caption,
    )


@claim(
    "GD-07a",
    "The gradient after T steps is at most L R max(1/(h T + 1), |1 - h|^T), and for each T can be.",
    formula=r"|\nabla f(x_T)| \leq L R \max\left(\frac{1}{h T + 1}, |1 - h|^T\right)",
    assumptions="f convex and L-smooth with a minimiser, h = L eta in (0, 2)",
    source="Taylor, Hendrickx and Glineur 2017",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_flat_hubers,
)
def gd_07a(evidence: Evidence) -> Finding:
    """Attain it on Huber's function with tau = R/(h T + 1), or x^2/2; check it elsewhere."""
    found, worst = [], []
    for h in RATES:
        for T in HORIZONS:
            ends = (evidence.runs[key].curve["gradient_norm"][T] for key in ((h, T), h))
            found.append(max(ends))
            worst.append(max(1 / (h * T + 1), abs(1 - h) ** T))
    shares = []
    for _, h, L, R, run in each(_convex_only(evidence.runs)):
        t = run.curve["step"]
        bound = L * R * np.maximum(1 / (h * t + 1), np.abs(1 - h) ** t)
        shares.append(run.curve["gradient_norm"] / bound)
    return all_of(
        [
            verdicts.equals(found, worst, evidence.tolerance),
            verdicts.below(np.concatenate(shares), 1.0, B, scale=1.0),
        ],
        plot=_distances_drawn(found),
    )


def _distances_drawn(found: list[float]) -> Plot:
    lines, count = [], len(HORIZONS)
    for i, h in enumerate(RATES):
        part = slice(i * count, (i + 1) * count)
        worst = np.maximum(1 / (h * FINE + 1), abs(1 - h) ** FINE)
        lines.append(series(f"h = {h}", HORIZONS, found[part], points=True))
        lines.append(theory(f"bound, h = {h}", FINE, worst))
    return Plot(
        x_label="steps T",
        y_label="|grad f(x_T)|/(L R)",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="Each point is another function, the worst for its T: mostly Huber's, on which "
        "the gradient stays at L tau for all T steps; for few long steps the parabola.",
    )


@claim(
    "GD-07b",
    "Squared, the gradient after T steps is at most 2 L D_0 max(1/(2 h T + 1), (1 - h)^(2T)), and "
    "for each T can be.",
    formula=r"|\nabla f(x_T)|^2 \leq 2 L D_0 \max\left(\frac{1}{2 h T + 1}, (1-h)^{2T}\right)",
    assumptions="f convex and L-smooth with a minimiser, h = L eta in (0, 2), D_0 = f(x_0) - f*",
    source="Kim and Fessler 2021; Taylor, Hendrickx and Glineur 2017",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_flat_hubers,
)
def gd_07b(evidence: Evidence) -> Finding:
    """Attain it on Huber's function with x_0 = (h T + 1) tau, or x^2/2; check it elsewhere."""
    T = np.array(HORIZONS)
    found = [_worst_gradients(evidence.runs, h) for h in RATES]
    worst = [2 * np.maximum(1 / (2 * h * T + 1), (1 - h) ** (2 * T)) for h in RATES]
    shares = []
    for _, h, L, _, run in each(_convex_only(evidence.runs)):
        t, gap = run.curve["step"], run.curve["suboptimality"][0]
        bound = 2 * L * gap * np.maximum(1 / (2 * h * t + 1), (1 - h) ** (2 * t))
        shares.append(run.curve["gradient_norm"] ** 2 / bound)
    return all_of(
        [
            verdicts.equals(found, worst, evidence.tolerance),
            verdicts.below(np.concatenate(shares), 1.0, B, scale=1.0),
        ],
        plot=_gradients_drawn(
            evidence, "By the starting gap the same functions are the worst: they have the D_0."
        ),
    )
