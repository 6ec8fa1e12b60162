"""The step that gains most under noise, and the batch size beyond which noise does not matter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from optbench.core.problem import Problem
from optbench.core.spec import RunSpec, parse_one
from optbench.families.find import build_problem, complete_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._chains import keyed, shows_its_step
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.probes.steps import take_step
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, Tolerance

Array = NDArray[np.float64]


def _mean(samples: Array) -> tuple[float, float]:
    return float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(len(samples)))


MODEL_SIZES = (1, 2, 3)
MODEL_RATES = (0.2, 0.6, 1.0)
MODEL_DIM, MODEL_KAPPA, MODEL_SEEDS, MODEL_BATCH = 4000, 10.0, 24, 2
DECREASES = Tolerance(relative=0.05, reason="4.5 standard errors of 24 runs are up to 3 %")


def _one_step(setting: Setting) -> Mapping[Key, RunSpec]:
    n = MODEL_DIM
    problem = (
        f"quadratic:dim={n},kappa={MODEL_KAPPA},spectrum=two_mode,rotated=false,start=equal,"
        f"radius={n**0.5!r},noise={n}"
    )
    return {
        (lr, seed): setting.run(
            problem, f"sgd:lr={lr},batch_size={MODEL_BATCH}", steps=1, seed=seed
        )
        for lr in MODEL_RATES
        for seed in setting.seeds(MODEL_SEEDS * setting.effort)
    }


def _vertex(lr: tuple[float, ...], decrease: Array) -> tuple[Array, Array]:
    """Return where parabolas through 0, shape (..., 3) at three eta, are largest, and how large."""
    matrix = np.stack([np.array(lr), np.array(lr) ** 2], axis=1)
    coefficients = np.linalg.lstsq(matrix, decrease.T, rcond=None)[0]
    slope, bend = coefficients[0], -coefficients[1]
    return slope / (2 * bend), slope**2 / (4 * bend)


def _enumerated(evidence: Evidence, size: int) -> tuple[float, float, float, float]:
    """Return best step and decrease over all minibatches, measured and by the formula."""
    problem = build_problem(
        complete_problem(parse_one("least_squares:rows=6,columns=3,kappa=10,noise=0.3"))
    )
    assert problem.minibatch is not None
    assert problem.hessian_vector is not None
    x_0 = problem.start(0)[None]
    optimizer = evidence.optimizer("sgd:lr=1")
    indices = torch.tensor(list(itertools.product(range(6), repeat=size)))
    shown = _fixed(problem, problem.minibatch(x_0.expand(len(indices), -1), indices))
    falls = []
    for lr in MODEL_RATES:
        x, _ = take_step(optimizer, shown, x_0.expand(len(indices), -1), lr=lr)
        falls.append(float(problem.oracle(x_0)[0] - problem.oracle(x)[0].mean()))
    step, decrease = _vertex(MODEL_RATES, np.array(falls)[None])
    each = problem.minibatch(x_0.expand(6, -1), torch.arange(6)[:, None])
    g = problem.oracle(x_0)[1]
    deviation = each - g
    curvature = float((g * problem.hessian_vector(x_0, g)).sum())
    spread = float((deviation * problem.hessian_vector(x_0.expand(6, -1), deviation)).sum() / 6)
    best = float((g * g).sum()) / (curvature + spread / size)
    most = float((g * g).sum()) ** 2 / (2 * curvature) / (1 + spread / curvature / size)
    return float(step[0]), float(decrease[0]), best, most


def _enumerated_agree(evidence: Evidence, which: int) -> list[Finding]:
    """Judge best steps (0) or decreases (1) over all minibatches, where steps can be probed."""
    if not shows_its_step(evidence.optimizer("sgd:lr=1")):
        return []
    found = np.array([_enumerated(evidence, size) for size in MODEL_SIZES])
    return [verdicts.equals(found[:, which], found[:, which + 2], evidence.tolerance)]


def _fixed(problem: Problem, gradients: torch.Tensor) -> Problem:
    """Return a deterministic problem that shows these gradients."""
    return replace(
        problem,
        examples=0,
        minibatch=None,
        oracle=lambda x: (problem.oracle(x)[0], gradients),
    )


def _sampled_vertices(evidence: Evidence) -> tuple[Array, Array]:
    """Return best step and decrease per two variables, seed by seed."""
    falls: dict[int, list[float]] = {}
    for (_, seed), run in keyed(evidence):
        f = run.curve["suboptimality"]
        falls.setdefault(seed, []).append(2 * (f[0] - f[1]) / MODEL_DIM)
    return _vertex(MODEL_RATES, np.array(list(falls.values())))


def _pair() -> tuple[float, float, float]:
    """Return |g|^2, g'Hg and tr(H Sigma) of two modes, 1/kappa and 1, at (1, 1)."""
    low = 1 / MODEL_KAPPA
    return low**2 + 1, low**3 + 1, low + 1


def _model_plot(evidence: Evidence) -> Plot:
    g2, bend, spread = _pair()
    eta = np.linspace(0, 1.2, 60)
    falls = [
        np.array(
            [
                2 * (r.curve["suboptimality"][0] - r.curve["suboptimality"][1]) / MODEL_DIM
                for (rate, _), r in keyed(evidence)
                if rate == lr
            ]
        )
        for lr in MODEL_RATES
    ]
    mean, error = np.array([_mean(fall) for fall in falls]).T
    low, high = mean - verdicts.Z * error, mean + verdicts.Z * error
    best = g2 / (bend + spread / MODEL_BATCH)
    return Plot(
        x_label="step size eta",
        y_label="decrease of f in one step",
        series=(
            series("runs, B = 2", MODEL_RATES, mean, low=low, high=high, points=True),
            theory("expected, B = 2", eta, eta * g2 - eta**2 / 2 * (bend + spread / MODEL_BATCH)),
            theory("without noise", eta, eta * g2 - eta**2 / 2 * bend),
        ),
        verticals=((best, "best step"),),
        caption="Noise costs a term in eta^2: the best step is shorter and gains less.",
    )


@claim(
    "SG-18a",
    "On a quadratic the step that lowers f most in expectation is |g|^2/(g'Hg + tr(H Sigma)/B).",
    formula=r"\eta_{\mathrm{best}} = \frac{|g|^2}{g^T H g + \mathrm{tr}(H \Sigma)/B}",
    assumptions="quadratic, independent draws, at a fixed x",
    source="McCandlish et al. 2018, equation 2.7",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="sgd",
    runs=_one_step,
    sampled=True,
    retries=2,
)
def sg_18a(evidence: Evidence) -> Finding:
    """Probed steps on all minibatches of a least-squares problem; sampled steps besides."""
    findings = _enumerated_agree(evidence, 0)
    g2, bend, spread = _pair()
    step, _ = _sampled_vertices(evidence)
    best = g2 / (bend + spread / MODEL_BATCH)
    findings.append(verdicts.sampled_equals(*_mean(step), best, DECREASES))
    return all_of(findings, plot=_model_plot(evidence))


@claim(
    "SG-18b",
    "It gains 1/(1 + B_noise/B) of what it would without noise, B_noise = tr(H Sigma)/g'Hg.",
    formula=r"\Delta f_{\mathrm{best}} = \frac{\Delta f_{\max}}{1 + B_{\mathrm{noise}}/B}, \quad "
    r"B_{\mathrm{noise}} = \frac{\mathrm{tr}(H \Sigma)}{g^T H g}",
    assumptions="quadratic, independent draws, at a fixed x",
    source="McCandlish et al. 2018, equations 2.7 and 2.8",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="sgd",
    runs=_one_step,
    sampled=True,
    retries=2,
)
def sg_18b(evidence: Evidence) -> Finding:
    """Probed steps on all minibatches of a least-squares problem; sampled steps besides."""
    findings = _enumerated_agree(evidence, 1)
    g2, bend, spread = _pair()
    _, decrease = _sampled_vertices(evidence)
    most = g2**2 / (2 * bend) / (1 + spread / bend / MODEL_BATCH)
    findings.append(verdicts.sampled_equals(*_mean(decrease), most, DECREASES))
    noiseless, (mean, error) = g2**2 / (2 * bend), _mean(decrease)
    low, high = mean - verdicts.Z * error, mean + verdicts.Z * error
    sizes = np.geomspace(0.1, 100, 80)
    plot = Plot(
        x_label="batch size B",
        y_label="best decrease over that without noise",
        x_scale="log",
        y_scale="log",
        series=(
            series(
                "runs, B = 2",
                [MODEL_BATCH],
                [mean / noiseless],
                low=[low / noiseless],
                high=[high / noiseless],
                points=True,
            ),
            theory("1/(1 + B_noise/B)", sizes, 1 / (1 + spread / bend / sizes)),
        ),
        verticals=((spread / bend, "B_noise"),),
        caption="Far below B_noise a step gains in proportion to B; far above it more examples "
        "are wasted.",
    )
    return all_of(findings, plot=plot)
