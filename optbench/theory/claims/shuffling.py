"""Shuffled epochs: each example once, steps that depend on each other, a far lower floor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from optbench.core.problem import Problem
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import drawn_as_often, keyed, shows_its_step
from optbench.theory.claims._sums import batch_means, problem_of, sum_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.moments import linear_step
from optbench.theory.probes.steps import take_step
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, Tolerance, asymptotic

Array = NDArray[np.float64]

FIVE = (0.0, 0.5, 1.5, 4.0, 9.0)
SHUFFLED_RATES = (0.1, 0.3)
EPOCHS = 128
CHAINS = 64
SHUFFLED = Tolerance(relative=0.12, reason="4.5 standard errors of 8192 epochs are up to 9 %")


def _shuffled_runs(setting: Setting, *samplings: str) -> Mapping[Key, RunSpec]:
    """Chains from the minimiser, which SGD leaves and comes back to."""
    return {
        (sampling, lr, seed): setting.run(
            f"{sum_of(FIVE)},start={float(np.mean(FIVE))!r}",
            f"sgd:lr={lr},batch_size=1,sampling={sampling}",
            steps=len(FIVE) * EPOCHS * setting.effort,
            seed=seed,
            points=True,
        )
        for sampling in samplings
        for lr in SHUFFLED_RATES
        for seed in setting.seeds(CHAINS)
    }


def _epoch_ends(evidence: Evidence, sampling: str, lr: float) -> Finding:
    """Judge the mean square at epoch ends, of all chains and epochs, by the stationary one."""
    errors = np.stack(
        [
            run.points[len(FIVE) :: len(FIVE), 0] - np.mean(FIVE)
            for (kind, rate, _), run in keyed(evidence)
            if (kind, rate) == (sampling, lr) and run.points is not None
        ]
    )
    left = (1 - lr) ** (2 * len(FIVE) * np.arange(1, errors.shape[1] + 1))
    law = _shuffled(lr) if sampling == "epochs" else float(np.var(FIVE)) * lr / (2 - lr)
    by_chain = (errors**2).mean(axis=1)
    error = float(by_chain.std(ddof=1) / np.sqrt(len(by_chain)))
    return verdicts.sampled_equals(
        float(by_chain.mean()), error, law * float(1 - left.mean()), SHUFFLED
    )


def _shuffled(lr: float) -> float:
    """Return the stationary mean square at epoch ends, by the closed form."""
    n = len(FIVE)
    w = lr * (1 - lr) ** np.arange(n)
    spread = float(np.var(FIVE, ddof=1))
    forgotten = -math.expm1(2 * n * math.log1p(-lr))
    return spread * float(np.var(w)) * n / forgotten


def _over_permutations(evidence: Evidence, lr: float) -> float:
    """Return the same from the optimizer's own steps through each of the 120 orders.

    An epoch is x -> A x + c, with another c for each order: the mean square is Var c/(1 - A^2).
    """
    orders = torch.tensor(list(itertools.permutations(range(len(FIVE)))))
    problem = problem_of(FIVE)
    optimizer = evidence.optimizer(f"sgd:lr={lr!r}")
    center = float(np.mean(FIVE))
    x = torch.full((len(orders), 1), center, dtype=torch.float64)
    for step in range(len(FIVE)):
        x, _ = take_step(optimizer, _showing(problem, orders[:, step : step + 1]), x, t=step)
    moved = float(torch.var(x - center, correction=0))
    return moved / -math.expm1(2 * len(FIVE) * math.log1p(-lr))


def _showing(problem: Problem, indices: torch.Tensor) -> Problem:
    """Return a deterministic problem whose gradient is that of these terms, one a row."""
    minibatch = problem.minibatch
    assert minibatch is not None
    return replace(
        problem,
        examples=0,
        minibatch=None,
        oracle=lambda x: (problem.oracle(x)[0], minibatch(x, indices)),
    )


@claim(
    "SG-15a",
    "Shuffled epochs have a noise floor of their own, far below that of independent draws.",
    formula=r"E (x - x^*)^2 = \frac{S^2 \sum_i (w_i - \bar{w})^2}{1 - (1-\eta)^{2N}}, \quad "
    r"w_i = \eta (1-\eta)^{N-1-i}",
    assumptions="f_i = (x - a_i)^2/2 (equal Hessians), at epoch ends; S^2 with the divisor N - 1",
    source="Gurbuzbalaban, Ozdaglar and Parrilo 2021; the identity by sampling without replacement",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="sgd",
    runs=lambda setting: _shuffled_runs(setting, "epochs"),
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="After shuffling each example is visited exactly once an epoch.",
            ruling=Ruling.OK,
            truth="The steps are then dependent, and where the terms have equal Hessians the floor "
            "at an epoch's end is of order eta^3 N^2 instead of eta.",
        ),
    ),
)
def sg_15a(evidence: Evidence) -> Finding:
    """All 120 orders through probed steps; each epoch of a run is one; sampled mean squares."""
    findings, rates = [], (1e-3, 0.01, 0.1, 0.3, 1.0 - 1e-3)
    if shows_its_step(evidence.optimizer("sgd:lr=0.1")):
        measured = [_over_permutations(evidence, lr) for lr in rates]
        findings.append(
            verdicts.equals(measured, [_shuffled(lr) for lr in rates], evidence.tolerance)
        )
    drawn = np.stack([batch_means(run) for run in evidence.runs.values()])
    epochs = np.sort(drawn.reshape(-1, len(FIVE)), axis=1)
    once = Tolerance(absolute=1e-12, reason="roundings of a division by eta")
    findings.append(verdicts.equals(epochs, np.broadcast_to(FIVE, epochs.shape), once))
    findings.append(_orders(evidence))
    findings += [_epoch_ends(evidence, "epochs", lr) for lr in SHUFFLED_RATES]
    return all_of(findings, plot=_shuffling_plot(evidence, "epochs"))


def _orders(evidence: Evidence) -> Finding:
    """Judge that each of the 120 orders is as frequent as the others, by the runs of one step."""
    drawn = np.stack(
        [batch_means(run) for (_, lr, _), run in keyed(evidence) if lr == SHUFFLED_RATES[0]]
    )
    n = len(FIVE)
    digits = n ** np.arange(n)
    known = np.sort(np.array(list(itertools.permutations(range(n)))) @ digits)
    ranks = np.argsort(np.argsort(drawn.reshape(-1, n), axis=1), axis=1)
    seen = np.bincount(np.searchsorted(known, ranks @ digits), minlength=len(known))
    return drawn_as_often(seen, np.ones(len(known)), "orders")


def _shuffling_plot(evidence: Evidence, *samplings: str) -> Plot:
    eta = np.geomspace(1e-3, 0.5, 60)
    shuffled = np.array([_shuffled(lr) for lr in eta])
    points = []
    for sampling in samplings:
        found = [_epoch_ends(evidence, sampling, lr) for lr in SHUFFLED_RATES]
        ends = [(f.measured, *f.interval) for f in found if f.interval is not None]
        mean, low, high = np.array(ends, dtype=np.float64).T
        points.append(
            series(f"runs, {sampling}", SHUFFLED_RATES, mean, low=low, high=high, points=True)
        )
    return Plot(
        x_label="step size eta",
        y_label="E (x - x*)^2 at epoch ends",
        x_scale="log",
        y_scale="log",
        series=(
            *points,
            theory("shuffled epochs, slope 3", eta, shuffled),
            theory("independent draws, slope 1", eta, np.var(FIVE) * eta / (2 - eta)),
        ),
        caption="Within an epoch shuffled noise cancels: the floor falls like eta^3, not like eta.",
    )


@claim(
    "SG-15b",
    "The floor of shuffled epochs falls like eta^3, that of independent draws like eta.",
    formula=r"E (x - x^*)^2 \to \frac{\eta^3 (N^2 - 1) S^2}{24} \quad "
    r"\mathrm{against} \quad \frac{\eta\, \Sigma}{2 - \eta}",
    assumptions="f_i = (x - a_i)^2/2, eta N small; S^2 with divisor N - 1, Sigma with N",
    source="Gurbuzbalaban, Ozdaglar and Parrilo 2021",
    kind=Kind.SCALING,
    tolerance=asymptotic(2e-2, "omits eta N, 5e-4 at eta = 1e-4"),
    rule="sgd",
    runs=lambda setting: _shuffled_runs(setting, "epochs", "replacement"),
    sampled=True,
    retries=2,
)
def sg_15b(evidence: Evidence) -> Finding:
    """Slopes between eta = 1e-4 and 2e-4 of exact floors; sampled floors of both at large eta."""
    findings, eta, n = [], 1e-4, len(FIVE)
    if shows_its_step(evidence.optimizer("sgd:lr=0.1")):
        low, high = (_over_permutations(evidence, lr) for lr in (eta, 2 * eta))
        steps = [evidence.optimizer(f"sgd:lr={lr!r}") for lr in (eta, 2 * eta)]
        alone = [linear_step(step, 1.0).floor(1.0) for step in steps]
        limit = eta**3 * (n**2 - 1) * float(np.var(FIVE, ddof=1)) / 24
        findings += [
            verdicts.equals(math.log2(high / low), 3.0, evidence.tolerance),
            verdicts.equals(math.log2(alone[1] / alone[0]), 1.0, evidence.tolerance),
            verdicts.equals(low, limit, evidence.tolerance),
        ]
    findings += [
        _epoch_ends(evidence, sampling, lr)
        for sampling in ("epochs", "replacement")
        for lr in SHUFFLED_RATES
    ]
    return all_of(findings, plot=_shuffling_plot(evidence, "epochs", "replacement"))
