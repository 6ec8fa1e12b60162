"""Newton's method from afar: how many iterations, at which price, and where it may end."""

from __future__ import annotations

import numpy as np
import torch

from optbench.core.optimizer import Gradients
from optbench.core.run import Run
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._coordinates import HERE, SKEW
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.tolerance import E0, E2, Tolerance

DATA = ("breast-cancer", "separable-synthetic", "digits")
GONE = 1e-12
"""Gradient norm at which a problem counts as solved."""


def points_of(run: Run) -> Array:
    """Return x_0 to x_T, shape (T + 1, d)."""
    assert run.points is not None
    return run.points


@claim(
    "NT-05",
    "Newton's method solves small logistic regressions to 1e-12 in fewer than ten iterations.",
    formula=r"|\nabla f(x_k)| \leq 10^{-12} \quad \mathrm{for\ some}\ k < 10",
    assumptions="logistic regression with l2 = 1e-2 on three data sets, 21 to 62 variables, from 0",
    source="quadratic convergence: Nocedal and Wright 2006, theorem 3.5; the count is measured",
    kind=Kind.BOUND,
    tolerance=Tolerance(reason="iterations are counted"),
    rule="newton",
    runs=lambda setting: {
        (data, name): setting.run(f"logistic:data={data},l2=1e-2", optimizer, steps=steps)
        for data in DATA
        for name, optimizer, steps in (("newton", "newton", 9), ("gd", "gd:lr=two-over-sum", 30))
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Newton's method takes fewer iterations, each O(p^3): tiny problems need "
            "fewer than ten.",
            ruling=Ruling.OK,
            truth="Six to eight on logistic regressions with 21 to 62 parameters, where gradient "
            "descent is not half done after 30. Each takes p Hessian-vector products and the "
            "solution of a p x p system. It needs a minimiser, and a start from which full steps "
            "converge.",
        ),
    ),
)
def nt_05(evidence: Evidence) -> Finding:
    """Count iterations and products on each data set, and look at gradient descent."""
    newton = {data: evidence.runs[data, "newton"] for data in DATA}
    plain = {data: evidence.runs[data, "gd"] for data in DATA}
    counts = [float(np.argmax(run.curve["gradient_norm"] <= GONE)) for run in newton.values()]
    solved = all(run.last("gradient_norm") <= GONE for run in newton.values())
    products = [run.last("hvp_calls") for run in newton.values()]
    due = [9.0 * float(run.facts["dim"] or 0) for run in newton.values()]
    left = min(run.last("gradient_norm") for run in plain.values())
    plot = Plot(
        x_label="iterations k",
        y_label="|grad f(x_k)|",
        y_scale="log",
        series=(
            *(
                series(f"Newton, {data}", run.curve["step"], run.curve["gradient_norm"])
                for data, run in newton.items()
            ),
            *(
                series(f"gradient descent, {data}", run.curve["step"], run.curve["gradient_norm"])
                for data, run in plain.items()
            ),
            theory("1e-12", [0, 30], [GONE, GONE]),
        ),
        verticals=((10.0, "10 iterations"),),
        caption="Once near the minimiser Newton's method doubles the digits at each iteration.",
    )
    return all_of(
        [
            verdicts.below(counts, 9.0, evidence.tolerance),
            verdicts.holds(solved, theory="solved", measured="not solved"),
            verdicts.equals(products, due, E0),
            verdicts.at_least(left, 1e-6),
        ],
        plot=plot,
    )


@claim(
    "NT-06",
    "Newton's method does not depend on the basis: with w = M v its points are M times those in v.",
    formula=r"w = M v: \quad w_k = M v_k",
    assumptions="M invertible; here logistic regression in two variables, M of condition 273",
    source="Boyd and Vandenberghe 2004, section 9.5.1; Nesterov and Nemirovskii 1994",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="newton",
    runs=lambda setting: {
        (name, basis): setting.run(problem, optimizer, steps=steps, points=True)
        for name, optimizer, steps in (("newton", "newton", 6), ("gd", "gd:lr=1e-3", 100))
        for basis, problem in (
            ("w", "logistic:data=four-examples,l2=.1"),
            ("v", f"{HERE}:skewed_logistic"),
        )
    },
)
def nt_06(evidence: Evidence) -> Finding:
    """Compare all points in both bases; gradient descent's differ."""
    paths = {key: points_of(run) for key, run in evidence.runs.items()}
    mapped = {name: paths[name, "v"] @ SKEW.T for name in ("newton", "gd")}
    apart = float(np.abs(mapped["gd"][-1] - paths["gd", "w"][-1]).max())
    lines = [
        series("Newton, run in v", *mapped["newton"].T, points=True),
        theory("Newton, run in w", *paths["newton", "w"].T),
        series("gradient descent, run in v", *mapped["gd"].T),
        series("gradient descent, run in w", *paths["gd", "w"].T),
    ]
    plot = Plot(
        x_label="w_1",
        y_label="w_2",
        series=tuple(lines),
        caption="One path for Newton's method in both bases, two for gradient descent.",
    )
    scale = np.abs(paths["newton", "w"]).max()
    return all_of(
        [
            verdicts.equals(
                mapped["newton"][1:] / scale, paths["newton", "w"][1:] / scale, evidence.tolerance
            ),
            verdicts.at_least(apart, 0.01),
        ],
        plot=plot,
    )


CLASSIC = (24.2, 4.731884, 1411.845179, 0.0559655168, 0.313189076, 1.85274e-11)


@claim(
    "NT-07",
    "On Rosenbrock's valley from (-1.2, 1) Newton's method climbs to 1411.8, then solves it.",
    formula=r"f(x_k): 24.2,\; 4.73,\; 1411.8,\; 0.056,\; 0.313,\; 1.9 \cdot 10^{-11}",
    assumptions="f = 100 (y - x^2)^2 + (1 - x)^2, full steps",
    source="Rosenbrock 1960 for the function; the sequence is a classic of textbooks",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-5, reason="the last value is known to six digits"),
    rule="newton",
    runs=lambda setting: {"run": setting.run("rosenbrock", "newton", steps=5, points=True)},
)
def nt_07(evidence: Evidence) -> Finding:
    """Compare the six values; they do not fall at every step."""
    run = evidence.runs["run"]
    found = run.curve["value"]
    k = run.curve["step"]
    plot = Plot(
        x_label="iterations k",
        y_label="f(x_k)",
        y_scale="log",
        series=(
            series("Newton's method", k, found, points=True),
            theory("published values", k, CLASSIC),
        ),
        caption="The second step jumps from the floor of the valley up its wall, the third lands "
        "back on the floor.",
    )
    return all_of(
        [
            verdicts.equals(found, CLASSIC, evidence.tolerance),
            verdicts.holds(
                bool((np.diff(found) > 0).any()), theory="rises once", measured="falls always"
            ),
        ],
        plot=plot,
    )


@claim(
    "NT-08",
    "Newton's method seeks stationary points: on x^2 - y^2 it lands on the saddle in one step.",
    formula=r"x_1 = (0, 0), \quad \nabla^2 f(0, 0) = \mathrm{diag}(2, -2)",
    assumptions="f = x^2 - y^2 from (1, 1/2), and x^2/2 + y^4/4 - y^2/2 from (1, .3)",
    source="Dauphin et al. 2014; cf. Nocedal and Wright 2006, section 3.4",
    kind=Kind.NEGATIVE,
    tolerance=E0,
    rule="newton",
    runs=lambda setting: {
        "plain": setting.run("saddle:start=1/.5", "newton", steps=3, points=True),
        "newton": setting.run("saddle_quartic:start=1/.3", "newton", steps=6, points=True),
        "gd": setting.run("saddle_quartic:start=1/.3", "gd:lr=.1", steps=300, points=True),
    },
)
def nt_08(evidence: Evidence) -> Finding:
    """Look at the points: the saddle attracts, and gradient descent from there finds a minimum."""
    plain, newton, gd = (points_of(evidence.runs[key]) for key in ("plain", "newton", "gd"))
    plot = Plot(
        x_label="x",
        y_label="y",
        series=(
            series("Newton's method", *newton.T),
            series("gradient descent", *gd.T),
            theory("the saddle", [0], [0]),
        ),
        caption="On x^2/2 + y^4/4 - y^2/2 the minima are at (0, 1) and (0, -1); Newton's method "
        "goes to the saddle between them.",
    )
    return all_of(
        [
            verdicts.equals(plain[1:], 0.0, evidence.tolerance),
            verdicts.equals(newton[-1], 0.0, Tolerance(absolute=1e-12, reason="of order three")),
            verdicts.equals(gd[-1], [0.0, 1.0], Tolerance(absolute=1e-6, reason="300 steps")),
        ],
        plot=plot,
    )


SIZES = (4, 8, 16, 32)


@claim(
    "NT-09",
    "A step of Newton's method in p variables takes p Hessian-vector products and, by Cholesky, "
    "(p^3 - p)/6 multiply-adds.",
    formula=r"\sum_{j=0}^{p-1} j (p - j) = \frac{p^3 - p}{6}",
    assumptions="H positive definite and dense; additions with a product are counted, not time",
    source="Golub and Van Loan 2013, section 4.2",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="newton",
    runs=lambda setting: {
        p: setting.run(f"quadratic:dim={p},kappa=100", "newton", steps=1, points=True)
        for p in SIZES
    },
)
def nt_09(evidence: Evidence) -> Finding:
    """Solve each first step's system by a Cholesky factor that counts what it does."""
    p = np.array(SIZES, dtype=np.float64)
    counts, products, steps, solved = [], [], [], []
    for run in evidence.runs.values():
        problem = build_problem(run.spec.problem)
        x = torch.from_numpy(points_of(run)[:1])
        H = BatchOracle(problem, [0], Gradients(), x).hessian(x)[0].numpy()
        factor, count = _cholesky(H)
        counts.append(count)
        products.append(run.last("hvp_calls"))
        g = problem.oracle(x)[1][0].numpy()
        solved.append(np.linalg.solve(factor.T, np.linalg.solve(factor, g)))
        steps.append(points_of(run)[0] - points_of(run)[1])
    plot = Plot(
        x_label="variables p",
        y_label="multiply-adds",
        x_scale="log",
        y_scale="log",
        series=(
            series("counted in a factorisation", p, counts, points=True),
            theory("(p^3 - p)/6", p, (p**3 - p) / 6),
            series("Hessian-vector products of a step", p, products, points=True),
        ),
        caption="The price of a step grows as the cube of the number of variables.",
    )
    return all_of(
        [
            verdicts.equals(counts, (p**3 - p) / 6, evidence.tolerance),
            verdicts.equals(products, p, evidence.tolerance),
            verdicts.equals(
                np.concatenate(steps),
                np.concatenate(solved),
                Tolerance(relative=1e-9, absolute=1e-12, reason="two ways to solve, kappa = 100"),
            ),
        ],
        plot=plot,
    )


def _cholesky(H: Array) -> tuple[Array, int]:
    """Return the lower factor of H (p, p), and how many multiply-adds it took."""
    factor, count = np.tril(H), 0
    for j in range(len(H)):
        for k in range(j):
            factor[j:, j] -= factor[j:, k] * factor[j, k]
            count += len(H) - j
        factor[j:, j] /= np.sqrt(factor[j, j])
    return factor, count
