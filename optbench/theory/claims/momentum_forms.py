"""The forms of momentum: sum, moving average, look-ahead; what each tolerates and adds up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from optbench.core.problem import Facts
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.momentum import companion_radius, passage
from optbench.theory.plot import Plot, Series, quoted, series, theory
from optbench.theory.probes.steps import ProbeError, spectral_radius
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

BETAS = (0.9, 0.5, 0.99)
CROSSING = Tolerance(
    relative=1e-6, reason="where the spectral radius crosses 1, by bisection; roots are simple"
)
FORMS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "heavy_ball": ("sum", lambda b: 2 * (1 + b)),
    "heavy_ball_ema": ("average", lambda b: 2 * (1 + b) / (1 - b)),
    "nesterov": ("nesterov", lambda b: (2 + 2 * b) / (1 + 2 * b)),
}
"""Rule to its form's name and the largest stable eta L."""


def _contraction(evidence: Evidence, rule: str, beta: float, h: float) -> float:
    try:
        return 1 - _radius(evidence, rule, h, beta)
    except ProbeError:  # a class without a visible state diverged within the few steps of a probe
        return -1.0


def _radius(evidence: Evidence, rule: str, h: float, beta: float) -> float:
    optimizer = evidence.optimizer(f"{rule}:lr={h!r},beta={beta!r}")
    return spectral_radius(optimizer, 1.0, facts=Facts(dim=1, smoothness=1.0))


def _thresholds(evidence: Evidence, rule: str) -> Finding:
    """Find where the step stops contracting, for several beta, and compare."""
    parts = []
    for beta in BETAS:
        exact = FORMS[rule][1](beta)
        contraction = partial(_contraction, evidence, rule, beta)
        found = passage(contraction, 0.0, 2 * exact)
        parts.append(verdicts.equals(found, exact, evidence.tolerance))
    return all_of(parts)


def _curve(evidence: Evidence, rule: str) -> tuple[Series, Series]:
    """Return the spectral radius over eta L at beta = .9: measured, and from the roots."""
    form, threshold = FORMS[rule]
    line = np.linspace(0.01, 1.02, 200) * threshold(0.9)
    some = line[10::21]
    radii = [1 - _contraction(evidence, rule, 0.9, float(h)) for h in some]
    return (
        series(f"{rule}: the step's spectral radius", some, radii, points=True),
        theory(f"{rule}: roots of its equation", line, companion_radius(line, 0.9, form)),
    )


def _boundary(evidence: Evidence, *rules: str) -> Plot:
    return Plot(
        x_label="eta L",
        y_label="factor per step of the mode L",
        series=tuple(part for rule in rules for part in _curve(evidence, rule)),
        verticals=tuple((FORMS[rule][1](0.9), rule) for rule in rules),
        caption="At beta = .9 each form is stable up to where its curve reaches 1.",
    )


@claim(
    "HB-03a",
    "Heavy ball is stable on quadratics exactly below eta L = 2 (1 + beta), 3.8 at beta = .9.",
    formula=r"\rho < 1 \Leftrightarrow \eta L < 2 (1 + \beta)",
    assumptions="quadratic, sum form, beta = .5, .9, .99",
    source="Polyak 1964; the Schur-Cohn conditions of its recurrence",
    kind=Kind.THRESHOLD,
    tolerance=CROSSING,
    rule="heavy_ball",
)
def hb_03a(evidence: Evidence) -> Finding:
    """Find the largest stable learning rate."""
    return _thresholds(evidence, "heavy_ball").drawn(_boundary(evidence, "heavy_ball"))


@claim(
    "HB-03b",
    "In the moving-average form the limit is 2 (1 + beta)/(1 - beta), 38 at beta = .9.",
    formula=r"\rho < 1 \Leftrightarrow \eta L < \frac{2 (1 + \beta)}{1 - \beta}",
    assumptions="quadratic, moving-average form, beta = .5, .9, .99",
    source="the Schur-Cohn conditions of its recurrence",
    kind=Kind.THRESHOLD,
    tolerance=CROSSING,
    rule="heavy_ball_ema",
)
def hb_03b(evidence: Evidence) -> Finding:
    """Find the largest stable learning rate."""
    return _thresholds(evidence, "heavy_ball_ema").drawn(_boundary(evidence, "heavy_ball_ema"))


@claim(
    "HB-03c",
    "Nesterov's momentum is stable exactly below eta L = (2 + 2 beta)/(1 + 2 beta), 1.357 at "
    "beta = .9.",
    formula=r"\rho < 1 \Leftrightarrow \eta L < \frac{2 + 2 \beta}{1 + 2 \beta}",
    assumptions="quadratic, constant beta = .5, .9, .99",
    source="the Schur-Cohn conditions of its recurrence",
    kind=Kind.THRESHOLD,
    tolerance=CROSSING,
    rule="nesterov",
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Nesterov's momentum is slightly more stable than plain momentum.",
            ruling=Ruling.WRONG,
            truth="Not for the learning rate on quadratics: at beta = .9 it is stable up to eta L "
            "= 1.357, plain momentum up to 3.8, gradient descent up to 2.",
        ),
    ),
)
def hb_03c(evidence: Evidence) -> Finding:
    """Find the largest stable learning rate, and see heavy ball stable beyond it."""
    beyond = FORMS["nesterov"][1](0.9) * 1.01
    ball = _radius(evidence, "heavy_ball", beyond, 0.9)
    plain = spectral_radius(evidence.optimizer(f"gd:lr={beyond!r}"), 1.0)
    nesterov = _radius(evidence, "nesterov", beyond, 0.9)
    return all_of(
        [
            _thresholds(evidence, "nesterov"),
            verdicts.holds(
                max(ball, plain) < 1 < nesterov, theory="unstable before heavy ball", measured=ball
            ),
        ],
        plot=_boundary(evidence, "nesterov", "heavy_ball"),
    )


STEPS = 100
FUNCTION = "log_sum_exp:columns=5,rows=20"
LR, BETA = 0.1, 0.9


def _two_forms(setting: Setting) -> Mapping[Key, RunSpec]:
    texts = {
        "sum": f"heavy_ball:lr={LR},beta={BETA}",
        "average": f"heavy_ball_ema:lr={LR / (1 - BETA)!r},beta={BETA}",
        "unscaled": f"heavy_ball_ema:lr={LR},beta={BETA}",
    }
    return {key: setting.run(FUNCTION, o, steps=STEPS, points=True) for key, o in texts.items()}


def _points(evidence: Evidence, key: Key) -> np.ndarray:
    points = evidence.runs[key].points
    assert points is not None
    return points


@claim(
    "HB-05a",
    "The sum m = beta m + g and the moving average with learning rate eta/(1 - beta) are one "
    "method.",
    formula=r"\mathrm{sum}(\eta, \beta) = \mathrm{average}(\eta/(1 - \beta), \beta)",
    assumptions="any f, m_0 = 0 in both forms",
    source="m_average = (1 - beta) m_sum, by induction",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-12, reason="100 roundings of points of size 1"),
    rule="heavy_ball",
    runs=_two_forms,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Momentum steps along an exponential moving average of the gradients (the "
            "tutorial: along their moving average).",
            ruling=Ruling.WRONG,
            truth="m = beta m + g is a sum: its weights add up to 1/(1 - beta), 10 at beta = .9. "
            "It is the average's method only with a learning rate 1/(1 - beta) times as large.",
        ),
    ),
)
def hb_05a(evidence: Evidence) -> Finding:
    """Compare the trajectories, and the first steps at equal learning rates."""
    sum_form, average = _points(evidence, "sum"), _points(evidence, "average")
    unscaled = _points(evidence, "unscaled")
    first = np.abs(sum_form[1] - sum_form[0]).max() / np.abs(unscaled[1] - unscaled[0]).max()
    t = evidence.runs["sum"].curve["step"]
    plot = Plot(
        x_label="steps t",
        y_label="first coordinate of x_t",
        series=(
            series("sum, eta", t, sum_form[:, 0], points=True),
            theory("average, eta/(1 - beta)", t, average[:, 0]),
            quoted("average, eta", t, unscaled[:, 0]),
        ),
        caption="With the same learning rate the average is ten times slower; with ten times the "
        "learning rate it is the same method.",
    )
    return all_of(
        [
            verdicts.equals(first, 1 / (1 - BETA), Tolerance(relative=1e-9, reason="cancellation")),
            verdicts.equals(sum_form, average, evidence.tolerance),
        ],
        plot=plot,
    )


def _dampened(setting: Setting) -> Mapping[Key, RunSpec]:
    dampened = f"torch.SGD:lr={LR},momentum={BETA},dampening={BETA}"
    average = f"heavy_ball_ema:lr={LR},beta={BETA}"
    return {
        "torch": setting.run(FUNCTION, dampened, steps=STEPS, points=True),
        "average": setting.run(FUNCTION, average, steps=STEPS, points=True),
    }


@claim(
    "HB-05b",
    "Dampening = beta in torch is no moving average: the first step is 1/(1 - beta) times as long.",
    formula=r"m_1 = g_0, \quad m_{t+1} = \beta m_t + (1 - \beta) g_t \quad (t \geq 1)",
    assumptions="torch.optim.SGD with momentum = dampening = .9, any f",
    source="documentation of torch.optim.SGD",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(relative=1e-9, reason="a step is the difference of two points of size 1"),
    rule="torch.SGD",
    runs=_dampened,
)
def hb_05b(evidence: Evidence) -> Finding:
    """Compare the lengths of the first steps."""
    torchs, average = _points(evidence, "torch"), _points(evidence, "average")
    ratio = np.linalg.norm(torchs[1] - torchs[0]) / np.linalg.norm(average[1] - average[0])
    t = evidence.runs["torch"].curve["step"]
    plot = Plot(
        x_label="steps t",
        y_label="distance from the start",
        series=(
            series("torch, dampening = .9", t, np.linalg.norm(torchs - torchs[0], axis=1)),
            theory("moving average", t, np.linalg.norm(average - average[0], axis=1)),
        ),
        caption="torch takes the first gradient undamped.",
    )
    return verdicts.equals(ratio, 1 / (1 - BETA), evidence.tolerance).drawn(plot)


GAIN_STEPS = 3000


def _gains(setting: Setting) -> Mapping[Key, RunSpec]:
    """Gradients that do not depend on x: constant, and alternating in sign."""
    shown = {"constant": "gradients=1", "alternating": "gradients=1/-1,period=2"}
    return {
        (kind, beta): setting.run(
            f"online:{text},radius=0",
            f"heavy_ball:lr=1,beta={beta}",
            steps=GAIN_STEPS,
            points=True,
        )
        for kind, text in shown.items()
        for beta in (0.9, 0.99)
    }


def _momenta(evidence: Evidence, kind: str, beta: float) -> np.ndarray:
    """Return |m_1| to |m_T|: with eta = 1 they are the steps' lengths."""
    steps: np.ndarray = np.abs(np.diff(_points(evidence, (kind, beta))[:, 0]))
    return steps


SUMMED = Tolerance(relative=1e-9, reason="steps are differences of points as large as 2e5")


@claim(
    "HB-06a",
    "Under a constant gradient momentum grows to g/(1 - beta): 10 times at beta = .9, 100 at .99.",
    formula=r"m_t = \frac{1 - \beta^t}{1 - \beta} g \rightarrow \frac{g}{1 - \beta}",
    assumptions="constant gradient, beta = .9, .99",
    source="the geometric series",
    kind=Kind.IDENTITY,
    tolerance=SUMMED,
    rule="heavy_ball",
    runs=_gains,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="beta is typically .9, sometimes .99; 1 - beta is a friction.",
            ruling=Ruling.OK,
            truth="Steady gradients gain 1/(1 - beta) = 10 or 100; alternating ones 1/(1 + beta) = "
            ".526 or .503: momentum does not cancel them, it halves them.",
        ),
    ),
)
def hb_06a(evidence: Evidence) -> Finding:
    """Compare every momentum with the series, and the last with its limit."""
    t = np.arange(1.0, GAIN_STEPS + 1)
    parts = []
    for beta in (0.9, 0.99):
        found = _momenta(evidence, "constant", beta)
        parts.append(verdicts.equals(found[-1], 1 / (1 - beta), evidence.tolerance))
        parts.append(verdicts.equals(found, (1 - beta**t) / (1 - beta), evidence.tolerance))
    t = np.unique(np.geomspace(1, 1000, 300).astype(int))
    lines = []
    for beta in (0.9, 0.99):
        steady = _momenta(evidence, "constant", beta)[t - 1]
        lines.append(series(f"beta = {beta}", t, steady, points=True))
        lines.append(theory(f"(1 - {beta}^t)/(1 - {beta})", t, (1 - beta**t) / (1 - beta)))
    plot = Plot(
        x_label="steps t",
        y_label="|m_t|/|g|",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="Friction 1 - beta limits m to g/(1 - beta): 10 g and 100 g.",
    )
    return all_of(parts, plot=plot)


@claim(
    "HB-06b",
    "Under an alternating gradient momentum shrinks to g/(1 + beta), 19 times below a steady one.",
    formula=r"|m_t| \rightarrow \frac{|g|}{1 + \beta}, \quad "
    r"\frac{1 + \beta}{1 - \beta} = 19",
    assumptions="gradient +g, -g, +g, ...; beta = .9, .99",
    source="the geometric series",
    kind=Kind.IDENTITY,
    tolerance=SUMMED,
    rule="heavy_ball",
    runs=_gains,
)
def hb_06b(evidence: Evidence) -> Finding:
    """Compare all momenta with the series, the last with their limits and the steady ones."""
    parts, t = [], np.arange(1.0, GAIN_STEPS + 1)
    for beta in (0.9, 0.99):
        steady, swinging = (_momenta(evidence, kind, beta) for kind in ("constant", "alternating"))
        ratio, series_exact = (1 + beta) / (1 - beta), (1 - (-beta) ** t) / (1 + beta)
        parts.append(verdicts.equals(swinging[-1], 1 / (1 + beta), evidence.tolerance))
        parts.append(verdicts.equals(swinging, series_exact, evidence.tolerance))
        parts.append(verdicts.equals(steady[-1] / swinging[-1], ratio, evidence.tolerance))
    few = np.arange(1.0, 61.0)
    steady, swinging = (_momenta(evidence, kind, 0.9)[:60] for kind in ("constant", "alternating"))
    plot = Plot(
        x_label="steps t",
        y_label="|m_t|/|g|, beta = .9",
        y_scale="log",
        series=(
            series("constant gradient", few, steady, points=True),
            series("alternating gradient", few, swinging, points=True),
            theory("(1 - beta^t)/(1 - beta)", few, (1 - 0.9**few) / 0.1),
            theory("(1 + beta^t)/(1 + beta), odd t", few, (1 + 0.9**few) / 1.9),
            theory("(1 - beta^t)/(1 + beta), even t", few, (1 - 0.9**few) / 1.9),
        ),
        caption="Oscillating gradients are halved, not cancelled; steady ones grow tenfold.",
    )
    return all_of(parts, plot=plot)
