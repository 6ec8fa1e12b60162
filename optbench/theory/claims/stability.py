"""The step size 2/L: on quadratics, off quadratics, and mode by mode."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.steps import crossing, spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2

CURVATURES = (0.1, 1.0, 3.7, 1000.0)


@claim(
    "GD-14a",
    "On a quadratic gradient descent diverges if and only if eta > 2/L.",
    formula=r"\rho(\eta) = \max_i |1 - \eta \lambda_i| < 1 \;\Leftrightarrow\; \eta < \frac{2}{L}",
    assumptions="quadratic, eigenvalues in (0, L]",
    source="Polyak 1987, section 1.4",
    kind=Kind.THRESHOLD,
    tolerance=E1,
    rule="gd",
    headline="The step-size boundary 2/L, on a quadratic",
    runs=lambda setting: {
        share: setting.run(
            "quadratic:dim=10,kappa=100,rotated=false,start=equal",
            f"gd:lr={2 * share!r}",
            steps=300,
        )
        for share in (0.5, 0.95, 0.999, 1.001, 1.01)
    },
)
def gd_14a(evidence: Evidence) -> Finding:
    """Solve for the eta at which a mode's factor reaches 1; the mode L is the first of all.

    Runs in ten modes on both sides: the distance is the sum of the modes' powers.
    """
    thresholds = []
    for curvature in CURVATURES:

        def excess(eta: float, curvature: float = curvature) -> float:
            return spectral_radius(evidence.optimizer(f"gd:lr={eta!r}"), curvature) - 1

        scale = 1 / curvature
        thresholds.append(crossing(excess, scale, 2.5 * scale))
    modes = np.geomspace(0.01, 1, 10)
    found, expected, lines, grows = [], [], [], []
    for share, run in evidence.runs.items():
        t, e = run.curve["step"], run.curve["distance"]
        line = np.sqrt(np.mean((1 - 2 * float(str(share)) * modes[:, None]) ** (2 * t), axis=0))
        found.append(e)
        expected.append(line)
        lines.append(series(f"eta = {share} * 2/L", t[::3], e[::3]))
        lines.append(theory(f"the modes' powers, {share}", t[::3], line[::3]))
        grows.append(bool(e[-1] > e[-100]))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=tuple(lines),
        caption="Ten modes. A thousandth above 2/L the steepest mode outgrows all others in the "
        "end; below, everything shrinks.",
    )
    return all_of(
        [
            verdicts.equals(np.array(thresholds)[1:], 2 / np.array(CURVATURES)[1:], E1),
            verdicts.equals(thresholds[0], 2 / CURVATURES[0], evidence.tolerance),
            verdicts.equals(np.concatenate(found), np.concatenate(expected), E2),
            verdicts.holds(
                grows == [False, False, False, True, True],
                theory="grows above 2/L only",
                measured=str(grows),
            ),
        ],
        plot=plot,
    )


TRIED = np.linspace(0.998, 1.0014, 18)
HORIZON, GROWTH = 4000, 1e3


@claim(
    "GD-14b",
    "A boundary found by runs of T steps lies high by ln(growth that counts)/(2 T), relatively.",
    formula=r"\eta_T = \frac{1 + G^{1/T}}{L} \approx \frac{2}{L} \left(1 + \frac{\ln G}{2T}\right)",
    assumptions="one mode, L = 3.7; a run counts as diverging when |x_T| > G |x_0|, G = 1000, "
    "T = 4000",
    source="the mode's closed form",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        float(share): setting.run(
            "parabola:curvature=3.7",
            f"gd:lr={float(share) * 2 / 3.7!r}",
            steps=HORIZON,
            record="log",
        )
        for share in TRIED
    },
)
def gd_14b(evidence: Evidence) -> Finding:
    """Find the eta at which runs grow by 1000 in 4000 steps, between 18 learning rates."""
    growth = np.array([run.last("distance") for run in evidence.runs.values()])
    factors = growth ** (1 / HORIZON)
    # Above 2/L the factor is a straight line in eta, so that interpolation is exact.
    above = TRIED > 1.0002
    share = float(np.interp(GROWTH ** (1 / HORIZON), factors[above], TRIED[above]))
    expected = (1 + GROWTH ** (1 / HORIZON)) / 2
    off = 1000 * (TRIED - 1)
    plot = Plot(
        x_label="eta L/2 - 1, in thousandths",
        y_label="|x_4000|/|x_0|",
        y_scale="log",
        series=(
            series("18 runs", off, growth, points=True),
            theory("|1 - eta L|^4000", off, np.abs(1 - 2 * TRIED) ** HORIZON),
        ),
        verticals=((0.0, "2/L"), (1000 * (expected - 1), "as runs see it")),
        caption="Who waits for growth by 1000 finds a boundary a thousandth too high; the slope of "
        "one step has no such bias.",
    )
    return all_of(
        [
            verdicts.equals(share * 2 / 3.7, expected * 2 / 3.7, evidence.tolerance),
            verdicts.holds(
                share - 1 > 0.999 * math.log(GROWTH) / (2 * HORIZON),
                theory="high by ln(G)/(2 T)",
                measured=share - 1,
            ),
        ],
        plot=plot,
    )


CYCLES = (1.4875, 1.3, 1.1)


@claim(
    "GD-15a",
    "On Huber's function eta = 2.5/L does not diverge: it cycles between two points.",
    formula=r"|x_{t+1} - x_t| = \eta L \tau, \quad x_{t+2} = x_t",
    assumptions="Huber's function, L = 1, tau = 1, eta = 2.5; x_0 in (1, 1.5): both ends on an arm",
    source="direct: on the arms the gradient is +-L tau",
    kind=Kind.NEGATIVE,
    tolerance=E2,
    rule="gd",
    headline="The step-size boundary 2/L, off quadratics",
    runs=lambda setting: {
        **{
            start: setting.run(f"huber:tau=1,radius={start}", "gd:lr=2.5", steps=1000, points=True)
            for start in CYCLES
        },
        "x^2/2": setting.run(
            "parabola:curvature=1,start=1.4875", "gd:lr=2.5", steps=20, points=True
        ),
    },
)
def gd_15a(evidence: Evidence) -> Finding:
    """Compare 1000 points with the cycle from each of three starts: each start has its own."""
    found, expected = [], []
    for start in CYCLES:
        x = _points(evidence.runs[start])
        found.append(x)
        expected.append(np.where(np.arange(1001) % 2, start - 2.5, start))
    t = np.arange(13)
    bowl = _points(evidence.runs["x^2/2"])
    plot = Plot(
        x_label="steps t",
        y_label="x_t",
        series=(
            series("Huber's function", t, found[0][:13], points=True),
            theory("1.4875 and -1.0125", t, expected[0][:13]),
            series("x^2/2, the same inside", t[:7], bowl[:7]),
        ),
        caption="eta = 2.5/L. The parabola throws the point ever farther; where the slope is "
        "bounded the point jumps to and fro for ever.",
    )
    return all_of(
        [
            verdicts.equals(np.abs(np.diff(found)), 2.5, evidence.tolerance),
            verdicts.equals(found, expected, evidence.tolerance),
            verdicts.equals(bowl, 1.4875 * (-1.5) ** np.arange(21), evidence.tolerance),
        ],
        plot=plot,
    )


def _points(run: Run) -> np.ndarray:
    assert run.points is not None
    x: np.ndarray = run.points[:, 0]
    return x


QUARTIC_LR = 0.5
EDGE = math.sqrt(2 / QUARTIC_LR)


@claim(
    "GD-15b",
    "On x^4/4 every eta converges from near enough: |x_0| < sqrt(2/eta) decides.",
    formula=r"|x_0| < \sqrt{2/\eta} \quad \left(x^4: \; |x_0| < 1/\sqrt{2 \eta}\right)",
    assumptions="f = x^4/4, eta = .5: no L exists; started at (1 -+ .001) sqrt(2/eta)",
    source="direct: |x_1| < |x_0| if and only if eta x_0^2 < 2",
    kind=Kind.THRESHOLD,
    tolerance=E2,
    rule="gd",
    diverges=True,
    runs=lambda setting: {
        start: setting.run(f"power:p=4,start={start!r}", "gd:lr=.5", steps=2000, points=True)
        for start in (EDGE, 0.999 * EDGE, 1.001 * EDGE)
    },
)
def gd_15b(evidence: Evidence) -> Finding:
    """Start a thousandth inside, on and outside the edge: it converges, cycles, diverges."""
    edge, inside, outside = evidence.runs.values()
    on_edge, within, beyond = (_points(run) for run in (edge, inside, outside))
    ratio = beyond[1:] / beyond[:-1]
    x = np.linspace(0.05, 8, 400)
    plot = Plot(
        x_label="|x_t|",
        y_label="factor of a step, |x_(t+1)/x_t|",
        y_scale="log",
        series=(
            series(
                "started at .999 of the edge",
                np.abs(within[:20]),
                np.abs(within[1:21] / within[:20]),
                points=True,
            ),
            series("started at 1.001 of the edge", abs(beyond[:-2]), abs(ratio[:-1]), points=True),
            theory("|1 - eta x^2|", x, np.abs(1 - QUARTIC_LR * x**2)),
        ),
        verticals=((EDGE, "sqrt(2/eta)"),),
        caption="There is no L, hence no 2/L: below the edge every step shrinks x, beyond it every "
        "step makes it larger.",
    )
    return all_of(
        [
            verdicts.equals(np.abs(on_edge), EDGE, evidence.tolerance),
            verdicts.holds(abs(within[-1]) < 0.05, theory="converges", measured=abs(within[-1])),
            verdicts.holds(
                outside.status.value == "diverged" and len(beyond) < 1000,
                theory="diverges",
                measured=str(outside.status),
            ),
            verdicts.equals(ratio, 1 - QUARTIC_LR * beyond[:-1] ** 2, evidence.tolerance),
        ],
        plot=plot,
    )


SHARES = (0.5, 0.99, 1.01, 1.9)


def _modes(setting: Setting) -> Mapping[Key, RunSpec]:
    """One mode at several eta lambda, and two modes whose valley is crossed again and again."""
    return {
        **{
            share: setting.run("parabola:curvature=1", f"gd:lr={share}", steps=39, points=True)
            for share in SHARES
        },
        "valley": setting.run(
            "quadratic:dim=2,kappa=20,spectrum=two_mode,rotated=false,start=20/2",
            "gd:lr=1.8/L",
            steps=39,
            points=True,
        ),
    }


@claim(
    "GD-21",
    "A mode changes sign at every step if and only if 1 < eta lambda < 2, while it converges.",
    formula=r"x_{t+1} = (1 - \eta \lambda)\, x_t: \quad 1 < \eta \lambda < 2",
    assumptions="quadratic, mode by mode; 39 steps at eta lambda = .5, .99, 1.01, 1.9",
    source="the mode's closed form",
    kind=Kind.THRESHOLD,
    tolerance=E2,
    rule="gd",
    runs=_modes,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="With a high condition number gradient descent zig-zags.",
            ruling=Ruling.OK,
            truth="The modes with 1 < eta lambda < 2 change sign at every step, the others never "
            "do; with eta <= 1/L none does.",
        ),
    ),
)
def gd_21(evidence: Evidence) -> Finding:
    """Count changes of sign, and compare the points of a zig-zag with the two powers."""
    counts = [_sign_changes(_points(evidence.runs[share])) for share in SHARES]
    valley = evidence.runs["valley"].points
    assert valley is not None
    t = np.arange(40)
    slow, fast = 20 * 0.91**t, 2 * (-0.8) ** t
    plot = Plot(
        x_label="along the valley, lambda = mu",
        y_label="across, lambda = L",
        series=(
            series("x_t, eta = 1.8/L, kappa = 20", valley[:, 0], valley[:, 1]),
            theory("20 * .91^t, 2 * (-.8)^t", slow, fast),
        ),
        caption="Across the valley eta lambda = 1.8 and the sign changes at every step; along it "
        "eta lambda = .09 and it never does.",
    )
    across = _sign_changes(valley[:, 1])
    return all_of(
        [
            verdicts.equals(counts[::-1], [39, 39, 0, 0], evidence.tolerance),
            verdicts.equals(valley, np.stack([slow, fast], axis=1), evidence.tolerance),
            verdicts.equals([across, _sign_changes(valley[:, 0])], [39, 0], evidence.tolerance),
        ],
        plot=plot,
    )


def _sign_changes(x: np.ndarray) -> int:
    return int(np.sum(x[1:] * x[:-1] < 0))
