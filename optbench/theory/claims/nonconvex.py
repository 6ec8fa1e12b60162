"""Gradient descent without convexity, or without a unique minimiser: where it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B, Tolerance

H_NONCONVEX = (0.1, 0.25, 0.5, 1.0)
FLAT = 20
"""Steps for which Huber's function keeps the gradient where it is."""


def _small_gradients(setting: Setting) -> Mapping[Key, RunSpec]:
    named: dict[Key, RunSpec] = {
        ("x^2 + 3 sin^2 x", h): setting.run(
            "polyak_lojasiewicz:start=4.6", f"gd:lr={h}/L", steps=100
        )
        for h in H_NONCONVEX
    }
    return named | {
        ("Huber's function", h): setting.run(
            f"huber:tau={1 / (h * FLAT + 1)!r}", f"gd:lr={h}/L", steps=FLAT
        )
        for h in H_NONCONVEX
    }


def _smallest(run: Run) -> Array:
    """Return min over s <= t of |grad f(x_s)|^2."""
    least: Array = np.minimum.accumulate(run.curve["gradient_norm"] ** 2)
    return least


def _shares(runs: Mapping[Key, Run], *, to_the_end: bool) -> dict[Key, Array]:
    """Return the smallest squared gradient over its bound by f_0 - f*, or by f_0 - f_n, n >= 1."""
    found: dict[Key, Array] = {}
    for key, run in runs.items():
        assert isinstance(key, tuple)
        L, h = float(run.facts["smoothness"] or 0), float(key[1])
        n, gap = run.curve["step"][1:], run.curve["suboptimality"]
        if to_the_end:
            bound = 4 * L * gap[0] / (n * h * (4 - h) + 2)
        else:
            bound = 4 * L * (gap[0] - gap[1:]) / (n * h * (4 - h))
        found[key] = _smallest(run)[1:] / bound
    return found


def _shares_drawn(shares: Mapping[Key, Array], caption: str) -> Plot:
    lines = []
    for key, share in shares.items():
        assert isinstance(key, tuple)
        if key[1] in (0.1, 1.0):
            n = np.arange(1, len(share) + 1)
            lines.append(series(f"{key[0]}, h = {key[1]}", n[share > 1e-4], share[share > 1e-4]))
    return Plot(
        x_label="steps n",
        y_label="smallest |grad f|^2 over the bound",
        x_scale="log",
        y_scale="log",
        series=(*lines, theory("the bound", [1, 100], [1, 1])),
        caption=caption,
    )


def _gd_17_assumed(rest: str) -> str:
    return f"f L-smooth, convex or not, h = L eta in (0, 1]; {rest}"


@claim(
    "GD-17a",
    "Without convexity the smallest gradient so far is below 4 L D_0/(n h (4 - h) + 2), squared.",
    formula=r"\min_{t \leq n} |\nabla f(x_t)|^2 \leq \frac{4 L (f(x_0) - f^*)}{n h (4 - h) + 2}",
    assumptions=_gd_17_assumed("D_0 = f(x_0) - f*; x_n is among the points"),
    source="Abbaszadehpeivasti, de Klerk and Zamani 2022, theorem 2",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=_small_gradients,
)
def gd_17a(evidence: Evidence) -> Finding:
    """Check every n on a function that is not convex, and on Huber's, whose share is exact.

    There the gradient stays at L tau for n steps: the share is (n h (4 - h) + 2)/(4 n h + 2).
    """
    shares = _shares(evidence.runs, to_the_end=True)
    ends = [float(shares["Huber's function", h][-1]) for h in H_NONCONVEX]
    known = [(FLAT * h * (4 - h) + 2) / (4 * FLAT * h + 2) for h in H_NONCONVEX]
    return all_of(
        [
            verdicts.below(np.concatenate(list(shares.values())), 1.0, evidence.tolerance),
            verdicts.equals(ends, known, E2),
        ],
        plot=_shares_drawn(shares, "Smaller steps come nearer to the bound, as it is sharp."),
    )


@claim(
    "GD-17b",
    "The same with what was gained so far: 4 L (f(x_0) - f(x_n))/(n h (4 - h)).",
    formula=r"\min_{t \leq n} |\nabla f(x_t)|^2 \leq \frac{4 L (f(x_0) - f(x_n))}{n h (4 - h)}",
    assumptions=_gd_17_assumed("x_n is among the points"),
    source="Abbaszadehpeivasti, de Klerk and Zamani 2022, theorem 2",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=_small_gradients,
)
def gd_17b(evidence: Evidence) -> Finding:
    """Check every n; on Huber's function the share is exactly (4 - h)/4."""
    shares = _shares(evidence.runs, to_the_end=False)
    huber = [shares["Huber's function", h] for h in H_NONCONVEX]
    known = [np.full(FLAT, (4 - h) / 4) for h in H_NONCONVEX]
    return all_of(
        [
            verdicts.below(np.concatenate(list(shares.values())), 1.0, evidence.tolerance),
            verdicts.equals(np.array(huber), np.array(known), E2),
        ],
        plot=_shares_drawn(shares, "No f* is needed: what the steps have gained bounds them."),
    )


WIDE = "least_squares:rows=20,columns=50,kappa=10"
PINV = Tolerance(relative=1e-8, absolute=1e-10, reason="the pseudo-inverse, kappa = 10; 400 steps")


@claim(
    "GD-18",
    "With more unknowns than equations gradient descent from 0 finds the solution of least norm.",
    formula=r"x_0 = 0 \;\Rightarrow\; x_t \to A^{+} b",
    assumptions="least squares, 20 equations in 50 unknowns, eta = 1/L; x_0 in the row space",
    source="Hastie, Montanari, Rosset and Tibshirani 2022, proposition 1",
    kind=Kind.IDENTITY,
    tolerance=PINV,
    rule="gd",
    runs=lambda setting: {
        seed: setting.run(WIDE, "gd:lr=1/L", steps=400, seed=seed, points=True) for seed in (0, 1)
    },
)
def gd_18(evidence: Evidence) -> Finding:
    """Compare the end with the pseudo-inverse; another start keeps its part off the row space."""
    problem = build_problem(evidence.runs[0].spec.problem)
    assert problem.hessian_vector is not None
    eye = torch.eye(50, dtype=torch.float64)
    hessian = problem.hessian_vector(torch.zeros_like(eye), eye).numpy()
    gradient = problem.oracle(torch.zeros_like(eye[:1]))[1][0].numpy()
    inverse = np.linalg.pinv(hessian, rcond=1e-8, hermitian=True)
    least = -inverse @ gradient
    home, away = (run.points for run in evidence.runs.values())
    assert home is not None
    assert away is not None
    kept = away[0] - inverse @ hessian @ away[0]
    order = np.argsort(least)
    plot = Plot(
        x_label="coordinate, sorted by the pseudo-inverse's",
        y_label="value at the end",
        series=(
            series("from 0", np.arange(50), home[-1][order], points=True),
            series("from a random point", np.arange(50), away[-1][order], points=True),
            theory("pseudo-inverse times b", np.arange(50), least[order]),
        ),
        caption="Both ends solve all equations; only the start in the row space gives the shortest "
        "solution.",
    )
    return all_of(
        [
            verdicts.equals(np.linalg.norm(home[-1]), np.linalg.norm(least), evidence.tolerance),
            verdicts.equals(home[-1], least, evidence.tolerance),
            verdicts.equals(away[-1], least + kept, evidence.tolerance),
            verdicts.holds(
                bool(np.linalg.norm(away[-1]) > 1.05 * np.linalg.norm(least)),
                theory="longer from elsewhere",
                measured=float(np.linalg.norm(away[-1])),
            ),
        ],
        plot=plot,
    )


SHALLOW, DEEP = (3 - math.sqrt(41)) / 8, (3 + math.sqrt(41)) / 8


@claim(
    "GD-19",
    "On x^4 - x^3 - x^2 gradient descent from -1 ends in the shallower of two minima.",
    formula=r"x_t \to \frac{3 - \sqrt{41}}{8} = -0.42539, \quad x^* = \frac{3 + \sqrt{41}}{8}",
    assumptions="f = x^4 - x^3 - x^2, x_0 = -1, eta = .05",
    source="the roots of f'(x) = x (4 x^2 - 3 x - 2)",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        start: setting.run(f"double_well:start={start}", "gd:lr=.05", steps=400, points=True)
        for start in (-1, 0, 1)
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="On functions that are not convex gradient descent only finds local minima.",
            ruling=Ruling.IMPRECISE,
            truth="Stationary points. From all but a set of measure zero it is a local minimum, "
            "here from -1 the wrong one; from that set a saddle or a maximum, here from 0.",
        ),
    ),
)
def gd_19(evidence: Evidence) -> Finding:
    """Start left of the maximum, on it, and right of it."""
    ends, lines = [], []
    for start, run in evidence.runs.items():
        assert run.points is not None
        ends.append(run.points[-1, 0])
        lines.append(series(f"from {start}", run.curve["step"][:80], run.points[:80, 0]))
    plot = Plot(
        x_label="steps t",
        y_label="x_t",
        series=(
            *lines,
            theory("(3 - sqrt 41)/8", [0, 79], [SHALLOW, SHALLOW]),
            theory("the maximum, 0", [0, 79], [0, 0]),
            theory("(3 + sqrt 41)/8, the minimum", [0, 79], [DEEP, DEEP]),
        ),
        caption="Left of the maximum at 0 the shallow well is all there is to find; on the maximum "
        "nothing moves.",
    )
    higher = evidence.runs[-1].last("suboptimality")
    return all_of(
        [
            verdicts.equals(ends, [SHALLOW, 0.0, DEEP], evidence.tolerance),
            verdicts.holds(higher > 1, theory="not the minimum", measured=higher),
        ],
        plot=plot,
    )


ETA, OFFSET = 0.1, 1e-10


def _saddle(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "saddle_quartic:offset={}"
    return {
        offset: setting.run(problem.format(offset), f"gd:lr={ETA}", steps=400, points=True)
        for offset in (0.0, OFFSET)
    }


def _saddle_points(run: Run) -> Array:
    assert run.points is not None
    return np.asarray(run.points)


@claim(
    "GD-20a",
    "Started on the axis of a saddle gradient descent ends in it: stationary is not minimal.",
    formula=r"x_t = (1 - \eta)^t, \; y_t = 0: \quad \nabla f \to 0, \; f - f^* \to \frac{1}{4}",
    assumptions="f = x^2/2 + y^4/4 - y^2/2 from (1, 0), eta = .1",
    source="Nesterov 2004, example 1.2.2; Lee, Simchowitz, Jordan and Recht 2016",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="gd",
    runs=_saddle,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="It halts where the gradient is zero or small, at a stationary point.",
            ruling=Ruling.OK,
            truth="A stationary point need not be a minimum, as here. And a small gradient means a "
            "small error only under strong convexity: |x - x*| <= |grad f|/mu.",
        ),
    ),
)
def gd_20a(evidence: Evidence) -> Finding:
    """Compare the points with the power: the gradient goes to zero, f stays 1/4 above f*."""
    run = evidence.runs[0.0]
    points, t = _saddle_points(run), run.curve["step"]
    line = (1 - ETA) ** t
    few = slice(0, 400, 2)
    plot = Plot(
        x_label="steps t",
        y_label="size",
        y_scale="log",
        series=(
            series("|grad f(x_t)|", t[few], run.curve["gradient_norm"][few]),
            theory("(1 - eta)^t", t[few], line[few]),
            series("f(x_t) - f*", t[few], run.curve["suboptimality"][few]),
            theory("1/4 + (1 - eta)^(2t)/2", t[few], 0.25 + line[few] ** 2 / 2),
        ),
        caption="The gradient goes to zero and the error does not: a saddle.",
    )
    return all_of(
        [
            verdicts.equals(run.last("suboptimality"), 0.25, evidence.tolerance),
            verdicts.equals(points[:, 0], line, evidence.tolerance),
            verdicts.equals(points[:, 1], 0.0, evidence.tolerance),
            verdicts.holds(
                run.last("gradient_norm") < 1e-15,
                theory="gradient to 0",
                measured=run.last("gradient_norm"),
            ),
        ],
        plot=plot,
    )


@claim(
    "GD-20b",
    "An offset of 1e-10 leaves the saddle after ln(1e9)/ln(1 + eta) = 217 steps.",
    formula=r"t = \frac{\ln (10^{-1} / 10^{-10})}{\ln (1 + \eta)} = 217.4, \quad \eta = 0.1",
    assumptions="f = x^2/2 + y^4/4 - y^2/2 from (1, 1e-10), eta = .1; left means y >= .1",
    source="Lee, Simchowitz, Jordan and Recht 2016; the linear growth by 1 + eta a step",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=3.0, reason="whole steps, and y^3 slows the last ones"),
    rule="gd",
    runs=_saddle,
)
def gd_20b(evidence: Evidence) -> Finding:
    """Find the step at which y passes .1; before, y grows by 1 + eta a step."""
    y = _saddle_points(evidence.runs[OFFSET])[:, 1]
    expected = math.log(1e9) / math.log(1 + ETA)
    left, t = int(np.argmax(y >= 0.1)), np.arange(len(y))
    plot = Plot(
        x_label="steps t",
        y_label="y_t",
        y_scale="log",
        series=(
            series("offset 1e-10", t[::2], y[::2]),
            theory("1e-10 (1 + eta)^t", t[:242:2], OFFSET * (1 + ETA) ** t[:242:2]),
        ),
        verticals=((expected, "ln(1e9)/ln(1 + eta)"),),
        caption="For 200 steps nothing seems to happen; then the run goes to a minimum.",
    )
    return all_of(
        [
            verdicts.equals(left, expected, evidence.tolerance),
            verdicts.equals(y[:100], OFFSET * (1 + ETA) ** t[:100], E2),
            verdicts.equals(y[-1], 1.0, E2),
        ],
        plot=plot,
    )


@claim(
    "GD-20c",
    "A small gradient bounds the distance, by |grad f|/mu, only under strong convexity.",
    formula=r"|x - x^*| \leq \frac{|\nabla f(x)|}{\mu}",
    assumptions="f mu-strongly convex; x^10/10 is not",
    source="Nesterov 2004, theorem 2.1.10",
    kind=Kind.BOUND,
    tolerance=B,
    rule="gd",
    runs=lambda setting: {
        "strong": setting.run("quadratic:dim=20,kappa=50", "gd:lr=1/L", steps=300),
        "slow": setting.run(
            "quadratic:dim=2,kappa=50,spectrum=two_mode,start=slow", "gd:lr=1/L", steps=300
        ),
        "flat": setting.run("power:p=10,start=.8", "gd:lr=.5", steps=300),
    },
)
def gd_20c(evidence: Evidence) -> Finding:
    """Check it at every point, attain it on the slow mode, and break it without mu."""
    shares, lines = [], []
    for name, label in (("strong", "quadratic, kappa = 50"), ("slow", "its slow mode")):
        curve = evidence.runs[name].curve
        shares.append(curve["distance"] / (50 * curve["gradient_norm"]))
        lines.append(series(label, curve["gradient_norm"][::3], curve["distance"][::3]))
    flat = evidence.runs["flat"].curve
    g = np.geomspace(1e-6, 0.5, 50)
    plot = Plot(
        x_label="|grad f(x_t)|",
        y_label="|x_t - x*|",
        x_scale="log",
        y_scale="log",
        series=(
            *lines,
            series("x^10/10", flat["gradient_norm"][::3], flat["distance"][::3]),
            theory("|grad f|/mu", g, 50 * g),
        ),
        caption="On x^10/10 the gradient says little: it is 3e-4 where x is still .4.",
    )
    return all_of(
        [
            verdicts.below(np.concatenate(shares), 1.0, evidence.tolerance),
            verdicts.equals(shares[1], 1.0, E2),
            verdicts.equals(flat["distance"] ** 9, flat["gradient_norm"], E2),
            verdicts.above(flat["distance"][-1] / flat["gradient_norm"][-1], 50.0, E2),
        ],
        plot=plot,
    )
