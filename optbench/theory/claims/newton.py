"""Newton's method near a minimiser and in one variable: x+ = x - f''(x)^-1 f'(x)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from optbench.core.run import Run, Status
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Runs, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, Series, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, Tolerance

KAPPAS = (10.0, 100.0, 1e4, 1e6)


def _on(family: str, *starts: float, steps: int, optimizer: str = "newton") -> Runs:
    """Name a run on a function of one variable from each start."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {
            start: setting.run(f"{family}:start={start}", optimizer, steps=steps, points=True)
            for start in starts
        }

    return runs


def _path(run: Run) -> Array:
    """Return the points x_0 to x_T of a run in one variable, shape (T + 1,)."""
    assert run.points is not None
    path: Array = run.points[:, 0]
    return path


@claim(
    "NT-01",
    "Newton's method minimises a quadratic in one step, whatever its condition number.",
    formula=r"x_1 = x_0 - H^{-1} \nabla f(x_0) = x^*",
    assumptions="f quadratic, H positive definite; kappa from 10 to 1e6, x* not the origin",
    source="Nocedal and Wright 2006, section 2.2",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(
        absolute=1e-15, reason="solving with H loses kappa times 2e-16, here divided by kappa"
    ),
    rule="newton",
    runs=lambda setting: {
        kappa: setting.run(f"quadratic:dim=20,kappa={kappa},center=1", "newton", steps=1)
        for kappa in KAPPAS
    },
)
def nt_01(evidence: Evidence) -> Finding:
    """Compare |x_1 - x*|/(kappa R) with zero."""
    kappas = np.array(KAPPAS)
    distance = np.array([run.curve["distance"] for run in evidence.runs.values()])
    plot = Plot(
        x_label="kappa",
        y_label="|x_1 - x*|/|x_0 - x*|",
        x_scale="log",
        y_scale="log",
        series=(
            series("after one step of Newton's method", kappas, distance[:, 1], points=True),
            series("one step of gradient descent, at best", kappas, (kappas - 1) / (kappas + 1)),
            theory("rounding, kappa 1e-15", kappas, kappas * 1e-15),
        ),
        caption="What is left of the error after one step is rounding in the solution of a linear "
        "system.",
    )
    relative = distance[:, 1] / (kappas * distance[:, 0])
    return verdicts.equals(relative, 0.0, evidence.tolerance).drawn(plot)


SQUARED = (0.25, 0.5, 1.25, 1.75)


@claim(
    "NT-02a",
    "On x - ln x each step of Newton's method squares the error: the order is exactly 2.",
    formula=r"1 - x_k = (1 - x_0)^{2^k}",
    assumptions="f = x - ln x, x* = 1; x_0 = 1/4, 1/2, 5/4 and 7/4, five steps",
    source="algebra: x+ = 2 x - x^2; order 2: Nocedal and Wright 2006, theorem 3.5",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="newton",
    runs=_on("log_barrier", *SQUARED, steps=5),
)
def nt_02a(evidence: Evidence) -> Finding:
    """Compare all points with exact fractions, and the order ln e_(k+1)/ln e_k from 1/4 with 2."""
    found, exact = [], []
    lines: list[Series] = []
    for start in SQUARED:
        path = _path(evidence.runs[start])
        found.append(path)
        exact.append([float(1 - (1 - Fraction(start)) ** (2**k)) for k in range(6)])
        if start < 1:
            error = 1 - path
            seen = int((error[1:] > 1e-15).sum())
            name = f"x_0 = {start}"
            lines.append(series(name, error[:seen], error[1 : seen + 1], points=True))
    logs = np.log(np.maximum(np.abs(1 - found[0]), 1e-300))
    e = np.geomspace(1e-8, 0.9, 50)
    plot = Plot(
        x_label="|x_k - x*|",
        y_label="|x_(k+1) - x*|",
        x_scale="log",
        y_scale="log",
        series=(*lines, theory("slope 2", e, e * e)),
        caption="Each step doubles the number of correct digits.",
    )
    return all_of(
        [
            verdicts.equals(logs[1:] / logs[:-1], 2.0, E2),
            verdicts.equals(found, exact, evidence.tolerance),
        ],
        plot=plot,
    )


EDGES = (0.01, 1.99, 2.0, 2.01)


@claim(
    "NT-02b",
    "On x - ln x, strictly convex, Newton's method converges if and only if 0 < x_0 < 2.",
    formula=r"x_k \to 1 \quad \Leftrightarrow \quad 0 < x_0 < 2",
    assumptions="f = x - ln x for x > 0, no line search",
    source="algebra: x+ = 2 x - x^2; cf. Boyd and Vandenberghe 2004, section 9.5.2",
    kind=Kind.THRESHOLD,
    tolerance=E1,
    rule="newton",
    runs=_on("log_barrier", *EDGES, 0.2, 0.5, 1.0, 1.5, 1.8, steps=20),
    diverges=True,
)
def nt_02b(evidence: Evidence) -> Finding:
    """Look at the ends of runs from both sides of 2: they leave the domain at once or never."""
    fates = {start: _fate(evidence.runs[start], 1.0) for start in EDGES}
    expected = dict(zip(EDGES, ("converges", "converges", "leaves", "leaves"), strict=True))
    inside = {s: run for s, run in evidence.runs.items() if isinstance(s, float) and s < 2}
    x = np.linspace(0, 2.2, 100)
    found = np.array([_path(run)[:2] for run in inside.values()])
    plot = Plot(
        x_label="x_0",
        y_label="x_1",
        series=(
            series("one step", found[:, 0], found[:, 1], points=True),
            theory("2 x - x^2", x, 2 * x - x * x),
            theory("the edge of the domain", [0, 2.2], [0, 0]),
        ),
        verticals=((2.0, "x_0 = 2"),),
        caption="From beyond 2 the first step leaves the domain x > 0: a convex function is no "
        "guarantee without a line search.",
    )
    return all_of(
        [
            verdicts.holds(fates == expected, theory="x_0 < 2", measured=", ".join(fates.values())),
            verdicts.equals(found[:, 1], 2 * found[:, 0] - found[:, 0] ** 2, evidence.tolerance),
        ],
        plot=plot,
    )


def _fate(run: Run, minimiser: float) -> str:
    """Say what becomes of a run: one of three words."""
    if run.status in (Status.DIVERGED, Status.NAN):
        return "leaves"
    return "converges" if abs(_path(run)[-1] - minimiser) < 1e-9 else "stays away"


POWERS = (3, 4, 6)


@claim(
    "NT-03",
    "Where the Hessian is singular Newton's method is linear: on |x|^p it keeps 1 - 1/(p - 1).",
    formula=r"x_{k+1} = \left(1 - \frac{1}{p-1}\right) x_k, \quad x^4: \frac{2}{3}",
    assumptions="f = |x|^p/p with p = 3, 4, 6: f' has a zero of multiplicity p - 1",
    source="Ortega and Rheinboldt 1970, section 10.2 (multiple roots)",
    kind=Kind.NEGATIVE,
    tolerance=E1,
    rule="newton",
    runs=lambda setting: {
        p: setting.run(f"power:p={p},start=3", "newton", steps=10, points=True) for p in POWERS
    },
)
def nt_03(evidence: Evidence) -> Finding:
    """Compare every ratio x_(k+1)/x_k with theory."""
    paths = np.array([_path(evidence.runs[p]) for p in POWERS])
    ratios = 1 - 1 / (np.array(POWERS) - 1.0)
    k = np.arange(11)
    plot = Plot(
        x_label="steps k",
        y_label="x_k",
        y_scale="log",
        series=tuple(
            line
            for p, path, ratio in zip(POWERS, paths, ratios, strict=True)
            for line in (
                series(f"|x|^{p}", k, path, points=True),
                theory(f"{ratio:.3g}^k", k, 3 * ratio**k),
            )
        ),
        caption="A straight line: no doubling of digits at a minimiser without curvature.",
    )
    return verdicts.equals(
        paths[:, 1:] / paths[:, :-1], ratios.repeat(10), evidence.tolerance
    ).drawn(plot)


CUBED = (0.9, 0.5, 1.05)


@claim(
    "NT-04a",
    "On sqrt(1 + x^2) Newton's method cubes the point and changes its sign.",
    formula=r"x_{k+1} = -x_k^3",
    assumptions="f = sqrt(1 + x^2), convex and smooth; x_0 = .5, .9 and 1.05",
    source="algebra; cf. Boyd and Vandenberghe 2004, exercise 9.10",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="newton",
    runs=_on("pseudo_huber", *CUBED, steps=4),
)
def nt_04a(evidence: Evidence) -> Finding:
    """Compare every step with the map, each relative to its own size."""
    before = np.concatenate([_path(evidence.runs[s])[:-1] for s in CUBED])
    after = np.concatenate([_path(evidence.runs[s])[1:] for s in CUBED])
    # The step subtracts x (1 + x^2) from x: what is left is exact to eps/x^2.
    large, shown = np.abs(before) > 0.05, np.abs(after) > 1e-15
    x = np.geomspace(before[before > 0].min(), np.abs(before[shown]).max(), 60)
    plot = Plot(
        x_label="|x_k|",
        y_label="|x_(k+1)|",
        x_scale="log",
        y_scale="log",
        series=(
            series("steps", np.abs(before[shown]), np.abs(after[shown]), points=True),
            theory("|x|^3", x, x**3),
        ),
        caption="Cubic convergence inside |x| < 1, growth outside.",
    )
    return verdicts.equals(after[large], -(before[large] ** 3), evidence.tolerance).drawn(plot)


@claim(
    "NT-04b",
    "On sqrt(1 + x^2) Newton's method converges from |x_0| < 1, cycles from 1, diverges beyond.",
    formula=r"|x_0| < 1: \; x_k \to 0; \quad x_0 = 1: \; 1, -1, 1, -1, \ldots",
    assumptions="f = sqrt(1 + x^2), convex and smooth; full steps, no line search",
    source="algebra: x+ = -x^3; cf. Boyd and Vandenberghe 2004, exercise 9.10",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(reason="the cycle 1, -1 is met exactly, the rest are words"),
    rule="newton",
    runs=_on("pseudo_huber", 0.99, 1.0, 1.01, steps=12),
    diverges=True,
)
def nt_04b(evidence: Evidence) -> Finding:
    """Look at the ends from .99 and 1.01, and at every point from 1."""
    inside, cycle, outside = (evidence.runs[start] for start in (0.99, 1.0, 1.01))
    signs = (-1.0) ** np.arange(13)
    fates = (_fate(inside, 0.0), _fate(cycle, 0.0), _fate(outside, 0.0))
    lines: list[Series] = []
    for start, run in evidence.runs.items():
        k, size = run.curve["step"], np.abs(_path(run))
        seen = size > 1e-12
        powers = np.exp(np.minimum(np.log(float(str(start))) * 3.0 ** k[seen], 60.0))
        lines.append(series(f"x_0 = {start}", k[seen], size[seen], points=True))
        lines.append(theory(f"{start}^(3^k)", k[seen], powers))
    plot = Plot(
        x_label="steps k",
        y_label="|x_k|",
        y_scale="log",
        series=tuple(lines),
        caption="A hundredth decides between order three, a cycle for ever, and divergence.",
    )
    expected = ("converges", "stays away", "leaves")
    return all_of(
        [
            verdicts.holds(
                fates == expected,
                theory="converges, cycles, diverges",
                measured=", ".join(fates)
                .replace("stays away", "cycles")
                .replace("leaves", "diverges"),
            ),
            verdicts.equals(_path(cycle), signs, evidence.tolerance),
        ],
        plot=plot,
    )
