"""Stochastic gradients with a constant step: the noise floor, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import (
    CHAINS,
    chains,
    drawn_chains,
    error_of,
    mean_square,
    samples_agree,
    shows_its_step,
)
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.noise import heavy_ball_floor, nesterov_floor, sgd_floor, sgd_moments
from optbench.theory.plot import Plot, Series, series, theory
from optbench.theory.probes.moments import linear_step
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B, Tolerance

Array = NDArray[np.float64]

FLOOR_STEPS = 60
FLOOR_RATES = (0.1, 0.3, 1.0, 1.5)
FLOOR_BATCHES = (1, 4, 16)


def _floors(setting: Setting) -> Mapping[Key, RunSpec]:
    seeds = setting.seeds(len(FLOOR_BATCHES))
    return {
        (lr, size): setting.run(
            chains(setting), f"sgd:lr={lr},batch_size={size}", steps=FLOOR_STEPS, seed=seed
        )
        for size, seed in zip(FLOOR_BATCHES, seeds, strict=True)
        for lr in FLOOR_RATES
    }


@claim(
    "SG-01",
    "With a constant step SGD settles at the mean square eta s^2/(lambda (2 - eta lambda)).",
    formula=r"E\, x_t^2 = a^{2t} x_0^2 + V (1 - a^{2t}), \quad a = 1 - \eta\lambda, \quad "
    r"V = \frac{\eta \sigma^2}{\lambda (2 - \eta\lambda)}",
    assumptions="one mode lambda x^2/2, additive noise of variance s^2 (s^2/B for a batch of B)",
    source="the variance of a first-order autoregression",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="sgd",
    runs=_floors,
    headline="The noise floor of SGD, against the step size and the batch size",
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="SGD converges when the learning rate falls, or ends sufficiently small.",
            ruling=Ruling.OK,
            truth="A small last step gives a floor, not convergence: eta s^2/(2 (2 - eta lambda)) "
            "in the loss of each mode.",
        ),
    ),
)
def sg_01(evidence: Evidence) -> Finding:
    """Iterate the exact second moments of the probed step; look at 40000 chains besides."""
    findings = []
    for lam, lr in ((1.0, 0.1), (1.0, 1.5), (0.01, 1.0), (0.3, 4.0)):
        optimizer = evidence.optimizer(f"sgd:lr={lr}")
        if shows_its_step(optimizer):
            measured = linear_step(optimizer, lam).moments(2.0, [3.0], 2000)
            t = np.arange(2001)
            expected = sgd_moments(t, curvature=lam, lr=lr, variance=2.0, start=3.0)
            findings.append(verdicts.equals(measured, expected, evidence.tolerance))
    t = np.arange(FLOOR_STEPS + 1)
    for (lr, size), run in _pairs(evidence):
        expected = sgd_moments(t, curvature=1.0, lr=lr, variance=1 / size, start=1.0)
        findings.append(samples_agree(run, expected, (3, FLOOR_STEPS)))
    return all_of(findings).drawn(_floor_plot(evidence))


def _pairs(evidence: Evidence) -> list[tuple[tuple[float, int], Run]]:
    keys = [(lr, size) for size in FLOOR_BATCHES for lr in FLOOR_RATES]
    return [(key, evidence.runs[key]) for key in keys]


def _floor_plot(evidence: Evidence) -> Plot:
    fine = np.geomspace(0.05, 1.9, 80)
    lines: list[Series] = []
    for size in FLOOR_BATCHES:
        ends = np.array(
            [mean_square(evidence.runs[lr, size])[-1] / 2 for lr in FLOOR_RATES], dtype=np.float64
        )
        half = verdicts.Z * error_of(ends, CHAINS * evidence.setting.effort)
        lines.append(
            series(f"B = {size}", FLOOR_RATES, ends, low=ends - half, high=ends + half, points=True)
        )
        floor = sgd_floor(curvature=1.0, lr=fine, variance=1 / size) / 2
        lines.append(theory(f"eta s^2/(2 B (2 - eta)), B = {size}", fine, floor))
    return Plot(
        x_label="step size eta (lambda = 1)",
        y_label=f"loss floor, E f(x_t) at t = {FLOOR_STEPS}",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="A constant step buys a floor, not a minimum: it rises like eta, faster near "
        "eta = 2, and falls like 1/B. Intervals are smaller than the points.",
    )


BOUND_KAPPA = 10.0
BOUND_RATES = (0.03, 0.3, 1.0)
BOUND_STEPS = 128


def _two_modes(setting: Setting) -> Mapping[Key, RunSpec]:
    (seed,) = setting.seeds(1)
    problem = chains(setting, kappa=BOUND_KAPPA)
    return {
        lr: setting.run(problem, f"sgd:lr={lr}", steps=BOUND_STEPS, seed=seed) for lr in BOUND_RATES
    }


def _pair_bound(t: Array, lr: float, kappa: float) -> Array:
    """Return the bound for one mode of curvature 1/kappa and one of 1, started at (1, 1)."""
    gap, variance = (1 + 1 / kappa) / 2, 2.0
    bound: Array = (1 - lr / kappa) ** t * gap + lr * variance * kappa / 2
    return bound


@claim(
    "SG-02",
    "SGD falls to a noise floor: E f - f* <= (1 - eta mu)^t (f_0 - f*) + eta L s^2/(2 mu).",
    formula=r"E f(x_t) - f^* \leq (1 - \eta\mu)^t D_0 + \frac{\eta L \sigma^2}{2\mu}",
    assumptions="mu-strongly convex and L-smooth, eta <= 1/L, noise of trace s^2",
    source="Bottou, Curtis and Nocedal 2018, theorem 4.6",
    kind=Kind.BOUND,
    tolerance=B,
    rule="sgd",
    runs=_two_modes,
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="SGD tracks gradient descent's rates up to a noise floor.",
            ruling=Ruling.OK,
            truth="E f - f* <= (1 - eta mu)^t D_0 + eta L s^2/(2 mu). On quadratics it is loose by "
            "up to a factor of ten; there the moments are known exactly.",
        ),
    ),
)
def sg_02(evidence: Evidence) -> Finding:
    """The expectation itself, from probed steps, for 2000 steps, and 20000 sampled pairs."""
    findings, exact, bounds = [], [], []
    for lr in BOUND_RATES:
        optimizer = evidence.optimizer(f"sgd:lr={lr}")
        if not shows_its_step(optimizer):
            continue
        for kappa in (1.0, BOUND_KAPPA, 100.0):
            modes = [
                lam * linear_step(optimizer, lam).moments(1.0, [1.0], 2000) / 2
                for lam in (1 / kappa, 1.0)
            ]
            exact.append(modes[0] + modes[1])
            bounds.append(_pair_bound(np.arange(2001.0), lr, kappa))
    if exact:
        findings.append(verdicts.below(exact, bounds, evidence.tolerance))
    pairs = CHAINS * evidence.setting.effort // 2
    lines: list[Series] = []
    for lr in BOUND_RATES:
        curve = evidence.runs[lr].curve
        t, gap = curve["step"], curve["suboptimality"] / pairs
        bound = _pair_bound(t, lr, BOUND_KAPPA)
        findings.append(verdicts.sampled_below(gap, error_of(gap, pairs), bound))
        lines += [series(f"SGD, eta = {lr}", t, gap), theory(f"bound, eta = {lr}", t, bound)]
    plot = Plot(
        x_label="steps t",
        y_label="E f(x_t) - f*",
        y_scale="log",
        series=tuple(lines),
        caption="Larger steps fall faster and stop higher; the bound has both, with room below it.",
    )
    return all_of(findings, plot=plot)


MOMENTUM_RATE = 0.5
MOMENTUM_STEPS = 64
BETAS = (0.5, 0.8)


def _momentum_runs(rule: str, setting: Setting) -> Mapping[Key, RunSpec]:
    (seed,) = setting.seeds(1)
    return {
        beta: setting.run(
            chains(setting),
            f"{rule}:lr={MOMENTUM_RATE},beta={beta}",
            steps=MOMENTUM_STEPS,
            seed=seed,
        )
        for beta in BETAS
    }


MODES = ((1.0, 0.5, 0.5), (0.2, 0.5, 0.9), (0.01, 1.0, 0.9), (1.0, 0.1, 0.99))
"""Curvature, learning rate and beta of floors that are solved for."""


def _momentum_floors(
    evidence: Evidence, rule: str, floor: Callable[..., float], caption: str
) -> Finding:
    findings = []
    for lam, lr, beta in MODES:
        optimizer = evidence.optimizer(f"{rule}:lr={lr},beta={beta}")
        if shows_its_step(optimizer):
            measured = linear_step(optimizer, lam).floor(2.0)
            expected = floor(curvature=lam, lr=lr, beta=beta, variance=2.0)
            findings.append(verdicts.equals(measured, expected, evidence.tolerance))
    lines: list[Series] = []
    for beta in BETAS:
        run = evidence.runs[beta]
        limit = floor(curvature=1.0, lr=MOMENTUM_RATE, beta=beta, variance=1.0)
        findings.append(samples_agree(run, np.full(MOMENTUM_STEPS + 1, limit), (MOMENTUM_STEPS,)))
        lines += [
            drawn_chains(f"beta = {beta}", run),
            theory(f"its floor, beta = {beta}", [0, MOMENTUM_STEPS], [limit, limit]),
        ]
    plot = Plot(
        x_label="steps t", y_label="E x_t^2", y_scale="log", series=tuple(lines), caption=caption
    )
    return all_of(findings, plot=plot)


SMALL_STEP = Tolerance(relative=5e-3, reason="omits eta lambda beta/(2 (1 + beta)), 2.4e-3 at .01")
LYAPUNOV = Tolerance(relative=1e-8, reason="rounding of the Lyapunov equation's solution")


@claim(
    "SG-03a",
    "Heavy ball's noise floor is about 1/(1 - beta) times SGD's at the same step size.",
    formula=r"E\, x^2 = \frac{\eta\sigma^2 (1+\beta)}{\lambda (1-\beta)(2(1+\beta) - \eta\lambda)}",
    assumptions="one mode lambda x^2/2, additive noise of variance s^2, eta lambda < 2 (1 + beta)",
    source="the variance of a second-order autoregression",
    kind=Kind.IDENTITY,
    tolerance=LYAPUNOV,
    rule="heavy_ball",
    runs=lambda setting: _momentum_runs("heavy_ball", setting),
    sampled=True,
    retries=2,
)
def sg_03a(evidence: Evidence) -> Finding:
    """Solve the Lyapunov equation of the probed step; look at 40000 chains besides.

    Shown is the floor over SGD's at eta = .01, beta = .9, which is about 10.
    """
    caption = "More momentum, more noise: the floor grows like 1/(1 - beta) at the same step size."
    floors = _momentum_floors(evidence, "heavy_ball", heavy_ball_floor, caption)
    optimizer = evidence.optimizer("heavy_ball:lr=0.01,beta=0.9")
    if not shows_its_step(optimizer):
        return floors
    plain = linear_step(evidence.optimizer("sgd:lr=0.01"), 1.0).floor(1.0)
    ratio = linear_step(optimizer, 1.0).floor(1.0) / plain
    exact = heavy_ball_floor(curvature=1.0, lr=0.01, beta=0.9, variance=1.0)
    exact /= float(sgd_floor(curvature=1.0, lr=0.01, variance=1.0))
    times = [
        verdicts.equals(ratio, exact, evidence.tolerance),
        verdicts.equals(ratio, 1 / (1 - 0.9), SMALL_STEP),
    ]
    return all_of([*times, floors])


@claim(
    "SG-03b",
    "Nesterov's method has a noise floor of its own, below heavy ball's.",
    formula=r"E\, x^2 = \frac{\eta^2\sigma^2 (1+\beta q)}{(1-\beta q)((1+\beta q)^2 - "
    r"(1+\beta)^2 q^2)}, \quad q = 1 - \eta\lambda",
    assumptions="one mode lambda x^2/2, additive noise of variance s^2, x after the gradient step",
    source="the variance of a second-order autoregression",
    kind=Kind.IDENTITY,
    tolerance=LYAPUNOV,
    rule="nesterov_strongly_convex",
    runs=lambda setting: _momentum_runs("nesterov_strongly_convex", setting),
    sampled=True,
    retries=2,
)
def sg_03b(evidence: Evidence) -> Finding:
    """Solve the Lyapunov equation of the probed step; look at 40000 chains besides."""
    caption = "Nesterov's look-ahead damps the noise that momentum gathers, at large steps most."
    floors = _momentum_floors(evidence, "nesterov_strongly_convex", nesterov_floor, caption)
    lower = []
    for lam, lr, beta in MODES:
        optimizer = evidence.optimizer(f"nesterov_strongly_convex:lr={lr},beta={beta}")
        if shows_its_step(optimizer):
            heavy = heavy_ball_floor(curvature=lam, lr=lr, beta=beta, variance=1.0)
            lower.append(linear_step(optimizer, lam).floor(1.0) / heavy)
    least = verdicts.holds(
        max(lower, default=0.0) < 1, theory="below heavy ball's", measured="not below heavy ball's"
    )
    return all_of([floors, least])
