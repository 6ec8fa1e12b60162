"""Examples that introductions work out by hand: a parabola and Rosenbrock's valley."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.run import Run
from optbench.core.spec import RunSpec, parse_one
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Runs, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, Series, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E2, EPS, Tolerance, asymptotic

FOUR_ULP = Tolerance(relative=4 * EPS, reason="3 steps with two roundings each; .8 is no float")
FIFTY = Tolerance(relative=1e-14, reason="50 roundings of 2e-16, each damped by .8 a step")

SMALL, SMALLER, LARGE = (
    Quote(
        text=Text.TEXTBOOK,
        statement=f"theta^2 from 1 with eta = {eta}: {numbers}.",
        ruling=Ruling.OK,
        truth=truth,
    )
    for eta, numbers, truth in (
        (".5", "0 after one step", "Exactly: eta is one over the curvature."),
        (".1", ".8, .64, .512", "theta_t = .8^t, to the last bit or the one before."),
        ("1.5", "-2, 4, -8, ever larger", "theta_t = (-2)^t, exactly: all are powers of two."),
    )
)


def _parabola(*rates: float, steps: int) -> Runs:
    """Name the runs on x^2 from 1, one a learning rate."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {
            eta: setting.run("parabola", f"gd:lr={eta}", steps=steps, points=True) for eta in rates
        }

    return runs


def _theta(run: Run) -> np.ndarray:
    """Return the points x_0 to x_T of a run in one variable, shape (T + 1,)."""
    assert run.points is not None
    theta: np.ndarray = run.points[:, 0]
    return theta


def _drawn_on_powers(finding: Finding, runs: Mapping[Key, Run], caption: str) -> Finding:
    """Draw points of runs on x^2 from 1 over the line (1 - 2 eta)^t."""
    lines: list[Series] = []
    for eta, run in runs.items():
        t = run.curve["step"][:6]
        lines.append(series(f"eta = {eta}", t, _theta(run)[:6], points=True))
        lines.append(theory(f"(1 - 2 eta)^t, eta = {eta}", t, (1 - 2 * float(str(eta))) ** t))
    return finding.drawn(
        Plot(x_label="steps t", y_label="theta_t", series=tuple(lines), caption=caption)
    )


@claim(
    "S-01",
    "On theta^2 from 1 a step with eta = .5 lands on the minimum.",
    formula=r"\theta_1 = (1 - 2 \cdot 0.5)\, \theta_0 = 0",
    assumptions="f = theta^2, theta_0 = 1, eta = .5 = 1/L",
    source="Polyak 1987, section 1.4",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="gd",
    runs=_parabola(0.5, steps=3),
    says=(
        SMALL,
        Quote(
            text=Text.TEXTBOOK,
            statement="A step of gradient descent is theta - eta grad f(theta).",
            ruling=Ruling.OK,
            truth="So it is, and every claim about gradient descent measures this step.",
        ),
    ),
)
def s_01(evidence: Evidence) -> Finding:
    """Look at the first points: 1, 0, 0, 0."""
    theta = _theta(evidence.runs[0.5])
    finding = verdicts.equals(theta[1:], [0.0] * 3, evidence.tolerance)
    joined = all_of([finding, verdicts.equals(theta[0], 1.0, evidence.tolerance)])
    return _drawn_on_powers(joined, evidence.runs, "One step, because eta = 1/L.")


@claim(
    "S-02",
    "On theta^2 from 1 with eta = .1 the first points are .8, .64 and .512.",
    formula=r"\theta_t = (1 - 2 \cdot 0.1)^t = 0.8^t",
    assumptions="f = theta^2, theta_0 = 1, eta = .1",
    source="Polyak 1987, section 1.4",
    kind=Kind.IDENTITY,
    tolerance=FOUR_ULP,
    rule="gd",
    runs=_parabola(0.1, steps=3),
    says=(SMALLER,),
)
def s_02(evidence: Evidence) -> Finding:
    """Look at the points; the form x - eta (2 x) need not give the float .64 itself."""
    theta = _theta(evidence.runs[0.1])
    finding = verdicts.equals(theta[1:], [0.8, 0.64, 0.512], evidence.tolerance)
    return _drawn_on_powers(finding, evidence.runs, "Each step keeps four fifths of the error.")


@claim(
    "S-03",
    "On theta^2 from 1 with eta = 1.5 the points are -2, 4, -8 and go on doubling.",
    formula=r"\theta_t = (1 - 2 \cdot 1.5)^t = (-2)^t",
    assumptions="f = theta^2, theta_0 = 1, eta = 1.5 > 2/L = 1",
    source="Polyak 1987, section 1.4",
    kind=Kind.NEGATIVE,
    tolerance=E0,
    rule="gd",
    runs=_parabola(1.5, steps=10),
    says=(LARGE,),
)
def s_03(evidence: Evidence) -> Finding:
    """Look at the points: powers of two are floats."""
    theta = _theta(evidence.runs[1.5])
    powers = (-2.0) ** np.arange(1, 11)
    finding = verdicts.equals(theta[1:], powers, evidence.tolerance)
    return _drawn_on_powers(finding, evidence.runs, "Beyond 2/L each step doubles the error.")


@claim(
    "S-04a",
    "On theta^2 with eta = 1 = 2/L gradient descent neither converges nor diverges.",
    formula=r"\eta = 2/L: \quad |\theta_t| = |\theta_0| \;\; \mathrm{for\ all}\ t",
    assumptions="f = theta^2, theta_0 = 1, eta = 1",
    source="Polyak 1987, section 1.4",
    kind=Kind.THRESHOLD,
    tolerance=E0,
    rule="gd",
    runs=_parabola(1, steps=1000),
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="The boundary between convergence and divergence is exactly eta = 1 = 2/L.",
            ruling=Ruling.OK,
            truth="For quadratics; at the boundary itself |theta_t| = 1 for ever. On other "
            "functions 2/L is sufficient, not necessary.",
        ),
    ),
)
def s_04a(evidence: Evidence) -> Finding:
    """Look at 1000 points: 1, -1, 1, -1, ..."""
    run = evidence.runs[1]
    signs = (-1.0) ** run.curve["step"]
    few = slice(0, 21)
    return verdicts.equals(_theta(run)[1:], signs[1:], evidence.tolerance).drawn(
        Plot(
            x_label="steps t",
            y_label="theta_t",
            series=(
                series("eta = 1", run.curve["step"][few], _theta(run)[few], points=True),
                theory("(-1)^t", run.curve["step"][few], signs[few]),
            ),
            caption="At 2/L the iterates jump between 1 and -1 for ever.",
        )
    )


def fate(theta: np.ndarray) -> str:
    """Return what becomes of a sequence that is to go to zero: one of three words."""
    first, last = abs(float(theta[0])), abs(float(theta[-1]))
    if last == first:
        return "neither"
    return "converges" if last < first else "diverges"


@claim(
    "S-04b",
    "On theta^2 gradient descent converges a thousandth below eta = 1 and diverges above.",
    formula=r"|\theta_t| = |1 - 2\eta|^t",
    assumptions="f = theta^2, theta_0 = 1, eta = 1 and 1 -+ .001, t = 1000",
    source="Polyak 1987, section 1.4",
    kind=Kind.THRESHOLD,
    tolerance=E2,
    rule="gd",
    runs=_parabola(0.999, 1, 1.001, steps=1000),
)
def s_04b(evidence: Evidence) -> Finding:
    """Compare all points with the power, and the three fates with theory."""
    expected = ("converges", "neither", "diverges")
    fates = tuple(fate(_theta(run)) for run in evidence.runs.values())
    powers, lines = [], []
    for eta, run in evidence.runs.items():
        t, size = run.curve["step"], np.abs(_theta(run))
        line = np.abs(1 - 2 * float(str(eta))) ** t
        powers.append(verdicts.equals(size[-1], line[-1], evidence.tolerance))
        powers.append(verdicts.equals(size, line, evidence.tolerance))
        lines.append(series(f"eta = {eta}", t[::50], size[::50], points=True))
        lines.append(theory(f"|1 - 2 eta|^t, eta = {eta}", t[::50], line[::50]))
    flips = verdicts.holds(fates == expected, theory=", ".join(expected), measured=", ".join(fates))
    plot = Plot(
        x_label="steps t",
        y_label="|theta_t|",
        y_scale="log",
        series=tuple(lines),
        caption="A thousandth to either side of 2/L decides.",
    )
    return all_of([*powers, flips], plot=plot)


@claim(
    "S-05",
    "On (x - 3)^2 from 0 with eta = .1 the point after 50 steps is 3 (1 - .8^50).",
    formula=r"x_{50} = 3\,(1 - 0.8^{50}) = 2.99995718",
    assumptions="f = (x - 3)^2, x_0 = 0, eta = .1",
    source="Polyak 1987, section 1.4",
    kind=Kind.IDENTITY,
    tolerance=FIFTY,
    rule="gd",
    runs=lambda setting: {
        "run": setting.run("parabola:center=3,start=0", "gd:lr=.1", steps=50, points=True)
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="(x - 3)^2 with a learning rate of .1 is at about 3.0 after 50 steps.",
            ruling=Ruling.OK,
            truth="At 2.99995718: 1.4e-5 off, relatively.",
        ),
    ),
)
def s_05(evidence: Evidence) -> Finding:
    """Compare all points, and the last one also with 3.0 to the one digit that is printed."""
    run = evidence.runs["run"]
    t, x = run.curve["step"], _theta(run)
    line = 3 * (1 - 0.8**t)
    plot = Plot(
        x_label="steps t",
        y_label="3 - x_t",
        y_scale="log",
        series=(series("eta = .1", t, 3 - x, points=True), theory("3 * .8^t", t, 3 - line)),
        caption="The error falls by a fifth each step; after 50 steps it is 4e-5, not nothing.",
    )
    absolute = Tolerance(absolute=3e-14, reason="as the last point's, of size 3")
    return all_of(
        [
            verdicts.equals(x[-1], line[-1], evidence.tolerance),
            verdicts.equals(x, line, absolute),
            verdicts.holds(round(x[-1], 1) == 3.0, theory=3.0, measured=float(x[-1])),
        ],
        plot=plot,
    )


VALLEY = "rosenbrock:start=1.0001/1.0002"
LOW, HIGH = 501 - math.sqrt(250601), 501 + math.sqrt(250601)
"""The Hessian at (1, 1) is [[802, -400], [-400, 200]], whose eigenvalues are 501 -+ sqrt 250601."""


@claim(
    "S-08a",
    "Rosenbrock's Hessian at the minimum has the condition number 2508.0096.",
    formula=r"\lambda = 501 \mp \sqrt{250601}, \quad \kappa = 2508.009601",
    assumptions="f = 100 (y - x^2)^2 + (1 - x)^2 at (1, 1)",
    source="Rosenbrock 1960; the Hessian in closed form",
    kind=Kind.IDENTITY,
    tolerance=E2,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="A scaled Rosenbrock function has its minimum at (1, 1) in a narrow valley, "
            "is slow there and diverges for large learning rates.",
            ruling=Ruling.IMPRECISE,
            truth="Unscaled, kappa is 2508 at the minimum, and gradient descent is stable there "
            "up to eta = .0019968. A factor c on f divides that by c.",
        ),
    ),
)
def s_08a(evidence: Evidence) -> Finding:
    """Multiply the problem's Hessian at (1, 1) with the axes; its gradient there is zero."""
    problem = build_problem(parse_one("rosenbrock"))
    at = torch.ones(2, 2, dtype=torch.float64)
    assert problem.hessian_vector is not None
    hessian = problem.hessian_vector(at, torch.eye(2, dtype=torch.float64)).numpy()
    low, high = np.linalg.eigvalsh(hessian)
    value, gradient = problem.value_and_gradient(at)
    angle = np.linspace(0, 2 * np.pi, 121)
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = torch.from_numpy(1 + 1e-3 * around)
    gap = problem.value_and_gradient(x)[0].numpy()
    bends = np.einsum("ni,ij,nj->n", around, np.array([[802.0, -400], [-400, 200]]), around)
    plot = Plot(
        x_label="direction, in radians",
        y_label="f at distance .001 from (1, 1)",
        y_scale="log",
        series=(
            series("f", angle, gap, points=True),
            theory("half the curvature times .001^2", angle, 5e-7 * bends),
        ),
        caption="Along the valley f rises 2508 times more slowly than across.",
    )
    return all_of(
        [
            verdicts.equals(high / low, HIGH / LOW, evidence.tolerance),
            verdicts.equals([low, high], [LOW, HIGH], evidence.tolerance),
            verdicts.equals(gradient.numpy(), 0.0, evidence.tolerance),
            verdicts.equals(value.numpy(), 0.0, evidence.tolerance),
        ],
        plot=plot,
    )


@claim(
    "S-08b",
    "Near Rosenbrock's minimum gradient descent with eta = .001 keeps .9996 of the error.",
    formula=r"\frac{|x_{t+1} - x^*|}{|x_t - x^*|} \to 1 - \eta \lambda_{\min} = 0.999600639",
    assumptions="f = 100 (y - x^2)^2 + (1 - x)^2, eta = .001, started in the valley",
    source="Polyak 1987, section 1.4, applied to the Hessian at the minimum",
    kind=Kind.RATE,
    tolerance=asymptotic(
        1e-7, "1 - rho = 4e-4, and the curvature changes by 1e-4 along the stretch"
    ),
    rule="gd",
    runs=lambda setting: {"run": setting.run(VALLEY, "gd:lr=.001", steps=6000, record="log")},
)
def s_08b(evidence: Evidence) -> Finding:
    """Take the mean factor over the last half: the fast mode is gone after 30 steps."""
    curve = evidence.runs["run"].curve
    t, e = curve["step"], curve["distance"]
    half = int(np.searchsorted(t, 3000))
    ratio = (e[-1] / e[half]) ** (1 / (t[-1] - t[half]))
    expected = 1 - 1e-3 * LOW
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|/|x_0 - x*|",
        y_scale="log",
        series=(
            series("eta = .001", t, e / e[0]),
            theory(".999600639^t", t, e[half] / e[0] * expected ** (t - t[half])),
        ),
        caption="In the valley the error falls by 10 in 5800 steps.",
    )
    return verdicts.equals(ratio, expected, evidence.tolerance).drawn(plot)


@claim(
    "S-08c",
    "At Rosenbrock's minimum gradient descent is stable up to eta = 2/L = .00199680.",
    formula=r"\eta < \frac{2}{\lambda_{\max}} = 0.00199680384",
    assumptions="f = 100 (y - x^2)^2 + (1 - x)^2, started 1e-9 from (1, 1)",
    source="Polyak 1987, section 1.4: linear stability of a fixed point",
    kind=Kind.THRESHOLD,
    tolerance=asymptotic(1e-4, "the offset grows to 2e-5, and the curvature changes with it"),
    rule="gd",
    runs=lambda setting: {
        share: setting.run(
            "rosenbrock:start=1.0000000008944/0.9999999995528",
            f"gd:lr={share * 2 / HIGH!r}",
            steps=500,
        )
        for share in (0.999, 1.01)
    },
)
def s_08c(evidence: Evidence) -> Finding:
    """Start on the steep eigenvector: the offset is multiplied by |1 - eta L| each step."""
    ratios, expected, lines = [], [], []
    for share, run in evidence.runs.items():
        t, e = run.curve["step"], run.curve["distance"]
        factor = abs(1 - 2 * float(str(share)))
        ratios.append(float((e[-1] / e[100]) ** (1 / (t[-1] - 100))))
        expected.append(factor)
        lines.append(series(f"{share} of 2/L", t[::10], e[::10], points=True))
        lines.append(theory(f"{factor:.4g}^t", t[::10], e[0] * factor ** t[::10]))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=tuple(lines),
        caption="Just below 2/L of the Hessian at the minimum offsets shrink, just above they "
        "grow.",
    )
    flips = ratios[0] < 1 < ratios[1]
    return all_of(
        [
            verdicts.equals(ratios, expected, evidence.tolerance),
            verdicts.holds(flips, theory="shrinks, grows", measured=str(ratios)),
        ],
        plot=plot,
    )
