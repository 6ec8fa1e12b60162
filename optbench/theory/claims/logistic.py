"""Logistic regression on separable data: no minimiser, and rates that follow from that."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run, Status
from optbench.core.spec import RunSpec
from optbench.families.logistic import TOYS
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._fits import judged
from optbench.theory.claims._shown import points_of
from optbench.theory.estimators.sequences import power_slope
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance, asymptotic

ONE = "logistic:data=one-example,l2=0"
FOUR = "logistic:data=four-examples,l2=0"
RATES = (1.0, 4.0)
"""Learning rates below 2/L = 8."""


@claim(
    "LR-01",
    "On one separable example the logistic loss falls like exactly 1/(eta t), and w grows like "
    "ln(eta t): no minimiser exists.",
    formula=r"\eta t \ln(1 + e^{-w_t}) \rightarrow 1, \quad w_t = \ln(\eta t) + o(1)",
    assumptions="f(w) = ln(1 + e^-w), w_0 = 0, eta < 2/L = 8; here eta = 1 and 4",
    source="the recursion of z = e^w: z+ = z + eta + O(1/z); cf. Soudry et al. 2018, theorem 5",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-4, "1/f has a term in ln t: its growth a step is off by ln 2/T"),
    rule="gd",
    runs=lambda setting: {
        lr: setting.run(
            ONE, f"gd:lr={lr}", steps=10_000 * setting.effort, record="log", points=True
        )
        for lr in RATES
    },
    long=True,
    retries=1,
)
def lr_01(evidence: Evidence) -> Finding:
    """Measure how fast 1/f grows over the last half, where f = C/t has 1/C, and the slope."""
    findings, lines = [], []
    for lr in RATES:
        run = evidence.runs[lr]
        t, f, w = run.curve["step"], run.curve["suboptimality"], points_of(run)[:, 0]
        slope = power_slope(t, f)
        half = int(np.searchsorted(t, t[-1] / 2))
        growth = (1 / f[-1] - 1 / f[half]) / (t[-1] - t[half])
        findings += [
            verdicts.equals(growth / lr, 1.0, evidence.tolerance),
            judged(slope, -1.0, evidence.tolerance),
            verdicts.equals(w[-1], np.log(lr * t[-1]), evidence.tolerance),
        ]
        thin = np.unique(np.geomspace(1, len(t) - 1, 120).astype(int))
        lines += [
            series(f"eta = {lr:g}", t[thin], f[thin]),
            theory(f"1/(eta t), eta = {lr:g}", t[thin], 1 / (lr * t[thin])),
        ]
    plot = Plot(
        x_label="steps t",
        y_label="f(w_t)",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="One function, and its loss falls like 1/t for ever: f* = 0 is not attained, so "
        "that the bound R^2/(2 eta t) says nothing.",
    )
    return all_of(findings, plot=plot)


def _separable(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        lr: setting.run(
            FOUR, f"gd:lr={lr}", steps=25_000 * setting.effort, record="log", points=True
        )
        for lr in (5.0, 1.0)
    }


def _max_margin() -> tuple[Array, Array, Array]:
    """Return w_svm, min |w| with a_i'w >= 1, its supports (2, 2) and their dual weights (2,).

    In two variables two examples support it: of all pairs the one whose solution is feasible and
    has dual weights that are not negative.
    """
    rows = np.array(TOYS["four-examples"])
    for i in range(len(rows)):
        for j in range(i):
            pair = rows[[i, j]]
            w = np.linalg.solve(pair, np.ones(2))
            dual = np.linalg.solve(pair.T, w)
            if (rows @ w >= 1 - 1e-12).all() and (dual >= 0).all():
                return w, pair, dual
    raise AssertionError("the data are separable")


def _components(run: Run, w_svm: Array) -> tuple[Array, Array, Array]:
    """Return steps, the components of w along w_svm and across, without step 0."""
    u = w_svm / np.linalg.norm(w_svm)
    w = points_of(run)[1:]
    return run.curve["step"][1:], w @ u, w @ np.array([u[1], -u[0]])


@claim(
    "LR-02",
    "On separable data gradient descent's component along the max-margin direction grows by "
    "1/margin for each unit of ln t.",
    formula=r"\frac{d \langle w_t, u \rangle}{d \ln t} \rightarrow \|w_{\mathrm{svm}}\| = "
    r"\frac{1}{\mathrm{margin}}",
    assumptions="logistic loss, linearly separable data, eta < 2/L; here four examples in two "
    "variables, eta = 5, 2/L = 6.1",
    source="Soudry et al. 2018, theorem 3",
    kind=Kind.RATE,
    tolerance=asymptotic(5e-3, "a term in ln t/t, which is .3 % over the last doubling"),
    rule="gd",
    runs=_separable,
    long=True,
    retries=1,
)
def lr_02(evidence: Evidence) -> Finding:
    """Measure the growth over the last doubling; |w| itself would be biased by the angle."""
    w_svm, _, _ = _max_margin()
    run = evidence.runs[5.0]
    t, along, _ = _components(run, w_svm)
    half = int(np.searchsorted(t, t[-1] / 2))
    growth = (along[-1] - along[half]) / np.log(t[-1] / t[half])
    expected = float(np.linalg.norm(w_svm))
    lines = [
        series(f"eta = {lr:g}", *_components(evidence.runs[lr], w_svm)[:2]) for lr in (5.0, 1.0)
    ]
    plot = Plot(
        x_label="steps t",
        y_label="component of w_t along the max-margin direction",
        x_scale="log",
        series=(
            *lines,
            theory("slope 1/margin", t, along[-1] + expected * np.log(t / t[-1])),
        ),
        caption="A straight line in ln t, as steep as the margin is narrow.",
    )
    return verdicts.equals(growth, expected, evidence.tolerance).drawn(plot)


@claim(
    "LR-03",
    "The direction of w comes closer to the max-margin direction like C/ln t only, with a known C.",
    formula=r"\tan \angle(w_t, u) = \frac{|v_{\perp}|}{\|w_{\mathrm{svm}}\| \ln t + v_u}, \quad "
    r"\frac{\eta}{n} e^{-\langle a_i, v \rangle} = \alpha_i",
    assumptions="as LR-02; alpha_i the dual weights of the two supporting examples a_i",
    source="Soudry et al. 2018, theorems 3 and 4",
    kind=Kind.RATE,
    tolerance=asymptotic(5e-2, "v is reached like a power of 1/t, to 3 % so far"),
    rule="gd",
    runs=_separable,
    long=True,
    retries=1,
)
def lr_03(evidence: Evidence) -> Finding:
    """Compare the angle with its limit law, and see that its slope in log t goes to 0."""
    w_svm, pair, dual = _max_margin()
    run = evidence.runs[5.0]
    t, along, across = _components(run, w_svm)
    tangent = np.abs(across) / along
    u = w_svm / np.linalg.norm(w_svm)
    n, eta = len(TOYS["four-examples"]), 5.0
    v = np.linalg.solve(pair, -np.log(n * dual / eta))
    law = abs(v @ np.array([u[1], -u[0]])) / (np.linalg.norm(w_svm) * np.log(t) + v @ u)
    slopes = np.array(power_slope(t, tangent).slopes)
    late = t >= 10
    plot = Plot(
        x_label="ln t",
        y_label="1/tan of the angle to the max-margin direction",
        series=(
            series("eta = 5", np.log(t[late]), 1 / tangent[late]),
            theory("(|w_svm| ln t + v_u)/|v_across|", np.log(t[late]), 1 / law[late]),
        ),
        caption="One over the angle is a line in ln t: to halve the angle the number of steps has "
        "to be squared.",
    )
    return all_of(
        [
            verdicts.equals(tangent[-1], law[-1], evidence.tolerance),
            verdicts.holds(
                bool((np.diff(slopes[-4:]) > 0).all() and -0.15 < slopes[-1] < 0),
                theory="no power of t",
                measured=float(slopes[-1]),
                reason="the slope in log t does not go to 0",
            ),
        ],
        plot=plot,
    )


LARGE = {ONE: 200.0, FOUR: 150.0}
"""Learning rates of 25 times 2/L."""

BELOW = Tolerance(absolute=1e-5, reason="far below it after a few steps")


@claim(
    "LR-04",
    "On separable data gradient descent with 25 times 2/L still converges.",
    formula=r"\eta = 25 \cdot \frac{2}{L}: \quad f(w_t) \rightarrow 0",
    assumptions="logistic loss, linearly separable data, any eta > 0",
    source="Wu, Braverman and Lee 2023, theorem 1",
    kind=Kind.NEGATIVE,
    tolerance=BELOW,
    rule="gd",
    runs=lambda setting: {
        problem: setting.run(problem, f"gd:lr={lr}", steps=20) for problem, lr in LARGE.items()
    },
)
def lr_04(evidence: Evidence) -> Finding:
    """Run twenty steps: the first one lands where the loss is flat.

    So 2/L, which separates convergence from divergence on quadratics, is not necessary here.
    """
    findings, lines = [], []
    for problem, lr in LARGE.items():
        run = evidence.runs[problem]
        L = run.facts["smoothness"]
        assert L is not None
        end = run.last("suboptimality")
        findings += [
            verdicts.equals(end, 0.0, evidence.tolerance),
            verdicts.holds(
                run.status is Status.BUDGET and lr * L > 48, theory="converges", measured=run.status
            ),
            verdicts.holds(
                _flat_there(run), theory="a gradient below 1e-5", measured="the gradient is large"
            ),
        ]
        t = run.curve["step"]
        lines.append(series(problem.partition("=")[2].partition(",")[0], t, run.curve["value"]))
    plot = Plot(
        x_label="steps t",
        y_label="f(w_t)",
        y_scale="log",
        series=(*lines, theory("1e-5", [0, 20], [1e-5, 1e-5])),
        caption="25 times the step size at which a quadratic of the same L diverges.",
    )
    return all_of(findings, plot=plot)


def _flat_there(run: Run) -> bool:
    """Return whether the gradient is small from the first step on."""
    return bool((run.curve["gradient_norm"][1:] < 1e-5).all())
