"""Convex functions with kinks: what the subgradient method is good for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import chains, samples_agree, shows_its_step
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.moments import Coefficients, coefficients, learning_rates
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2

Array = NDArray[np.float64]

HORIZONS = (4, 16, 64)


def _worst(setting: Setting, schedule: str) -> Mapping[Key, RunSpec]:
    """The largest of n + 1 coordinates, of which n steps see no more than n; and |x| from 1."""
    problems = {"worst": "max_coordinate:dim={}", "|x|": "absolute:mu=0,radius=0,start=1"}
    return {
        (name, n): setting.run(
            problem.format(n + 1), f"gd:lr={(n + 1) ** -0.5!r}", steps=n, schedule=schedule
        )
        for name, problem in problems.items()
        for n in HORIZONS
    }


@claim(
    "SG-14",
    "The best of n + 1 subgradient points is within R G/sqrt(n + 1) of f*; that is attained.",
    formula=r"\min_{t \leq n} f(x_t) - f^* \leq \frac{R G}{\sqrt{n + 1}}",
    assumptions="convex with subgradients of norm at most G, eta = R/(G sqrt(n + 1))",
    source="Nesterov 2004, theorem 3.2.2; attained: Drori and Teboulle 2016",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: _worst(setting, "constant"),
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Do not use gradient descent where the loss is not differentiable.",
            ruling=Ruling.IMPRECISE,
            truth="With subgradients and steps R/(G sqrt(n + 1)) the best point is within R "
            "G/sqrt(n + 1) of the minimum, a tight rate; it is slow, but it is a guarantee.",
        ),
    ),
)
def sg_14(evidence: Evidence) -> Finding:
    """The worst function of each horizon attains the bound, and |x| obeys it."""
    best, other = (
        [evidence.runs[name, n].curve["suboptimality"].min() for n in HORIZONS]
        for name in ("worst", "|x|")
    )
    n = np.array(HORIZONS, dtype=np.float64)
    findings = [
        verdicts.equals(best, 1 / np.sqrt(n + 1), evidence.tolerance),
        verdicts.below([*best, *other], np.tile(1 / np.sqrt(n + 1), 2), evidence.tolerance),
    ]
    plot = Plot(
        x_label="steps n",
        y_label="best f(x_t) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("worst function of each n", n, best, points=True),
            theory("R G/sqrt(n + 1)", n, 1 / np.sqrt(n + 1)),
        ),
        caption="The largest of n + 1 coordinates: n steps cannot lower all of them.",
    )
    return all_of(findings, plot=plot)


WEIGHTED = "robbins_monro:exponent=1.0,offset=2"
"""eta_t = (2/mu)/(t + 1), t = 1, 2, ..., with the learning rate 1/mu."""

COPIES = 4000
NOISY_STEPS = 300


@claim(
    "SG-21a",
    "Subgradients, steps 2/(mu (t + 1)), weights t: E f - f* <= 2 G^2/(mu (T + 1)).",
    formula=r"E f\left(\frac{2 \sum_t t\, x_t}{T (T + 1)}\right) - f^* \leq "
    r"\frac{2 G^2}{\mu (T + 1)}",
    assumptions="mu-strongly convex, no smoothness, E |g|^2 <= G^2, projected on a convex set",
    source="Lacoste-Julien, Schmidt and Bach 2012, section 3.2",
    kind=Kind.BOUND,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        "": setting.run(
            f"absolute:mu=1,dim={COPIES * setting.effort},noise={COPIES * setting.effort},radius=1",
            "gd:lr=1",
            steps=NOISY_STEPS,
            schedule=WEIGHTED,
            seed=setting.seeds(1)[0],
            points=True,
            record="every",
        )
    },
    sampled=True,
    retries=2,
)
def sg_21a(evidence: Evidence) -> Finding:
    """4000 chains of |x| + x^2/2 with noise, their points averaged.

    The bound is loose by a factor of 60 here: SG-21b is the exact value on the parabola alone.
    """
    x = evidence.runs[""].points
    assert x is not None
    t = np.arange(1.0, len(x))
    means = np.cumsum(t[:, None] * x[:-1], axis=0) / (t * (t + 1) / 2)[:, None]
    values = np.abs(means) + means**2 / 2
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(x.shape[1])
    bound = 2 * (2.0**2 + 1.0) / (t + 1)
    plot = Plot(
        x_label="steps T",
        y_label="E f(xbar_T) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("weighted average", t[::3], mean[::3]),
            theory("2 G^2/(mu (T + 1))", t[::3], bound[::3]),
        ),
        caption="Strong convexity gives 1/T without smoothness; the weights spare the logarithm.",
    )
    # At T = 1 the average is the start, which no chance moves.
    return verdicts.sampled_below(mean[1:], error[1:], bound[1:]).drawn(plot)


def _exact(t: Array) -> Array:
    """Return E x^2 before step t, for mu = s^2 = 1 and t > 1: 2 (2 t - 1)/(3 t (t - 1))."""
    moments: Array = 2 * (2 * t - 1) / (3 * t * (t - 1))
    return moments


@claim(
    "SG-21b",
    "Steps 2/(mu (t + 1)) on a parabola: E x_(t+1)^2 = 2 (2 t + 1) s^2/(3 mu^2 t (t + 1)).",
    formula=r"\eta_t = \frac{2}{\mu(t+1)}: \quad E x_{t+1}^2 = "
    r"\frac{2 (2t + 1)\, \sigma^2}{3 \mu^2\, t (t + 1)}",
    assumptions="mu x^2/2, additive noise of variance s^2; x_1 is forgotten at once",
    source="x_(t+1) is the mean of the noise with weights t; by induction",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        "": setting.run(
            chains(setting),
            "gd:lr=1",
            steps=64,
            schedule=WEIGHTED,
            seed=setting.seeds(1)[0],
        )
    },
    sampled=True,
    retries=2,
)
def sg_21b(evidence: Evidence) -> Finding:
    """Exact moments of probed steps, for 2000; 40000 chains for 64."""
    T = 2000
    optimizer = evidence.optimizer("gd:lr=1")
    rates = learning_rates(WEIGHTED, 1.0, T)
    steps = (
        coefficients(optimizer, 1.0, rates)
        if shows_its_step(optimizer)
        else Coefficients(1 - rates, -rates)
    )
    moments = steps.moments(1.0, 1.0)
    t = np.arange(2.0, T + 2)
    findings = [
        verdicts.equals(moments[1:], _exact(t), evidence.tolerance),
        samples_agree(evidence.runs[""], moments, (2, 64)),
    ]
    plot = Plot(
        x_label="steps t",
        y_label="E x_t^2",
        x_scale="log",
        y_scale="log",
        series=(
            series("exact moments", t[::10] - 1, moments[1::10]),
            theory("2 (2 t + 1)/(3 t (t + 1))", t[::10] - 1, _exact(t[::10])),
        ),
        caption="A third more than the running mean's 1/t: the price of steps twice as long.",
    )
    return all_of(findings, plot=plot)


@claim(
    "SG-23",
    "With steps that fall linearly to 0 even the last subgradient point reaches R G/sqrt(N + 1).",
    formula=r"h_k = \frac{R (N + 1 - k)}{G (N + 1)^{3/2}}: \quad f(x_N) - f^* \leq "
    r"\frac{R G}{\sqrt{N + 1}}",
    assumptions="convex with subgradients of norm at most G, N known beforehand",
    source="Zamani and Glineur 2023, arXiv 2307.11134; Defazio et al. 2023",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: _worst(setting, "last_iterate"),
)
def sg_23(evidence: Evidence) -> Finding:
    """The steps are the theorem's, and the function that no method beats attains the bound.

    That no function is worse is for a semidefinite program to say; |x| is not.
    """
    n = np.array(HORIZONS, dtype=np.float64)
    ends, other = (
        np.array([evidence.runs[name, N].last("suboptimality") for N in HORIZONS])
        for name in ("worst", "|x|")
    )
    findings = [
        verdicts.equals(ends, 1 / np.sqrt(n + 1), evidence.tolerance),
        verdicts.below([*ends, *other], np.tile(1 / np.sqrt(n + 1), 2), evidence.tolerance),
    ]
    for N in HORIZONS:
        k = np.arange(1, N + 1)
        lrs = evidence.runs["worst", N].curve["lr"][:-1]
        findings.append(verdicts.equals(lrs, (N + 1 - k) / (N + 1) ** 1.5, E1))
    plot = Plot(
        x_label="steps N",
        y_label="f(x_N) - f*",
        x_scale="log",
        y_scale="log",
        series=(
            series("last point, worst function of each N", n, ends, points=True),
            theory("R G/sqrt(N + 1)", n, 1 / np.sqrt(n + 1)),
        ),
        caption="Linear decay gives the last point the guarantee that constant steps give only "
        "the best one.",
    )
    return all_of(findings, plot=plot)
