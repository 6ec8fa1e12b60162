"""Gradient descent on convex functions: x+ = x - eta grad f(x)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.randomness import stream
from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._convex import CONVEX, UP_TO_ONE, UP_TO_TWO, each, on_convex
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.rates import gd_convex
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B

HORIZONS = (1, 2, 5, 10, 100, 1000)
BOWL = "|x|^2/2"


def _decreases(setting: Setting) -> Mapping[Key, RunSpec]:
    """Runs on convex problems, on one that is not convex, and on |x|^2/2, the worst."""
    more = {"x^2 + 3 sin^2 x": "polyak_lojasiewicz", BOWL: "quadratic:dim=5,kappa=1,start=random"}
    named: dict[Key, RunSpec] = {
        (name, h): setting.run(problem, f"gd:lr={h}/L", steps=200)
        for name, problem in more.items()
        for h in UP_TO_TWO
    }
    return {**on_convex(UP_TO_TWO)(setting), **named}


def _decrease(h: float, L: float, run: Run) -> tuple[Array, Array]:
    """Return by how much each step lowers f, and by how much it has to."""
    f, g = run.curve["suboptimality"], run.curve["gradient_norm"]
    return f[:-1] - f[1:], h / L * (1 - h / 2) * g[:-1] ** 2


@claim(
    "GD-01",
    "Every step with eta < 2/L lowers f by at least eta (1 - eta L/2) |grad f|^2.",
    formula=r"f(x_{t+1}) \leq f(x_t) - \eta \left(1 - \frac{h}{2}\right) |\nabla f(x_t)|^2",
    assumptions="f L-smooth, convex or not; h = L eta in (0, 2)",
    source="Nesterov 2004, lemma 1.2.3 (the descent lemma)",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=_decreases,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Every sufficiently small step strictly decreases the loss unless the "
            "gradient is zero.",
            ruling=Ruling.OK,
            truth="Every eta below 2/L does, by at least eta (1 - eta L/2) |grad f|^2.",
        ),
    ),
)
def gd_01(evidence: Evidence) -> Finding:
    """Check every step of all runs, f in units of f(x_0) - f*; on |x|^2/2 the two are equal."""
    dones, dues, points = [], [], []
    for name, h, L, _, run in each(evidence.runs):
        done, due = _decrease(h, L, run)
        scale = run.curve["suboptimality"][0]
        dones.append(done / scale)
        dues.append(due / scale)
        points.append((name, due[0], done[0]))
    attained = [
        verdicts.equals(done[due > 1e-280], due[due > 1e-280], E2)
        for (name, *_), done, due in zip(points, dones, dues, strict=True)
        if name == BOWL
    ]
    due, done = np.concatenate(dues), np.concatenate(dones)
    bound = verdicts.below(due, done, evidence.tolerance, scale=1.0)
    bounds = np.sort([due for _, due, _ in points])
    names = dict.fromkeys(name for name, _, _ in points)
    plot = Plot(
        x_label="eta (1 - eta L/2) |grad f(x_0)|^2",
        y_label="f(x_0) - f(x_1)",
        x_scale="log",
        y_scale="log",
        series=(
            *(
                series(
                    name,
                    [due for own, due, _ in points if own == name],
                    [done for own, _, done in points if own == name],
                    points=True,
                )
                for name in names
            ),
            theory("the least decrease", bounds, bounds),
        ),
        caption="First steps with h = L eta from .25 to 1.9: each lowers f by at least the bound, "
        "on |x|^2/2 by exactly that.",
    )
    first = [
        verdicts.equals(done, due, E2) for name, due, done in points if name == BOWL and due > 0
    ]
    return all_of([*first, bound, *attained], plot=plot)


@claim(
    "GD-01b",
    "Of all directions of unit length -grad f/|grad f| has the steepest slope, -|grad f|.",
    formula=r"\min_{|u| = 1} \langle u, \nabla f(x) \rangle = -|\nabla f(x)|",
    assumptions="f differentiable; the Euclidean norm",
    source="Cauchy-Schwarz",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        name: setting.run("quadratic:dim=3,kappa=10", f"{name}:lr=.1", steps=1, points=True)
        for name in ("gd", "signsgd")
    },
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="The negative gradient is the direction of steepest descent.",
            ruling=Ruling.OK,
            truth="In the Euclidean norm. In the largest-coordinate norm the steepest direction "
            "is minus the gradient's signs.",
        ),
    ),
)
def gd_01b(evidence: Evidence) -> Finding:
    """Measure slopes as central differences of f, exact on a quadratic, in 20000 directions."""
    run = evidence.runs["gd"]
    problem = build_problem(run.spec.problem)
    x_0 = problem.start(run.spec.seed)
    noise = stream(0, 0, "directions").standard_normal((20_000, 3))
    chosen = {name: _direction(evidence.runs[name]) for name in ("gd", "signsgd")}
    gradient = problem.value_and_gradient(x_0[None])[1][0].numpy()

    def slopes(u: Array) -> Array:
        ahead, back = (
            problem.value_and_gradient(x_0 + s * torch.from_numpy(u))[0] for s in (1, -1)
        )
        half: Array = (ahead - back).numpy() / 2
        return half

    others = slopes(noise / np.linalg.norm(noise, axis=1, keepdims=True))
    boxed = slopes(noise / np.abs(noise).max(axis=1, keepdims=True))
    own = slopes(chosen["gd"] / np.linalg.norm(chosen["gd"]))[0]
    signs = slopes(chosen["signsgd"] / np.abs(chosen["signsgd"]).max())[0]
    steepest, steepest_boxed = -float(np.linalg.norm(gradient)), -float(np.abs(gradient).sum())
    share = np.linspace(0, 1, 200)
    plot = Plot(
        x_label="share of the directions",
        y_label="slope",
        series=(
            series("20000 random directions", share, np.quantile(others, share)),
            theory("-|grad f|", [0, 1], [steepest, steepest]),
            series("the direction of the step", [0], [own], points=True),
        ),
        caption="No direction falls faster than the one that gradient descent takes.",
    )
    return all_of(
        [
            verdicts.equals(own, steepest, evidence.tolerance),
            verdicts.holds(bool((others >= own).all()), theory=own, measured=others.min()),
            verdicts.holds(others.min() < 0.98 * steepest, theory=steepest, measured=others.min()),
            verdicts.equals(signs, steepest_boxed, evidence.tolerance),
            verdicts.holds(bool((boxed >= signs).all()), theory=signs, measured=boxed.min()),
        ],
        plot=plot,
    )


def _direction(run: Run) -> Array:
    """Return the first step of a run, (1, d)."""
    assert run.points is not None
    return np.asarray(run.points[1:2] - run.points[:1])


@claim(
    "GD-02",
    "On convex functions f(x_T) - f* <= R^2/(2 eta T) for eta <= 1/L, and half of it is enough.",
    formula=r"f(x_T) - f^* \leq \frac{R^2}{2 \eta T}",
    assumptions="f convex and L-smooth with a minimiser, eta <= 1/L",
    source="Nesterov 2004, section 2.1.5; the factor 2 from Drori and Teboulle 2014, theorem 3.1",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=lambda setting: {
        **on_convex(UP_TO_ONE)(setting),
        **{T: setting.run(f"huber:T={T}", "gd:lr=1/L", steps=T) for T in HORIZONS},
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="f(x_T) - f* <= R^2/(2 eta T) for eta <= 1/L on convex smooth functions.",
            ruling=Ruling.OK,
            truth="Loose by a factor that goes to 2. It does not extend to every eta < 2/L: it "
            "holds for all T up to eta = 1.7329/L only, and at 1.9/L it is broken 3.27 times over.",
        ),
    ),
)
def gd_02(evidence: Evidence) -> Finding:
    """Check all steps, with the bound and half of it, which Huber's functions come up to."""
    runs: Mapping[Key, Run] = {k: r for k, r in evidence.runs.items() if isinstance(k, tuple)}
    shares = [
        run.curve["suboptimality"][1:] * 2 * h * run.curve["step"][1:] / (L * R**2)
        for _, h, L, R, run in each(runs)
    ]
    largest = float(np.concatenate(shares).max())
    T = np.array(HORIZONS, dtype=np.float64)
    ends = np.array([evidence.runs[h].last("suboptimality") for h in HORIZONS])
    plot = Plot(
        x_label="steps T",
        y_label="f(x_T) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("worst function of each T", T, ends, points=True),
            theory("L R^2/(4 T + 2)", T, gd_convex(T, smoothness=1, radius=1, lr=1)),
            quoted("R^2/(2 eta T)", T, 1 / (2 * T)),
        ),
        caption="At eta = 1/L. The usual bound holds, and for large T it is twice the worst case.",
    )
    return all_of(
        [
            verdicts.below(ends, 1 / (2 * T), evidence.tolerance),
            verdicts.below(np.concatenate(shares), 1.0, evidence.tolerance),
            verdicts.holds(largest <= 0.5 * (1 + 1e-9), theory="half of it", measured=largest),
            verdicts.equals(2 * T * ends, T / (2 * T + 1), E2),
        ],
        plot=plot,
    )


def _huber_each(setting: Setting) -> Mapping[Key, RunSpec]:
    """One Huber function for each T: none is the worst for two of them."""
    return {T: setting.run(f"huber:T={T}", "gd:lr=1/L", steps=T) for T in HORIZONS} | {
        f"fixed {T}": setting.run(f"huber:T={T}", "gd:lr=1/L", steps=1000) for T in FIXED
    }


FIXED = (10, 100)
"""Horizons whose worst functions are run far beyond them."""


@claim(
    "GD-03",
    "After T steps gradient descent on convex functions is at worst L R^2/(4 T + 2) above the "
    "minimum, and can be.",
    formula=r"f(x_T) - f^* \leq \frac{L R^2}{4 T + 2}",
    assumptions="f convex and L-smooth with a minimiser, eta = 1/L",
    source="Drori and Teboulle 2014, theorem 3.1",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=_huber_each,
    headline="O(1/t), with the exact worst case",
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="On a convex smooth function every eta < 2/L converges to the minimum, "
            "within C/t.",
            ruling=Ruling.IMPRECISE,
            truth="There must be a minimiser, and eta > 0. C is known: the worst case after T "
            "steps is exactly L R^2/(4 T + 2) at eta = 1/L. One fixed function is never the worst "
            "for every T: it is o(1/t).",
        ),
    ),
)
def gd_03(evidence: Evidence) -> Finding:
    """Run the Huber function of each T for T steps: the bound is attained.

    The quoted C/t holds with C = L R^2/4, and a fixed function falls below every such line.
    """
    steps = np.array(HORIZONS, dtype=np.float64)
    ends = np.array([evidence.runs[T].last("suboptimality") for T in HORIZONS])
    worst = gd_convex(steps, smoothness=1.0, radius=1.0, lr=1.0)
    every = np.arange(1.0, 1001.0)
    bound = gd_convex(every, smoothness=1, radius=1, lr=1)
    gaps = np.stack([evidence.runs[f"fixed {T}"].curve["suboptimality"][1:] for T in FIXED])
    thin = np.unique(np.geomspace(1, 1000, 120).astype(int)) - 1
    falls = every * gaps
    fixed = [
        series(f"the function for T = {T}, at all t", every[: 2 * T + 1], gap[: 2 * T + 1])
        for T, gap in zip(FIXED, np.maximum(gaps, bound[-1] / 2), strict=True)
    ]
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("worst function of each T, after T steps", steps, ends, points=True),
            *fixed,
            theory("L R^2/(4 t + 2)", every[thin], bound[thin]),
            quoted("R^2/(2 eta t)", every[thin], 1 / (2 * every[thin])),
        ),
        caption="Each point is another function, the worst for its T. A fixed function touches "
        "the line once, at its T, and then falls off it: no single function is as slow as 1/t for "
        "ever. The usual bound, dotted, is twice as high.",
    )
    return all_of(
        [
            verdicts.equals(ends, worst, evidence.tolerance),
            verdicts.below(gaps, np.tile(bound, (len(FIXED), 1)), B, scale=1.0),
            verdicts.below(every * bound, 0.25, B),
            verdicts.holds(
                bool((falls[:, -1] < 1e-6 * falls[:, 0]).all()),
                theory="t (f(x_t) - f*) to 0",
                measured=float(falls[:, -1].max()),
            ),
        ],
        plot=plot,
    )


SHORT_AND_LONG = (0.25, 0.5, 1.5, 1.9)
FEW = (1, 2, 5, 10, 100)


@claim(
    "GD-03b",
    "For all eta < 2/L the worst case is the larger of Huber's function and the parabola.",
    formula=r"f(x_T) - f^* \leq \frac{L R^2}{2} \max\left(\frac{1}{2 h T + 1}, (1-h)^{2T}\right)",
    assumptions="f convex and L-smooth, h = L eta in (0, 2); here .25, .5, 1.5 and 1.9",
    source="Drori and Teboulle 2014, theorem 3.1 (h <= 1); Kim 2024, arXiv 2412.04427 (h < 2)",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        **{
            (h, T): setting.run(f"huber:T={T},step={h}", f"gd:lr={h}/L", steps=T)
            for h in SHORT_AND_LONG
            for T in FEW
        },
        **{
            h: setting.run("parabola:curvature=1", f"gd:lr={h}/L", steps=100)
            for h in SHORT_AND_LONG
        },
        **on_convex(SHORT_AND_LONG)(setting),
    },
)
def gd_03b(evidence: Evidence) -> Finding:
    """Run both functions at every h and T: the worse one attains the bound, no other breaks it."""
    found, worst, lines = [], [], []
    T = np.array(FEW, dtype=np.float64)
    for h in SHORT_AND_LONG:
        arms = [evidence.runs[h, steps].last("suboptimality") for steps in FEW]
        bowl = evidence.runs[h].curve["suboptimality"][list(FEW)]
        bound = gd_convex(T, smoothness=1, radius=1, lr=h)
        found.append(np.maximum(arms, bowl))
        worst.append(bound)
        t = np.arange(1.0, 101.0)
        lines.append(series(f"h = {h}", T, found[-1], points=True))
        lines.append(theory(f"bound, h = {h}", t, gd_convex(t, smoothness=1, radius=1, lr=h)))
    plot = Plot(
        x_label="steps T",
        y_label="f(x_T) - f*",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="For h > 1 the parabola, over which the method jumps, is the worst at first.",
    )
    others: dict[Key, Run] = {
        k: r for k, r in evidence.runs.items() if isinstance(k, tuple) and k[0] in CONVEX
    }
    shares = [
        run.curve["suboptimality"][1:]
        / gd_convex(run.curve["step"][1:], smoothness=L, radius=R, lr=h / L)
        for _, h, L, R, run in each(others)
    ]
    parts = [
        verdicts.equals(found, worst, evidence.tolerance),
        verdicts.below(np.concatenate(shares), 1.0, B, scale=1.0),
    ]
    return all_of(parts, plot=plot)
