"""Averaged iterates of stochastic gradients, and a bound with falling steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._chains import (
    chains,
    count,
    error_of,
    samples_agree,
    shows_its_step,
)
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, Series, series, theory
from optbench.theory.probes.moments import Coefficients, coefficients, learning_rates
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, B, Tolerance, asymptotic

Array = NDArray[np.float64]

STEPS = 64
LONG = 200_000
SMALL = "quadratic:dim=20,kappa=10,rotated=false,start=equal,noise=20"


def _averaging_runs(setting: Setting, lr: str, schedule: str) -> Mapping[Key, RunSpec]:
    """SGD and its average on the same draws, few variables; and the average of many chains."""
    few, many = setting.seeds(2)
    return {
        "points": setting.run(
            SMALL, f"sgd:lr={lr}", steps=STEPS, schedule=schedule, seed=few, points=True
        ),
        "average": setting.run(
            SMALL,
            f"polyak_averaging:lr={lr}",
            steps=STEPS,
            schedule=schedule,
            seed=few,
            points=True,
        ),
        "chains": setting.run(
            chains(setting), f"polyak_averaging:lr={lr}", steps=STEPS, schedule=schedule, seed=many
        ),
    }


def _is_average(evidence: Evidence) -> Finding:
    """Judge that the average's points are the means of x_0 to x_(t-1) of SGD on the same draws."""
    sgd, average = evidence.runs["points"].points, evidence.runs["average"].points
    assert sgd is not None
    assert average is not None
    means = np.cumsum(sgd, axis=0)[:-1] / np.arange(1, len(sgd))[:, None]
    sums = Tolerance(absolute=1e-12, reason="64 roundings in sums of numbers of size 1")
    return verdicts.equals(average[1:], means, sums)


def _mode(evidence: Evidence, schedule: str, lr: float, steps: int, lam: float) -> Coefficients:
    """Return the steps of SGD, whose points are averaged, on a mode."""
    rates = learning_rates(schedule, lr, steps)
    return coefficients(evidence.optimizer(f"sgd:lr={lr!r}"), lam, rates)


def _optimal(
    evidence: Evidence, cases: Mapping[str, tuple[str, float]], own: str, caption: str
) -> Finding:
    """Judge T E xbar_T^2 at T = 2e5 of each case: a label, and a schedule with its first step."""
    findings, lines = [], []
    t = np.unique(np.geomspace(1, LONG, 150).astype(int))
    for label, (schedule, lr) in cases.items():
        moments = _mode(evidence, schedule, lr, LONG, 1.0).averaged(1.0, 1.0)
        findings.append(verdicts.equals(LONG * moments[-1], 1.0, evidence.tolerance))
        lines.append(series(label, t, t * moments[t - 1]))
        if label == own:
            expected = np.append(1.0, moments[:STEPS])
            findings.append(samples_agree(evidence.runs["chains"], expected, (10, STEPS)))
    plot = Plot(
        x_label="steps T",
        y_label="T E xbar_T^2",
        x_scale="log",
        y_scale="log",
        series=(*lines, theory("s^2/lambda^2", [1, LONG], [1.0, 1.0])),
        caption=caption,
    )
    return all_of([*findings, _is_average(evidence)], plot=plot)


FALLING = "robbins_monro:exponent=0.6,offset=1"


@claim(
    "SG-12a",
    "With eta_t = c t^-a the mean of SGD's points is optimal, whatever c: "
    "T E xbar^2 -> s^2/lambda^2.",
    formula=r"\eta_t = c\, t^{-a}, \; \frac{1}{2} < a < 1: \quad T\, E \bar{x}_T^2 \to "
    r"\frac{\sigma^2}{\lambda^2}",
    assumptions="one mode, additive noise of variance s^2",
    source="Polyak and Juditsky 1992, theorem 1; Ruppert 1988",
    kind=Kind.RATE,
    tolerance=asymptotic(3e-2, "omits T^(a - 1), 2.5e-2 at a = .75"),
    rule="polyak_averaging",
    runs=lambda setting: _averaging_runs(setting, "1.0", FALLING),
    sampled=True,
    retries=2,
)
def sg_12a(evidence: Evidence) -> Finding:
    """Exact moments of the mean of probed SGD steps; runs show that it is the mean."""
    cases = {
        "c = 1, a = .6": (FALLING, 1.0),
        "c = 3, a = .6": (FALLING, 3.0),
        "c = 1, a = .75": ("robbins_monro:exponent=0.75,offset=1", 1.0),
    }
    caption = "Whatever c and a, the average ends on the optimal line: no tuning, full rate."
    return _optimal(evidence, cases, "c = 1, a = .6", caption)


@claim(
    "SG-12b",
    "On quadratics the average of SGD's points is optimal even with a constant step.",
    formula=r"\eta_t = \eta: \quad T\, E \bar{x}_T^2 \to \frac{\sigma^2}{\lambda^2}",
    assumptions="one mode of a quadratic (elsewhere a bias of order eta stays), eta < 2/lambda",
    source="Bach and Moulines 2013, theorem 1",
    kind=Kind.RATE,
    tolerance=asymptotic(3e-2, "omits 1/(eta lambda)^2/T of the start, 2e-3 at eta = .05"),
    rule="polyak_averaging",
    runs=lambda setting: _averaging_runs(setting, "0.1", "constant"),
    sampled=True,
    retries=2,
)
def sg_12b(evidence: Evidence) -> Finding:
    """Exact moments of the mean of probed SGD steps; runs show that it is the mean."""
    cases = {f"eta = {lr}": ("constant", lr) for lr in (0.05, 0.1, 1.0)}
    caption = "A constant step forgets the start fast, and the average removes the noise floor."
    return _optimal(evidence, cases, "eta = 0.1", caption)


PAIR_KAPPA = 10.0
PAIR_RATES = (0.1, 1.0)


def _pair_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    few, many = setting.seeds(2)
    problem = chains(setting, kappa=PAIR_KAPPA)
    small = {
        key: setting.run(SMALL, f"{name}:lr=0.5", steps=STEPS, seed=few, points=True)
        for key, name in (("points", "sgd"), ("average", "polyak_averaging"))
    }
    return small | {
        lr: setting.run(problem, f"polyak_averaging:lr={lr}", steps=STEPS, seed=many)
        for lr in PAIR_RATES
    }


@claim(
    "SG-13",
    "The mean of the points where gradients were taken has E f - f* <= R^2/(2 eta T) + eta s^2/2.",
    formula=r"E f(\bar{x}_T) - f^* \leq \frac{R^2}{2 \eta T} + \frac{\eta\sigma^2}{2}",
    assumptions="convex and L-smooth, eta <= 1/L, noise of trace s^2, mean of x_0 to x_(T-1)",
    source="standard, by co-coercivity; Lan 2012, theorem 1",
    kind=Kind.BOUND,
    tolerance=B,
    rule="polyak_averaging",
    runs=_pair_runs,
    sampled=True,
    retries=2,
)
def sg_13(evidence: Evidence) -> Finding:
    """Exact expectations on two modes for 2000 steps; 20000 sampled pairs for 64."""
    findings, lines, T = [], [], np.arange(1.0, 2001)
    for kappa in (1.0, PAIR_KAPPA, 1000.0):
        for lr in PAIR_RATES:
            modes = [
                lam * _mode(evidence, "constant", lr, 2000, lam).averaged(1.0, 1.0) / 2
                for lam in (1 / kappa, 1.0)
            ]
            findings.append(verdicts.below(sum(modes), 1 / (lr * T) + lr, evidence.tolerance))
    for lr in PAIR_RATES:
        run = evidence.runs[lr]
        pairs = count(run) // 2
        gap = run.curve["suboptimality"][1:] / pairs
        t = run.curve["step"][1:]
        bound = 1 / (lr * t) + lr
        findings.append(verdicts.sampled_below(gap, error_of(gap, pairs), bound))
        lines += [series(f"eta = {lr}", t, gap), theory(f"bound, eta = {lr}", t, bound)]
    plot = Plot(
        x_label="steps T",
        y_label="E f(xbar_T) - f*",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="The bound trades the start, R^2/(2 eta T), against the noise, eta s^2/2.",
    )
    return all_of([*findings, _is_average(evidence)], plot=plot)


SLOW_KAPPA = 10.0
SLOW_LR = 2 * SLOW_KAPPA / (2 * SLOW_KAPPA + 1)
SLOW = f"robbins_monro:exponent=1.0,offset={2 * SLOW_KAPPA + 1!r}"
"""eta_t = beta/(gamma + t), t = 1, 2, ... with beta = 2/mu, gamma = 2 kappa, for L = 1."""


@claim(
    "SG-20",
    "With eta_t = (2/mu)/(2 kappa + t) SGD falls like 1/t: E f - f* <= nu/(gamma + t).",
    formula=r"E f(x_t) - f^* \leq \frac{\nu}{\gamma + t}, \quad \nu = \max\left("
    r"\frac{\beta^2 L \sigma^2}{2 (\beta\mu - 1)}, (\gamma + 1) D_0\right)",
    assumptions="mu-strongly convex, L-smooth, noise of trace s^2; beta = 2/mu, gamma = 2 kappa",
    source="Bottou, Curtis and Nocedal 2018, theorem 4.7",
    kind=Kind.BOUND,
    tolerance=B,
    rule="sgd",
    runs=lambda setting: {
        "": setting.run(
            chains(setting, kappa=SLOW_KAPPA),
            f"sgd:lr={SLOW_LR!r}",
            steps=STEPS,
            schedule=SLOW,
            seed=setting.seeds(1)[0],
        )
    },
    sampled=True,
    retries=2,
)
def sg_20(evidence: Evidence) -> Finding:
    """The exact expectation for 2e4 steps, and 20000 sampled pairs for 64.

    The bound is loose by a factor of 20 and more in the long run: SG-10a has the exact constant.
    """
    T = 20_000
    t = np.arange(T + 1.0)
    beta, gamma = 2 * SLOW_KAPPA, 2 * SLOW_KAPPA
    gap_0 = (1 + 1 / SLOW_KAPPA) / 2
    nu = max(beta**2 * 2 / (2 * (2 - 1)), (gamma + 1) * gap_0)
    bound = nu / (gamma + 1 + t)
    rates = learning_rates(SLOW, SLOW_LR, T)
    findings = [verdicts.equals(rates, beta / (gamma + 1 + t[:-1]), E1)]
    lines: list[Series] = []
    optimizer = evidence.optimizer(f"sgd:lr={SLOW_LR!r}")
    shown = np.unique(np.geomspace(1, T, 150).astype(int))
    if shows_its_step(optimizer):
        modes = [
            lam * coefficients(optimizer, lam, rates).moments(1.0, 1.0) / 2
            for lam in (1 / SLOW_KAPPA, 1.0)
        ]
        exact = modes[0] + modes[1]
        findings.insert(0, verdicts.below(exact, bound, evidence.tolerance))
        lines.append(series("exact expectation", t[shown], exact[shown]))
    run = evidence.runs[""]
    pairs = count(run) // 2
    gap = run.curve["suboptimality"] / pairs
    findings.append(verdicts.sampled_below(gap, error_of(gap, pairs), bound[: STEPS + 1]))
    steps = run.curve["step"]
    plot = Plot(
        x_label="steps t",
        y_label="E f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            *lines,
            series("chains", steps[1::5], gap[1::5], points=True),
            theory("nu/(gamma + t)", t[shown], bound[shown]),
        ),
        caption="The rate 1/t is right, the constant is not: the bound must hold for every "
        "strongly convex function.",
    )
    return all_of(findings, plot=plot)
