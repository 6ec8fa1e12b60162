"""Minibatches of a finite sum: what is drawn, how it varies, what shuffling changes.

On a mean of parabolas (x - a_i)^2/2 a step shows its minibatch: x_t - g_t is the mean of the a_i
that were drawn. So everything here is read off runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import SAMPLED, drawn_as_often
from optbench.theory.claims._sums import batch_means, problem_of, sum_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, Tolerance

Array = NDArray[np.float64]

NUMBERS = (0.31, 1.07, 2.22, 3.9, 4.63, 5.51, 7.77)
"""Their means over different minibatches of up to three differ by 1e-3 and more."""

N = len(NUMBERS)
SIZES = (1, 2, 3, 5, 7)
SPREAD = float(np.var(NUMBERS))
MEAN = float(np.mean(NUMBERS))
EXACT = Tolerance(absolute=1e-13, relative=1e-13, reason="roundings of sums of seven numbers")
RUN_SIZE = 3
DRAWS = 4096


def _draws(setting: Setting, *samplings: str) -> Mapping[Key, RunSpec]:
    seeds = setting.seeds(len(samplings))
    return {
        sampling: setting.run(
            sum_of(NUMBERS),
            f"sgd:lr=0.5,batch_size={RUN_SIZE},sampling={sampling}",
            steps=DRAWS * setting.effort,
            seed=seed,
            points=True,
        )
        for sampling, seed in zip(samplings, seeds, strict=True)
    }


def _enumerated(size: int, sampling: str) -> Array:
    """Return the gradients at 0 of all equally likely minibatches, by the problem's own oracle."""
    problem = problem_of(NUMBERS)
    assert problem.minibatch is not None
    choices = (
        itertools.product(range(N), repeat=size)
        if sampling == "replacement"
        else itertools.combinations(range(N), size)
    )
    indices = torch.tensor(list(choices))
    x = torch.zeros(len(indices), 1, dtype=torch.float64)
    gradients: Array = problem.minibatch(x, indices)[:, 0].numpy()
    return gradients


def _draws_are(evidence: Evidence, sampling: str) -> Finding:
    """Judge that a run drew minibatches of the enumerated kinds, each as often as it should."""
    drawn = np.round(batch_means(evidence.runs[sampling]), 9)
    known, ways = np.unique(np.round(-_enumerated(RUN_SIZE, sampling), 9), return_counts=True)
    if not np.isin(drawn, known).all():
        return verdicts.holds(
            False,
            theory=f"{len(known)} minibatches",
            measured=f"{len(np.setdiff1d(drawn, known))} others",
            reason=f"{sampling} draws minibatches that it should not",
        )
    seen = np.bincount(np.searchsorted(known, drawn), minlength=len(known))
    return drawn_as_often(seen, ways, "minibatches")


@claim(
    "SG-04a",
    "A minibatch's gradient is unbiased, with replacement and without.",
    formula=r"E\, g_B(x) = \nabla f(x)",
    assumptions="finite sum of N terms, B of them drawn uniformly",
    source="Cochran 1977, theorem 2.1",
    kind=Kind.IDENTITY,
    tolerance=EXACT,
    rule="sgd",
    runs=lambda setting: _draws(setting, "replacement", "without_replacement"),
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="A minibatch gradient is unbiased.",
            ruling=Ruling.OK,
            truth="So it is for uniform draws. A short last batch with the weight of a full one "
            "makes the mean over an epoch differ from the gradient.",
        ),
    ),
)
def sg_04a(evidence: Evidence) -> Finding:
    """The mean over all minibatches, size by size; the mean over those that a run drew."""
    findings, means = [], []
    for size in SIZES:
        for sampling in ("replacement", "without_replacement"):
            if sampling == "replacement" and size > 5:
                continue  # 7^7 of them
            means.append(-_enumerated(size, sampling).mean())
            findings.append(verdicts.equals(means[-1], MEAN, evidence.tolerance))
    lines = []
    for sampling in ("replacement", "without_replacement"):
        drawn = batch_means(evidence.runs[sampling])
        error = float(drawn.std(ddof=1) / np.sqrt(len(drawn)))
        findings += [
            verdicts.sampled_equals(float(drawn.mean()), error, MEAN, SAMPLED),
            _draws_are(evidence, sampling),
        ]
        t = np.arange(1, len(drawn) + 1)
        shown = np.unique(np.geomspace(1, len(drawn), 120).astype(int)) - 1
        label = "without replacement" if sampling == "without_replacement" else "replacement"
        lines.append(series(label, t[shown], np.cumsum(drawn)[shown] / t[shown]))
    plot = Plot(
        x_label="minibatches",
        y_label="their mean so far",
        x_scale="log",
        series=(*lines, theory("mean of all examples", [1, DRAWS], [MEAN, MEAN])),
        caption="Both ways of drawing tend to the full gradient.",
    )
    return all_of(findings, plot=plot)


def _variances(
    evidence: Evidence, sampling: str, expected: Array, sizes: tuple[int, ...]
) -> list[Finding]:
    """Judge exact variances by size, the kinds of minibatch drawn, and their sampled variance."""
    exact = [_enumerated(size, sampling).var() for size in sizes]
    drawn = batch_means(evidence.runs[sampling])
    squares = (drawn - MEAN) ** 2
    error = float(squares.std(ddof=1) / np.sqrt(len(squares)))
    wanted = float(expected[sizes.index(RUN_SIZE)])
    wide = Tolerance(relative=0.15, reason="4.5 standard errors of 4096 squares are 8 %")
    return [
        verdicts.equals(exact, expected, evidence.tolerance),
        verdicts.sampled_equals(float(squares.mean()), error, wanted, wide),
        _draws_are(evidence, sampling),
    ]


def _variance_plot(sampling: str, sizes: tuple[int, ...], finite: bool) -> Plot:
    size = np.linspace(1, N, 50)
    exact = [_enumerated(B, sampling).var() for B in sizes]
    law = SPREAD / size * ((N - size) / (N - 1) if finite else 1.0)
    textbook = (quoted("Sigma/B", size, SPREAD / size),) if finite else ()
    return Plot(
        x_label="batch size B",
        y_label="variance of the minibatch gradient",
        series=(
            series("all minibatches", sizes, exact, points=True),
            theory("(Sigma/B)(N - B)/(N - 1)" if finite else "Sigma/B", size, law),
            *textbook,
        ),
        caption="Without replacement the variance ends at 0 for B = N; Sigma/B does not."
        if finite
        else "With replacement examples repeat, and not even B = N is exact.",
    )


WITH = (1, 2, 3, 5)


@claim(
    "SG-04b",
    "Drawn with replacement a minibatch of B has the covariance Sigma/B, exactly.",
    formula=r"\mathrm{Cov}\, g_B = \frac{\Sigma}{B}, \quad \Sigma = \frac{1}{N}\sum_i "
    r"(g_i - \bar{g})(g_i - \bar{g})^T",
    assumptions="finite sum of N terms, B drawn with replacement; Sigma with the divisor N",
    source="Cochran 1977, section 2.8",
    kind=Kind.IDENTITY,
    tolerance=EXACT,
    rule="sgd",
    runs=lambda setting: _draws(setting, "replacement"),
    sampled=True,
    retries=2,
)
def sg_04b(evidence: Evidence) -> Finding:
    """The variance over all tuples, size by size; a run draws each equally often."""
    findings = _variances(evidence, "replacement", SPREAD / np.array(WITH), WITH)
    return all_of(findings, plot=_variance_plot("replacement", WITH, finite=False))


@claim(
    "SG-04c",
    "Drawn without replacement it has (Sigma/B)(N - B)/(N - 1): less, and none at B = N.",
    formula=r"\mathrm{Cov}\, g_B = \frac{\Sigma}{B} \cdot \frac{N - B}{N - 1}",
    assumptions="finite sum of N terms, B drawn without replacement; Sigma with the divisor N",
    source="Cochran 1977, theorem 2.2",
    kind=Kind.IDENTITY,
    tolerance=EXACT,
    rule="sgd",
    runs=lambda setting: _draws(setting, "without_replacement"),
    sampled=True,
    retries=2,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="A minibatch of B examples has the variance Sigma/B.",
            ruling=Ruling.IMPRECISE,
            truth="That is exact with replacement. Without it, as when the data are shuffled once "
            "an epoch, it is (Sigma/B)(N - B)/(N - 1), which is zero at B = N.",
        ),
    ),
)
def sg_04c(evidence: Evidence) -> Finding:
    """The variance over all subsets, size by size; a run draws each equally often."""
    B = np.array(SIZES, dtype=np.float64)
    expected = SPREAD / B * (N - B) / (N - 1)
    findings = _variances(evidence, "without_replacement", expected, SIZES)
    exact = np.array([_enumerated(size, "without_replacement").var() for size in SIZES[:-1]])
    quoted_over_true = SPREAD / B[:-1] / exact
    excess = (N - 1) / (N - B[:-1])
    findings.append(verdicts.equals(quoted_over_true, excess, E1))
    return all_of(findings, plot=_variance_plot("without_replacement", SIZES, finite=True))


SIX = (0.3, 1.1, 2.7, 4.9, 6.2, 9.8)


@claim(
    "SG-16",
    "The minibatches of one epoch average to the full gradient, if B divides N.",
    formula=r"\frac{B}{N} \sum_{k=1}^{N/B} g_{B_k}(x) = \nabla f(x)",
    assumptions="one shuffled epoch at a fixed x, B divides N",
    source="each example is drawn once",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="sgd",
    runs=lambda setting: {
        size: setting.run(
            sum_of(SIX),
            f"sgd:lr=0.25,batch_size={size}",
            steps=60,
            seed=setting.seeds(1)[0],
            points=True,
        )
        for size in (1, 2, 3, 4)
    },
)
def sg_16(evidence: Evidence) -> Finding:
    """Epoch by epoch of runs with B = 1, 2, 3; with B = 4 three minibatches are two epochs.

    Cut into batches of 4 and 2 with equal weights instead, an epoch's mean is off.
    """
    mean, n = float(np.mean(SIX)), len(SIX)
    findings = []
    for size in (1, 2, 3, 4):
        steps = math.lcm(size, n) // size
        means = batch_means(evidence.runs[size]).reshape(-1, steps).mean(axis=1)
        findings.append(verdicts.equals(means, mean, evidence.tolerance))
    order = batch_means(evidence.runs[1])[:n]
    short = (order[:4].mean() + order[4:].mean()) / 2
    findings.append(
        verdicts.holds(
            bool(abs(short - mean) > 1e-3 * mean), theory="biased", measured=float(short)
        )
    )
    two = batch_means(evidence.runs[2])
    step = np.arange(1, len(two) + 1)
    plot = Plot(
        x_label="steps t",
        y_label="mean of the minibatches so far",
        series=(
            series("B = 2, N = 6", step, np.cumsum(two) / step),
            series("at epoch ends", step[2::3], (np.cumsum(two) / step)[2::3], points=True),
            theory("all examples", [1, len(two)], [mean, mean]),
        ),
        caption="At the end of every epoch the mean is exact.",
    )
    return all_of(findings, plot=plot)
