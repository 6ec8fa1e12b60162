"""What the noise of minibatches does: it moves thresholds, and selects minima."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

Array = NDArray[np.float64]

FEATURES, BATCH = 6, 4
REGRESSIONS = 20_000
THRESHOLD = 2 * BATCH / (BATCH + FEATURES + 1)
LMS_RATES = (0.2, 0.5, THRESHOLD, 1.0)
MANY = Tolerance(relative=0.06, reason="4.5 standard errors of 20000 chains are up to 5 %")


def _regressions(setting: Setting) -> Mapping[Key, RunSpec]:
    n, (seed,) = REGRESSIONS * setting.effort, setting.seeds(1)
    problem = f"least_mean_squares:dim={FEATURES},batch={BATCH},chains={n},seed={seed}"
    return {
        lr: setting.run(problem, f"gd:lr={lr!r}", steps=1, seed=seed, points=True)
        for lr in LMS_RATES
    }


def _growth(lr: Array) -> Array:
    """Return E |x+|^2/|x|^2."""
    growth: Array = 1 - 2 * lr + lr**2 * (FEATURES + 1 + BATCH) / BATCH
    return growth


def _squares(run: Run) -> Array:
    """Return |x_1|^2 of every chain."""
    assert run.points is not None
    squares: Array = np.square(run.points[-1].reshape(-1, FEATURES)).sum(axis=1)
    return squares


def _mean(samples: Array) -> tuple[float, float]:
    return float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(len(samples)))


def _regression_plot(evidence: Evidence) -> Plot:
    found = [_mean(_squares(evidence.runs[lr])) for lr in LMS_RATES]
    mean, error = np.array(found).T
    eta = np.linspace(0, 1.2, 80)
    low, high = mean - verdicts.Z * error, mean + verdicts.Z * error
    return Plot(
        x_label="step size eta (L = 1)",
        y_label="E |x+|^2 / |x|^2",
        series=(
            series("20000 regressions", LMS_RATES, mean, low=low, high=high, points=True),
            theory("1 - 2 eta + eta^2 (d + 1 + B)/B", eta, _growth(eta)),
            theory("full gradient: (1 - eta)^2", eta, (1 - eta) ** 2),
        ),
        verticals=((THRESHOLD, "2B/(B + d + 1)"),),
        caption="With four examples a step the mean square grows from eta = .73 on; with all of "
        "them it would from 2 on.",
    )


@claim(
    "SG-08a",
    "On B fresh Gaussian examples a least-squares step multiplies E |x|^2 by "
    "1 - 2 eta + eta^2 (d + 1 + B)/B.",
    formula=r"\frac{E |x_{t+1}|^2}{|x_t|^2} = 1 - 2\eta + \eta^2 \frac{d + 1 + B}{B}",
    assumptions="features N(0, I_d), no label noise (interpolation), L = 1",
    source="fourth moments by Isserlis 1918; Feuer and Weinstein 1985",
    kind=Kind.IDENTITY,
    tolerance=MANY,
    rule="gd",
    runs=_regressions,
    sampled=True,
    retries=2,
)
def sg_08a(evidence: Evidence) -> Finding:
    """20000 regressions at four step sizes."""
    findings = [
        verdicts.sampled_equals(
            *_mean(_squares(evidence.runs[lr])), float(_growth(np.array(lr))), evidence.tolerance
        )
        for lr in LMS_RATES
    ]
    return all_of(findings, plot=_regression_plot(evidence))


@claim(
    "SG-08b",
    "Minibatches lower the largest stable step: 2 B/(B + d + 1) in mean square, not 2/L.",
    formula=r"\eta < \frac{2 B}{B + d + 1}",
    assumptions="as SG-08a, d = 6, B = 4: .727; in mean square, single paths may still converge",
    source="fourth moments by Isserlis 1918; Feuer and Weinstein 1985",
    kind=Kind.THRESHOLD,
    tolerance=MANY,
    rule="gd",
    runs=_regressions,
    sampled=True,
    retries=2,
)
def sg_08b(evidence: Evidence) -> Finding:
    """|x+|^2 is a parabola in eta for each draw: two step sizes give it, and where it crosses 1."""
    small, large = LMS_RATES[0], LMS_RATES[-1]
    rise = (_squares(evidence.runs[large]) - 1) / large
    fall = (_squares(evidence.runs[small]) - 1) / small
    square = (rise - fall) / (large - small)
    linear = fall - square * small
    threshold = -float(linear.mean() / square.mean())
    spread = (linear + threshold * square) / square.mean()
    (mean, error) = _mean(_squares(evidence.runs[large]))
    findings = [
        verdicts.sampled_equals(threshold, _mean(spread)[1], THRESHOLD, evidence.tolerance),
        verdicts.holds(mean - verdicts.Z * error > 1, theory="grows at eta = 1/L", measured=mean),
    ]
    error = _mean(spread)[1] * verdicts.Z
    sizes = np.geomspace(1, 256, 80)
    plot = Plot(
        x_label="batch size B",
        y_label="largest stable step size (L = 1)",
        x_scale="log",
        series=(
            series(
                "where 20000 regressions stop shrinking",
                [BATCH],
                [threshold],
                low=[threshold - error],
                high=[threshold + error],
                points=True,
            ),
            theory("2B/(B + d + 1), d = 6", sizes, 2 * sizes / (sizes + FEATURES + 1)),
            theory("2/L, full gradient", [1, 256], [2, 2]),
        ),
        caption="The fewer examples a step sees, the shorter it must be; with many 2/L returns.",
    )
    return all_of(findings, plot=plot)


LR = 0.7
SEEDS = 100
STEPS = 300
FACTORS = (1 - 0.2 * LR, 1 - 3.8 * LR)
MEAN_SQUARE = (FACTORS[0] ** 2 + FACTORS[1] ** 2) / 2


def _two_minima(setting: Setting) -> Mapping[Key, RunSpec]:
    sgd = f"sgd:lr={LR},batch_size=1,sampling=replacement"
    runs: dict[Key, RunSpec] = {
        ("near 1", seed): setting.run(
            "wu_ma_e:start=1.0001", sgd, steps=STEPS, seed=seed, points=True
        )
        for seed in setting.seeds(SEEDS)
    }
    seed = setting.seeds(1)[0]
    return runs | {
        "near 0": setting.run("wu_ma_e:start=0.01", sgd, steps=STEPS, seed=seed, points=True),
        "gd": setting.run("wu_ma_e:start=1.0001", f"gd:lr={LR}", steps=STEPS, points=True),
    }


def _paths(evidence: Evidence) -> Array:
    """Return x_t of the chains that started near 1, shape (seeds, T + 1)."""
    points = [r.points for key, r in evidence.runs.items() if isinstance(key, tuple)]
    return np.stack([p[:, 0] for p in points if p is not None])


def _path(evidence: Evidence, key: str) -> Array:
    points = evidence.runs[key].points
    assert points is not None
    path: Array = points[:, 0]
    return path


@claim(
    "SG-17a",
    "Of two equally sharp minima SGD leaves the one whose terms disagree; gradient descent stays.",
    formula=r"E (x_{t+1} - 1)^2 = 1.7476\, E (x_t - 1)^2, \quad E x_{t+1}^2 = 0.16\, E x_t^2",
    assumptions="f_1 = min(x^2, .1 (x - 1)^2), f_2 = min(x^2, 1.9 (x - 1)^2), eta = .7",
    source="after Wu, Ma and E 2018, section 3",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(absolute=1e-6, reason="300 steps at a factor of .4 and less reach 1e-100"),
    rule="sgd",
    runs=_two_minima,
    sampled=True,
)
def sg_17a(evidence: Evidence) -> Finding:
    """All of 100 chains leave 1 for 0; from near 0 none does; gradient descent stays at 1."""
    ends = _paths(evidence)[:, -1]
    gone = int(np.sum(np.abs(ends) < 0.1))
    findings = [
        verdicts.holds(gone == SEEDS, theory=float(SEEDS), measured=float(gone)),
        verdicts.equals(_path(evidence, "gd")[-1], 1.0, evidence.tolerance),
        verdicts.equals(_path(evidence, "near 0")[-1], 0.0, evidence.tolerance),
    ]
    t = np.arange(STEPS + 1)
    half = np.median(np.abs(_paths(evidence) - 1), axis=0)
    shown = slice(0, STEPS + 1, 3)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - 1|",
        y_scale="log",
        series=(
            series("SGD, median of 100", t[shown], half[shown]),
            series("gradient descent", t[:20], np.abs(_path(evidence, "gd")[:20] - 1)),
            theory(
                "root of the mean square, 1.7476^(t/2)", t[:18], 1e-4 * MEAN_SQUARE ** (t[:18] / 2)
            ),
        ),
        caption="Both minima are equally sharp. SGD leaves the one about whose curvature the "
        "examples disagree.",
    )
    return all_of(findings, plot=plot)


@claim(
    "SG-17b",
    "Near a minimum SGD's mean square is multiplied by the mean of (1 - eta h_i)^2 over the terms.",
    formula=r"\frac{E (x_{t+1} - x^*)^2}{E (x_t - x^*)^2} = \frac{1}{n}\sum_i (1 - \eta h_i)^2",
    assumptions="one variable, interpolation; here h = .2 and 3.8, eta = .7: 1.7476",
    source="Wu, Ma and E 2018, section 3",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-9, reason="x - 1 = 1e-4 has lost four digits, then thirteen"),
    rule="sgd",
    runs=_two_minima,
    sampled=True,
)
def sg_17b(evidence: Evidence) -> Finding:
    """The factors of the first steps of 100 chains: two of them, each half of the time."""
    first = _paths(evidence)[:, :6] - 1
    factors = first[:, 1:] / first[:, :-1]
    kinds = np.unique(np.round(factors, 7))
    squares = factors.ravel() ** 2
    both = Tolerance(relative=0.3, reason="4.5 standard errors of 500 draws are 12 %")
    findings = [verdicts.holds(len(kinds) == 2, theory="two factors", measured=float(len(kinds)))]
    if len(kinds) == 2:
        exact = np.mean([factors[np.round(factors, 7) == kind][0] ** 2 for kind in kinds])
        findings.insert(0, verdicts.equals(exact, MEAN_SQUARE, evidence.tolerance))
    findings.append(verdicts.sampled_equals(*_mean(squares), MEAN_SQUARE, both))
    zero = _path(evidence, "near 0")[:6]
    findings.append(verdicts.equals((zero[1:] / zero[:-1]) ** 2, 0.16, evidence.tolerance))
    eta = np.linspace(0, 1, 60)
    plot = Plot(
        x_label="step size eta",
        y_label="factor of the mean square a step",
        series=(
            series("chains at 1", [LR], [squares.mean()], points=True),
            theory("at 1: h = .2, 3.8", eta, ((1 - 0.2 * eta) ** 2 + (1 - 3.8 * eta) ** 2) / 2),
            series("chains at 0", [LR], [np.mean((zero[1:] / zero[:-1]) ** 2)], points=True),
            theory("at 0: h = 2, 2", eta, (1 - 2 * eta) ** 2),
        ),
        verticals=((LR, "eta = .7"),),
        caption="Above one the minimum repels: at 1 from eta = .553 on, at 0 not before eta = 1.",
    )
    return all_of(findings, plot=plot)
