"""How the noise floor of stochastic gradients scales, and the bounds on it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbench.core.spec import RunSpec, parse_one
from optbench.families.find import build_problem, complete_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._chains import (
    CHAINS,
    SAMPLED,
    chains,
    error_of,
    mean_square,
    shows_its_step,
)
from optbench.theory.claims._fits import judged
from optbench.theory.estimators.scaling import scaling_exponent
from optbench.theory.finding import Finding, all_of
from optbench.theory.formulas.noise import sgd_floor
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.moments import linear_step, shown_variance
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, B, Tolerance

Array = NDArray[np.float64]

SLOPE = Tolerance(absolute=1.2e-2, reason="1 + O(eta lambda/2), 1.009 for steps up to .1")
BATCHES = tuple(2**k for k in range(11))
RATES = tuple(np.geomspace(10**-3.5, 0.1, 11).tolist())
VARIANCES = tuple(np.geomspace(1e-3, 1.0, 11).tolist())
RUN_RATE = 0.5
STEPS = 40


def _noisy(variance: float) -> str:
    """Return the text of a small quadratic with this variance in each of its variables."""
    return f"quadratic:dim=8,kappa=1,rotated=false,noise={8 * variance!r}"


def _floor(evidence: Evidence, lr: float, size: int, variance: float) -> float:
    """Return the floor of the probed step under the noise that the engine's oracle shows it."""
    optimizer = evidence.optimizer(f"sgd:lr={lr!r},batch_size={size}")
    problem = build_problem(complete_problem(parse_one(_noisy(variance))))
    return linear_step(optimizer, 1.0).floor(shown_variance(problem, optimizer))


def _sampled(evidence: Evidence, floors: Mapping[float, float]) -> list[Finding]:
    """Judge the last mean squares of runs by their floors."""
    findings = []
    for key, floor in floors.items():
        mean = float(mean_square(evidence.runs[key])[-1])
        error = error_of(mean, CHAINS * evidence.setting.effort)
        findings.append(verdicts.sampled_equals(mean, error, floor, SAMPLED))
    return findings


def _plot(
    evidence: Evidence,
    x_label: str,
    probed: tuple[tuple[float, ...], list[float]],
    exact: tuple[tuple[float, ...], Array],
    at: Mapping[float, float],
    caption: str,
) -> Plot:
    """Return a picture of floors of the step, exact ones, and runs; `at` says where those stand."""
    ends = np.array([mean_square(evidence.runs[key])[-1] for key in at])
    half = verdicts.Z * error_of(ends, CHAINS * evidence.setting.effort)
    where = list(at.values())
    return Plot(
        x_label=x_label,
        y_label="noise floor E x^2",
        x_scale="log",
        y_scale="log",
        series=(
            *([series("moments of the step", *probed, points=True)] if probed[1] else []),
            series("40000 chains", where, ends, low=ends - half, high=ends + half, points=True),
            theory("eta s^2/(B lambda (2 - eta lambda))", *exact),
        ),
        caption=caption,
    )


RUN_BATCHES = (1, 8, 64)


def _batch_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        size: setting.run(
            chains(setting), f"sgd:lr={RUN_RATE},batch_size={size}", steps=STEPS, seed=seed
        )
        for size, seed in zip(RUN_BATCHES, setting.seeds(len(RUN_BATCHES)), strict=True)
    }


@claim(
    "SG-06a",
    "The noise floor falls like 1/B with the batch size.",
    formula=r"V(B) = \frac{\eta\sigma^2}{B \lambda (2 - \eta\lambda)} \propto B^{-1}",
    assumptions="one mode, independent draws (additive noise, or sampling with replacement)",
    source="the variance of a mean; the variance of a first-order autoregression",
    kind=Kind.SCALING,
    tolerance=SLOPE,
    rule="sgd",
    runs=_batch_runs,
    sampled=True,
    retries=2,
)
def sg_06a(evidence: Evidence) -> Finding:
    """The exponent over B = 1 to 1024 of exact floors; runs at three B."""
    sizes = tuple(float(size) for size in BATCHES)
    expected = sgd_floor(curvature=1.0, lr=RUN_RATE, variance=1 / np.array(sizes))
    findings: list[Finding] = []
    floors: list[float] = []
    if shows_its_step(evidence.optimizer(f"sgd:lr={RUN_RATE}")):
        floors = [_floor(evidence, RUN_RATE, size, 1.0) for size in BATCHES]
        findings = [
            judged(scaling_exponent(sizes, floors), -1.0, evidence.tolerance),
            verdicts.equals(floors, expected, E1),
        ]
    at: dict[float, float] = {size: float(size) for size in RUN_BATCHES}
    limits = {size: float(sgd_floor(curvature=1.0, lr=RUN_RATE, variance=1 / size)) for size in at}
    caption = "Sixteen times the batch, a sixteenth of the floor: slope -1."
    plot = _plot(evidence, "batch size B", (sizes, floors), (sizes, expected), at, caption)
    return all_of(findings + _sampled(evidence, limits), plot=plot)


RULE_RATE, RULE_SIZES = 0.01, (1, 2, 8, 64)
"""The step for B = 1, which the linear scaling rule multiplies by B."""

RUN_RATES = (0.1, 0.3, 1.0)
RATE_STEPS = 60


def _rate_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    (seed,) = setting.seeds(1)
    return {
        lr: setting.run(chains(setting), f"sgd:lr={lr}", steps=RATE_STEPS, seed=seed)
        for lr in RUN_RATES
    }


@claim(
    "SG-06b",
    "The noise floor falls in proportion to a small step; eta/B = const keeps it to first order.",
    formula=r"V(\eta) = \frac{\eta\sigma^2}{\lambda(2 - \eta\lambda)}, \quad "
    r"\frac{d \ln V}{d \ln \eta} = 1 + \frac{\eta\lambda}{2} + O(\eta^2)",
    assumptions="one mode, additive noise, eta lambda small",
    source="the variance of a first-order autoregression",
    kind=Kind.SCALING,
    tolerance=SLOPE,
    rule="sgd",
    runs=_rate_runs,
    sampled=True,
    retries=2,
)
def sg_06b(evidence: Evidence) -> Finding:
    """The exponent over 2.5 decades of eta up to .1, of exact floors; runs at larger eta.

    With eta proportional to B the floor stays, but for the factor (2 - eta)/(2 - B eta).
    """
    expected = sgd_floor(curvature=1.0, lr=RATES, variance=1.0)
    findings: list[Finding] = []
    floors: list[float] = []
    if shows_its_step(evidence.optimizer(f"sgd:lr={RUN_RATE}")):
        floors = [_floor(evidence, lr, 1, 1.0) for lr in RATES]
        together = [_floor(evidence, size * RULE_RATE, size, 1.0) for size in RULE_SIZES]
        kept = (2 - RULE_RATE) / (2 - RULE_RATE * np.array(RULE_SIZES, dtype=np.float64))
        findings = [
            judged(scaling_exponent(RATES, floors), 1.0, evidence.tolerance),
            verdicts.equals(floors, expected, E2),
            verdicts.equals(np.array(together) / together[0], kept, E2),
        ]
    at: dict[float, float] = {lr: lr for lr in RUN_RATES}
    limits = {lr: float(sgd_floor(curvature=1.0, lr=lr, variance=1.0)) for lr in RUN_RATES}
    whole = (*RATES, *np.geomspace(0.12, 1.0, 12).tolist())
    line = sgd_floor(curvature=1.0, lr=whole, variance=1.0)
    caption = "A straight line of slope 1 for small steps, which bends up as eta nears 2/lambda."
    plot = _plot(evidence, "step size eta", (RATES, floors), (whole, line), at, caption)
    return all_of(findings + _sampled(evidence, limits), plot=plot)


RUN_VARIANCES = (0.01, 1.0)


def _variance_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        s2: setting.run(chains(setting, variance=s2), f"sgd:lr={RUN_RATE}", steps=STEPS, seed=seed)
        for s2, seed in zip(RUN_VARIANCES, setting.seeds(len(RUN_VARIANCES)), strict=True)
    }


@claim(
    "SG-06c",
    "The noise floor is proportional to the variance of the gradient's noise.",
    formula=r"V(\sigma^2) = \frac{\eta\sigma^2}{\lambda(2 - \eta\lambda)} \propto \sigma^2",
    assumptions="one mode, additive noise",
    source="the variance of a first-order autoregression",
    kind=Kind.SCALING,
    tolerance=SLOPE,
    rule="sgd",
    runs=_variance_runs,
    sampled=True,
    retries=2,
)
def sg_06c(evidence: Evidence) -> Finding:
    """The exponent over three decades of the variance, of exact floors; runs at two of them."""
    expected = sgd_floor(curvature=1.0, lr=RUN_RATE, variance=VARIANCES)
    findings: list[Finding] = []
    floors: list[float] = []
    if shows_its_step(evidence.optimizer(f"sgd:lr={RUN_RATE}")):
        floors = [_floor(evidence, RUN_RATE, 1, s2) for s2 in VARIANCES]
        findings = [
            judged(scaling_exponent(VARIANCES, floors), 1.0, evidence.tolerance),
            verdicts.equals(floors, expected, E1),
        ]
    at: dict[float, float] = {s2: s2 for s2 in RUN_VARIANCES}
    limits = {s2: float(sgd_floor(curvature=1.0, lr=RUN_RATE, variance=s2)) for s2 in RUN_VARIANCES}
    caption = "Twice the variance, twice the floor: slope 1."
    plot = _plot(evidence, "variance s^2", (VARIANCES, floors), (VARIANCES, expected), at, caption)
    return all_of(findings + _sampled(evidence, limits), plot=plot)


KAPPA = 10.0
BOUND_RATES = (0.1, 0.3, 1.0)


def _floor_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    """Two modes of curvature .1 and 1, and one mode; 60 steps leave at most 4e-6 of a start."""
    two, one = setting.seeds(2)
    runs: dict[Key, RunSpec] = {
        "two": setting.run(chains(setting, kappa=KAPPA), "sgd:lr=1", steps=RATE_STEPS, seed=two)
    }
    return runs | {
        lr: setting.run(chains(setting), f"sgd:lr={lr}", steps=RATE_STEPS, seed=one)
        for lr in BOUND_RATES
    }


@claim(
    "SG-07a",
    "SGD's floor in f is at most eta L s^2/(2 mu), and reaches it on one mode at eta = 1/L.",
    formula=r"\lim_{t} E f(x_t) - f^* \leq \frac{\eta L \sigma^2}{2\mu}",
    assumptions="mu-strongly convex and L-smooth, eta <= 1/L, noise of trace s^2",
    source="Bottou, Curtis and Nocedal 2018, theorem 4.6, t to infinity",
    kind=Kind.BOUND,
    tolerance=B,
    rule="sgd",
    runs=_floor_runs,
    sampled=True,
    retries=2,
)
def sg_07a(evidence: Evidence) -> Finding:
    """Exact floors of pairs of modes; the attained case; sampled floors."""
    findings, rates = [], np.linspace(0.05, 1.0, 20)
    if shows_its_step(evidence.optimizer("sgd:lr=1")):
        for kappa in (1.0, KAPPA, 100.0):
            floors = [_pair_floor(evidence, lr, kappa) for lr in rates.tolist()]
            findings.append(verdicts.below(floors, rates * kappa, evidence.tolerance))
        attained = _pair_floor(evidence, 1.0, 1.0)
        findings.append(verdicts.equals(attained, 1.0, E2))
    n = CHAINS * evidence.setting.effort
    two = evidence.runs["two"].curve["suboptimality"][-1] / (n / 2)
    findings.append(verdicts.sampled_below(two, error_of(two, n // 2), KAPPA))
    ends = np.array([mean_square(evidence.runs[lr])[-1] for lr in BOUND_RATES])
    half = verdicts.Z * error_of(ends, n)
    full = np.array([_floor_of_one(lr) for lr in BOUND_RATES])
    findings += [
        verdicts.sampled_equals(m, error_of(m, n), v, SAMPLED)
        for m, v in zip(ends.tolist(), full.tolist(), strict=True)
    ]
    plot = Plot(
        x_label="step size eta (L = mu = 1)",
        y_label="floor of E f - f*, for s^2 = 2",
        series=(
            series("runs", BOUND_RATES, ends, low=ends - half, high=ends + half, points=True),
            theory("eta s^2/(2 (2 - eta))", rates, _floor_of_one(rates)),
            theory("bound eta L s^2/(2 mu)", rates, rates),
        ),
        caption="For small steps the floor is half of the bound; it is reached at 1/L.",
    )
    return all_of(findings, plot=plot)


def _pair_floor(evidence: Evidence, lr: float, kappa: float) -> float:
    """Return the floor of E f of two modes, 1/kappa and 1, each with noise of variance 1."""
    optimizer = evidence.optimizer(f"sgd:lr={lr!r}")
    return sum(lam * linear_step(optimizer, lam).floor(1.0) / 2 for lam in (1 / kappa, 1.0))


def _floor_of_one(lr: float | Array) -> Array:
    return sgd_floor(curvature=1.0, lr=lr, variance=1.0)


@claim(
    "SG-07b",
    "SGD's floor in |x - x*|^2 is at most eta s^2/(mu (2 - eta mu)), reached if L = mu.",
    formula=r"\lim_{t} E |x_t - x^*|^2 \leq \frac{\eta^2\sigma^2}{1 - \rho^2} = "
    r"\frac{\eta\sigma^2}{\mu(2 - \eta\mu)}",
    assumptions="mu-strongly convex and L-smooth, eta <= 2/(L + mu), noise of trace s^2",
    source="contraction of gradient steps, rho = 1 - eta mu (Polyak 1987)",
    kind=Kind.BOUND,
    tolerance=B,
    rule="sgd",
    runs=_floor_runs,
    sampled=True,
    retries=2,
)
def sg_07b(evidence: Evidence) -> Finding:
    """Exact floors of pairs of modes; the attained case; sampled floors."""
    findings, n = [], CHAINS * evidence.setting.effort
    if shows_its_step(evidence.optimizer("sgd:lr=1")):
        for kappa in (1.0, KAPPA, 100.0):
            lr = 2 / (1 + 1 / kappa)
            lrs = (0.1 * lr, lr) if kappa > 1 else (0.1, 0.9)
            for lr in lrs:
                step = evidence.optimizer(f"sgd:lr={lr!r}")
                floors = [linear_step(step, lam).floor(1.0) for lam in (1 / kappa, 1.0)]
                bound = float(sgd_floor(curvature=1 / kappa, lr=lr, variance=2.0))
                findings.append(verdicts.below(sum(floors), bound, evidence.tolerance))
                findings.append(verdicts.equals(2 * floors[0], bound, E2))
    two = mean_square(evidence.runs["two"])[-1] * 2
    bound = float(sgd_floor(curvature=1 / KAPPA, lr=1.0, variance=2.0))
    findings.append(verdicts.sampled_below(two, error_of(two, n // 2), bound))
    ends = np.array([mean_square(evidence.runs[lr])[-1] for lr in BOUND_RATES])
    half = verdicts.Z * error_of(ends, n)
    findings += [
        verdicts.sampled_equals(m, error_of(m, n), float(_floor_of_one(lr)), SAMPLED)
        for lr, m in zip(BOUND_RATES, ends.tolist(), strict=True)
    ]
    rates = np.linspace(0.05, 1.0, 20)
    plot = Plot(
        x_label="step size eta (L = mu = 1)",
        y_label="floor of E |x - x*|^2, for s^2 = 1",
        series=(
            series("runs", BOUND_RATES, ends, low=ends - half, high=ends + half, points=True),
            theory("bound eta s^2/(mu (2 - eta mu))", rates, _floor_of_one(rates)),
        ),
        caption="With every curvature equal to mu the bound on the distance is the value itself.",
    )
    return all_of(findings, plot=plot)
