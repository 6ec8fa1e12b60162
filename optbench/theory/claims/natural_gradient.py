"""The natural gradient: x+ = x - eta F(x)^-1 grad f(x), F the Fisher matrix."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from optbench.core.optimizer import Gradients
from optbench.core.problem import Problem
from optbench.core.run import Run
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, claim
from optbench.theory.claims._coordinates import HERE, SKEW
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, Series, series, theory
from optbench.theory.tolerance import E1, E2, Tolerance, asymptotic

MEAN = 0.3
RATES = (0.1, 0.5, 1.5)


def points_of(run: Run) -> Array:
    """Return x_0 to x_T, shape (T + 1, d)."""
    assert run.points is not None
    return run.points


@claim(
    "NG-01",
    "For a coin's mean the natural gradient contracts the error by exactly 1 - eta a step.",
    formula=r"p_t - \bar{y} = (1 - \eta)^t (p_0 - \bar{y})",
    assumptions="Bernoulli likelihood by its mean p; eta = .1, .5 and 1.5",
    source="Amari 1998; Martens 2020, section 9 (exponential families)",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="natural_gradient",
    runs=lambda setting: {
        eta: setting.run(
            f"bernoulli:mean={MEAN},start=.5", f"natural_gradient:lr={eta}", steps=20, points=True
        )
        for eta in RATES
    },
)
def ng_01(evidence: Evidence) -> Finding:
    """Compare all p_t with theory's."""
    t = np.arange(21)
    found = [points_of(evidence.runs[eta])[:, 0] for eta in RATES]
    exact = [MEAN + (1 - eta) ** t * (0.5 - MEAN) for eta in RATES]
    lines: list[Series] = []
    for eta, p, line in zip(RATES, found, exact, strict=True):
        lines.append(series(f"eta = {eta}", t, np.abs(p - MEAN), points=True))
        lines.append(theory(f"|1 - eta|^t, eta = {eta}", t, np.abs(line - MEAN)))
    plot = Plot(
        x_label="steps t",
        y_label="|p_t - mean|",
        y_scale="log",
        series=tuple(lines),
        caption="The likelihood looks like a parabola to the natural gradient.",
    )
    return verdicts.equals(found, exact, evidence.tolerance).drawn(plot)


@claim(
    "NG-02",
    "A linear change of the parameters changes nothing for the natural gradient.",
    formula=r"w = M v: \quad w_t = M v_t",
    assumptions="M invertible; the normal likelihood by (mu, sigma), M of condition 273, eta = .3",
    source="Amari 1998; Martens 2020, section 12",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="natural_gradient",
    runs=lambda setting: {
        (name, basis): setting.run(problem, optimizer, steps=20, points=True)
        for name, optimizer in (("natural", "natural_gradient:lr=.3"), ("gd", "gd:lr=1e-3"))
        for basis, problem in (("w", "gaussian"), ("v", f"{HERE}:skewed_gaussian"))
    },
)
def ng_02(evidence: Evidence) -> Finding:
    """Compare all points in both bases; gradient descent's differ."""
    paths = {key: points_of(run) for key, run in evidence.runs.items()}
    mapped = {name: paths[name, "v"] @ SKEW.T for name in ("natural", "gd")}
    apart = float(np.abs(mapped["gd"] - paths["gd", "w"]).max())
    plot = Plot(
        x_label="mu",
        y_label="sigma",
        series=(
            series("natural gradient, run in v", *mapped["natural"].T, points=True),
            theory("natural gradient, run in (mu, sigma)", *paths["natural", "w"].T),
            series("gradient descent, run in v", *mapped["gd"].T),
            series("gradient descent, run in (mu, sigma)", *paths["gd", "w"].T),
        ),
        caption="Gradient descent depends on the units of the parameters, the natural gradient "
        "does not.",
    )
    return all_of(
        [
            verdicts.equals(mapped["natural"][1:], paths["natural", "w"][1:], evidence.tolerance),
            verdicts.at_least(apart, 1e-2),
        ],
        plot=plot,
    )


HALVED = tuple(2.0**-k for k in range(2, 13))
SPREAD = 1.5**2 + 1.0
"""s^2 + (mu_0 - m)^2 at the start of `gaussian`: sigma_0 = 1, mu_0 = 0."""


@claim(
    "NG-03",
    "The natural gradient depends on a non-linear change of parameters: steps differ by O(eta^2).",
    formula=r"|\sigma_1 - e^{u_1}| = \sigma_0 \left(e^{a} - 1 - a\right) = O(\eta^2), \quad"
    r" a = \frac{\eta}{2} \left(\frac{s^2 + (\mu_0 - m)^2}{\sigma_0^2} - 1\right)",
    assumptions="normal likelihood by sigma and by u = ln sigma; eta from 2^-2 to 2^-12",
    source="Martens 2020, section 12; the difference is algebra",
    kind=Kind.NEGATIVE,
    tolerance=asymptotic(1e-2, "the slope's next term is a/3, 4e-4 at the last pair"),
    rule="natural_gradient",
    runs=lambda setting: {
        (parameter, eta): setting.run(
            f"gaussian:parameter={parameter}", f"natural_gradient:lr={eta}", steps=1, points=True
        )
        for parameter in ("sigma", "log_sigma")
        for eta in HALVED
    },
)
def ng_03(evidence: Evidence) -> Finding:
    """Measure the slope over the last halving of eta, and compare every difference with theory."""
    eta = np.array(HALVED)
    plain = np.array([points_of(evidence.runs["sigma", e])[1, 1] for e in HALVED])
    logs = np.array([points_of(evidence.runs["log_sigma", e])[1, 1] for e in HALVED])
    gap = np.abs(plain - np.exp(logs))
    a = eta / 2 * (SPREAD - 1)
    exact = np.expm1(a) - a
    slope = float(np.log2(gap[-2] / gap[-1]))
    plot = Plot(
        x_label="eta",
        y_label="|sigma_1 - exp u_1|",
        x_scale="log",
        y_scale="log",
        series=(
            series("difference of one step", eta, gap, points=True),
            theory("exp(a) - 1 - a", eta, exact),
        ),
        caption="Slope 2: only the flow, eta to 0, does not know its parameters.",
    )
    return all_of(
        [
            verdicts.equals(slope, 2.0, evidence.tolerance),
            verdicts.equals(
                gap, exact, Tolerance(absolute=1e-14, reason="two numbers near 1 are subtracted")
            ),
            verdicts.at_least(gap[0], 1e-2),
        ],
        plot=plot,
    )


@claim(
    "NG-04",
    "In an exponential family the natural gradient is the plain gradient by the mean parameter.",
    formula=r"F(\theta)^{-1} \frac{\partial f}{\partial \theta} = \frac{\partial f}{\partial p}",
    assumptions="Bernoulli likelihood, theta the logit and p the mean",
    source="Amari 1998; Martens 2020, section 9; Raskutti and Mukherjee 2015 (mirror descent)",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-10, reason="p is a rounded function of theta, x+ - x cancels"),
    rule="natural_gradient",
    runs=lambda setting: {
        "logit": setting.run(
            f"bernoulli:mean={MEAN},parameter=logit,start=2",
            "natural_gradient:lr=.1",
            steps=30,
            points=True,
        )
    },
)
def ng_04(evidence: Evidence) -> Finding:
    """Compare each step by the logit with the gradient that the mean's likelihood shows there."""
    theta = points_of(evidence.runs["logit"])
    p = torch.from_numpy(theta[:-1]).sigmoid()
    setting = evidence.setting
    by_mean = build_problem(setting.run(f"bernoulli:mean={MEAN}", "gd:lr=1", steps=1).problem)
    gradient = by_mean.oracle(p)[1][:, 0].numpy()
    steps = -np.diff(theta[:, 0]) / 0.1
    plot = Plot(
        x_label="p",
        y_label="direction",
        series=(
            series("natural gradient by the logit", p[:, 0].numpy(), steps, points=True),
            theory("gradient by the mean", p[:, 0].numpy(), gradient),
        ),
        caption="Each step of the natural gradient in theta is a step against df/dp.",
    )
    large = np.abs(gradient) > 1e-3
    return verdicts.equals(steps[large], gradient[large], evidence.tolerance).drawn(plot)


@claim(
    "NG-05a",
    "On logistic regression the natural gradient is Newton's method.",
    formula=r"F(w) = \nabla^2 f(w) \quad \Rightarrow \; w_t^{\mathrm{NG}} = w_t^{\mathrm{N}}",
    assumptions="logistic regression with l2 = 1e-2, eta = .5, from 0",
    source="Martens 2020, section 9.2: canonical link functions",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-10, absolute=1e-12, reason="equal matrices, other roundings"),
    rule="natural_gradient",
    runs=lambda setting: {
        name: setting.run("logistic:l2=1e-2", f"{name}:lr=.5", steps=12, points=True)
        for name in ("natural_gradient", "newton")
    },
)
def ng_05a(evidence: Evidence) -> Finding:
    """Compare all points; that F is the Fisher matrix is what NG-05b checks."""
    natural, newton = (evidence.runs[name] for name in ("natural_gradient", "newton"))
    t = natural.curve["step"]
    plot = Plot(
        x_label="steps t",
        y_label="f(w_t) - f*",
        y_scale="log",
        series=(
            series("natural gradient", t, natural.curve["suboptimality"], points=True),
            theory("Newton's method", t, newton.curve["suboptimality"]),
        ),
        caption="Labels enter the Hessian of this likelihood nowhere, so it is its own mean.",
    )
    return verdicts.equals(points_of(natural)[1:], points_of(newton)[1:], evidence.tolerance).drawn(
        plot
    )


@claim(
    "NG-05b",
    "The Fisher matrix averages over the model's labels; with the data's it is another matrix.",
    formula=r"F = \frac{1}{n} \sum_i \sum_y p(y|a_i) s_{iy} s_{iy}' \neq"
    r" \frac{1}{n} \sum_i s_{i y_i} s_{i y_i}'",
    assumptions="logistic regression, s the score of one label; F plus l2 I is the Hessian",
    source="Kunstner, Balles and Hennig 2019; Martens 2020, section 11",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-10, reason="a sum over 569 examples, relative to its norm"),
    rule="natural_gradient",
    runs=lambda setting: {
        "run": setting.run("logistic:l2=1e-2", "natural_gradient:lr=.5", steps=12, points=True)
    },
)
def ng_05b(evidence: Evidence) -> Finding:
    """Enumerate both labels of every example; the step taken is the one with this matrix."""
    run = evidence.runs["run"]
    problem = build_problem(run.spec.problem)
    points = torch.from_numpy(points_of(run))
    hidden = 1e-2 * np.eye(run.points.shape[1]) if run.points is not None else 0.0
    exact, empirical, directions, taken = [], [], [], []
    for t in (0, 3, 6):
        F, E = _fishers(problem, points[t], l2=1e-2)
        true = BatchOracle(problem, [0], Gradients(), points[:1]).fisher(points[t : t + 1])[0]
        norm = float(np.linalg.norm(true))
        exact.append((F + hidden - true.numpy()) / norm)
        empirical.append(float(np.linalg.norm(E + hidden - true.numpy())) / norm)
        g = problem.oracle(points[t : t + 1])[1][0].numpy()
        directions.append(np.linalg.solve(F + hidden, g) / 2)
        taken.append((points[t] - points[t + 1]).numpy())
    plot = Plot(
        x_label="steps t",
        y_label="distance from the Fisher matrix",
        y_scale="log",
        series=(
            series("labels of the model", [0, 3, 6], [np.abs(e).max() for e in exact], points=True),
            series("labels of the data", [0, 3, 6], empirical, points=True),
            theory("rounding", [0, 6], [1e-16, 1e-16]),
        ),
        caption="The empirical Fisher matrix, made of the data's labels, is off by its own size as "
        "soon as the model prefers one label.",
    )
    return all_of(
        [
            verdicts.equals(exact, 0.0, evidence.tolerance),
            verdicts.equals(
                taken,
                directions,
                Tolerance(relative=1e-9, absolute=1e-9, reason="solved twice, other sums"),
            ),
            verdicts.at_least(empirical[1:], 0.1),
        ],
        plot=plot,
    )


def _fishers(problem: Problem, w: Tensor, *, l2: float) -> tuple[Array, Array]:
    """Return the Fisher matrix by enumeration of labels, and the empirical one, without l2."""
    n = problem.examples
    assert problem.sampled_gradient is not None
    assert problem.minibatch is not None
    rows, each = w.expand(n, -1), torch.arange(n)[:, None]
    # A uniform number of 0 draws one label and of 1 the other; the score of a label is
    # (p - y) a, so that its share is one minus what it left of a.
    scores = [
        problem.sampled_gradient(rows, each, torch.full((n, 1), u, dtype=w.dtype)) - l2 * w
        for u in (0.0, 1.0)
    ]
    own = problem.minibatch(rows, each) - l2 * w
    sizes = [score.norm(dim=1) for score in scores]
    total = sizes[0] + sizes[1]
    shares = [sizes[1] / total, sizes[0] / total]
    F = sum((s.T * share) @ s for s, share in zip(scores, shares, strict=True)) / n
    return np.asarray(F), (own.T @ own / n).numpy()
