"""Quasi-Newton methods: on quadratics they are conjugate gradient, in one variable the secant."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import scipy.optimize
import torch

from optbench.core.optimizer import Gradients
from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims import _line_search
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance, asymptotic

DIM, STEPS = 8, 8
SMALL = f"quadratic:dim={DIM},kappa=30"
LARGE = "quadratic:dim=30,kappa=100,radius=1e3"
SAME = Tolerance(absolute=1e-7, reason="conjugacy is lost to rounding, a little at every step")


def points_of(run: Run) -> Array:
    """Return x_0 to x_T, shape (T + 1, d)."""
    assert run.points is not None
    return run.points


def _hessian(run: Run) -> Array:
    """Return the Hessian of a run's quadratic, (d, d)."""
    x = torch.from_numpy(points_of(run)[:1])
    oracle = BatchOracle(build_problem(run.spec.problem), [0], Gradients(), x)
    matrix: Array = oracle.hessian(x)[0].numpy()
    return matrix


def _inverses(run: Run) -> list[Array]:
    """Return BFGS's H_0 = I, H_1, ... by scipy's update from a run's own pairs (s, y)."""
    path = points_of(run)
    gradients = build_problem(run.spec.problem).oracle(torch.from_numpy(path))[1].numpy()
    update = scipy.optimize.BFGS(init_scale=1.0)
    update.initialize(path.shape[1], "inv_hess")
    inverses = [np.eye(path.shape[1])]
    for s, y in zip(np.diff(path, axis=0), np.diff(gradients, axis=0), strict=True):
        update.update(s, y)
        inverses.append(np.array(update.get_matrix()))
    return inverses


@claim(
    "QN-01a",
    "On a quadratic BFGS with an exact line search from H_0 = I is conjugate gradient.",
    formula=r"-H_k \nabla f(x_k) \parallel p_k, \quad x_k^{\mathrm{BFGS}} = x_k^{\mathrm{CG}}",
    assumptions="f quadratic, exact line search, H_0 = I; kappa = 30, 8 variables",
    source="Nazareth 1979; Nocedal and Wright 2006, theorem 6.4",
    kind=Kind.IDENTITY,
    tolerance=SAME,
    rule="conjugate_gradient",
    runs=lambda setting: {
        "cg": setting.run(SMALL, "conjugate_gradient", steps=STEPS - 1, points=True)
    },
)
def qn_01a(evidence: Evidence) -> Finding:
    """Predict every point from the last one by scipy's BFGS update of the pairs until then."""
    run = evidence.runs["cg"]
    path, A = points_of(run), _hessian(run)
    predicted = []
    for x, H in zip(path[:-1], _inverses(run)[:-1], strict=True):
        g = A @ x
        d = -H @ g
        predicted.append(x - (g @ d) / (d @ A @ d) * d)
    plot = Plot(
        x_label="steps k",
        y_label="|x_k - x*|",
        y_scale="log",
        series=(
            series(
                "BFGS, exact line search",
                np.arange(1, STEPS),
                np.linalg.norm(predicted, axis=1),
                points=True,
            ),
            theory("conjugate gradient", np.arange(STEPS), np.linalg.norm(path, axis=1)),
        ),
        caption="Two methods that share no line of their code take the same steps.",
    )
    return verdicts.equals(predicted, path[1:], evidence.tolerance).drawn(plot)


MEMORIES = (1, 3, 10)


@claim(
    "QN-01b",
    "On a quadratic L-BFGS with an exact line search is conjugate gradient, with any memory.",
    formula=r"x_k^{\mathrm{L-BFGS}(m)} = x_k^{\mathrm{CG}}, \quad m \geq 1",
    assumptions="f quadratic, exact line search; m = 1, 3 and 10 pairs, 8 steps",
    source="Nazareth 1979; Nocedal and Wright 2006, section 7.2",
    kind=Kind.IDENTITY,
    tolerance=SAME,
    rule="conjugate_gradient",
    runs=lambda setting: {
        "cg": setting.run(LARGE, "conjugate_gradient", steps=STEPS, points=True),
        **{
            m: setting.run(
                LARGE,
                f"{_line_search.__name__}:ExactLBFGS:lr=1,history_size={m}",
                steps=2 * STEPS,
                points=True,
            )
            for m in MEMORIES
        },
    },
)
def qn_01b(evidence: Evidence) -> Finding:
    """Compare the first points of torch's L-BFGS, driven by an exact line search, in units of R."""
    path = points_of(evidence.runs["cg"])
    others = [points_of(evidence.runs[m])[: STEPS + 1] for m in MEMORIES]
    R = float(np.linalg.norm(path[0]))
    k = np.arange(STEPS + 1)
    plot = Plot(
        x_label="steps k",
        y_label="|x_k - x*|",
        y_scale="log",
        series=(
            *(
                series(f"L-BFGS, m = {m}", k, np.linalg.norm(other, axis=1), points=True)
                for m, other in zip(MEMORIES, others, strict=True)
            ),
            theory("conjugate gradient", k, np.linalg.norm(path, axis=1)),
        ),
        caption="torch's L-BFGS with an exact line search: the memory makes no difference.",
    )
    found, expected = np.array(others) / R, np.broadcast_to(path / R, (len(others), *path.shape))
    return verdicts.equals(found, expected, evidence.tolerance).drawn(plot)


@claim(
    "QN-02a",
    "With an exact line search BFGS minimises a quadratic in n steps and then H_n = A^-1.",
    formula=r"x_n = x^*, \quad H_n = A^{-1}",
    assumptions="f quadratic in n = 8 variables, exact line search, H_0 = I; kappa = 30",
    source="Nocedal and Wright 2006, theorem 6.4",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-6, reason="conjugacy is lost to rounding; in units of R and 1"),
    rule="conjugate_gradient",
    runs=lambda setting: {"cg": setting.run(SMALL, "conjugate_gradient", steps=DIM, points=True)},
)
def qn_02a(evidence: Evidence) -> Finding:
    """Look at |x_n|, at H_n A, and at the point before, which is not there yet."""
    run = evidence.runs["cg"]
    distance, A, inverses = run.curve["distance"], _hessian(run), _inverses(run)
    errors = [float(np.linalg.norm(H @ A - np.eye(DIM), 2)) for H in inverses]
    k = np.arange(DIM + 1)
    plot = Plot(
        x_label="steps k",
        y_label="error",
        y_scale="log",
        series=(
            series("|x_k - x*|", k, distance, points=True),
            series("|H_k A - I|", k, errors, points=True),
            theory("rounding", [0, DIM], [1e-14, 1e-14]),
        ),
        verticals=((float(DIM), "n"),),
        caption="After as many steps as variables the problem is solved and the Hessian known.",
    )
    return all_of(
        [
            verdicts.equals(errors[-1], 0.0, evidence.tolerance),
            verdicts.equals(distance[-1], 0.0, evidence.tolerance),
            verdicts.at_least(distance[-2], 1e-4),
        ],
        plot=plot,
    )


@claim(
    "QN-02b",
    "BFGS's matrix obeys the secant equation for all pairs so far when line searches are exact.",
    formula=r"H_k y_j = s_j, \quad j < k",
    assumptions="f quadratic, exact line search, H_0 = I; the last pair's holds on any function",
    source="Nocedal and Wright 2006, theorem 6.4",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-6, reason="conjugacy is lost to rounding; relative to |s_j|"),
    rule="conjugate_gradient",
    runs=lambda setting: {"cg": setting.run(SMALL, "conjugate_gradient", steps=DIM, points=True)},
)
def qn_02b(evidence: Evidence) -> Finding:
    """Multiply every matrix with every earlier pair."""
    run = evidence.runs["cg"]
    A, inverses = _hessian(run), _inverses(run)
    s = np.diff(points_of(run), axis=0)
    y, lengths = s @ A, np.linalg.norm(s, axis=1)
    errors = np.array(
        [[np.linalg.norm(H @ y[j] - s[j]) / lengths[j] for j in range(DIM)] for H in inverses[1:]]
    )
    known = np.tril(np.ones((DIM, DIM), dtype=bool))
    k = np.arange(1, DIM + 1)
    plot = Plot(
        x_label="updates k",
        y_label="|H_k y_j - s_j|/|s_j|",
        y_scale="log",
        series=(
            series("largest of the pairs so far", k, np.max(errors * known, axis=1), points=True),
            series("the next pair", k[:-1], np.diag(errors, 1), points=True),
            theory("rounding", [1, DIM], [1e-14, 1e-14]),
        ),
        caption="What the matrix has learned it keeps; what comes next it does not know yet.",
    )
    return all_of(
        [
            verdicts.equals(errors[known], 0.0, evidence.tolerance),
            verdicts.at_least(np.diag(errors, 1), 1e-3),
        ],
        plot=plot,
    )


def _secant(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"bfgs": setting.run("cubic:start=.1", "scipy.BFGS", steps=12, points=True)}


@claim(
    "QN-03a",
    "In one variable BFGS with unit steps is the secant method.",
    formula=r"x_{k+1} = x_k - f'(x_k) \frac{x_k - x_{k-1}}{f'(x_k) - f'(x_{k-1})}"
    r" = \frac{x_k x_{k-1}}{1 + x_k + x_{k-1}}",
    assumptions="f' = x (1 + x) from .1, where scipy's line search accepts the unit step",
    source="Dennis and More 1977, section 2; the map is algebra",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-14, reason="x_(k+1) carries the rounding of x_k; over x_k"),
    rule="scipy.BFGS",
    runs=_secant,
)
def qn_03a(evidence: Evidence) -> Finding:
    """Compare x_(k+1)/x_k with the map's until x is below 1e-30; the first step is -f'(x_0)."""
    x = points_of(evidence.runs["bfgs"])[:, 0]
    x = x[np.abs(x) > 1e-30]
    ratios = x[:-2] / (1 + x[1:-1] + x[:-2])
    k = np.arange(len(x))
    plot = Plot(
        x_label="steps k",
        y_label="|x_k|",
        y_scale="log",
        series=(
            series("scipy's BFGS", k, np.abs(x), points=True),
            theory("secant method", k[2:], np.abs(x[1:-1] * ratios)),
        ),
        caption="With one variable the matrix of BFGS is the slope of a secant.",
    )
    return all_of(
        [
            verdicts.equals(x[2:] / x[1:-1], ratios, evidence.tolerance),
            verdicts.equals(x[1], x[0] - x[0] * (1 + x[0]), evidence.tolerance),
            verdicts.at_least(float(len(x)), 7.0),
        ],
        plot=plot,
    )


GOLDEN = (1 + 5**0.5) / 2


@claim(
    "QN-03b",
    "BFGS in one variable converges with the golden ratio as its order.",
    formula=r"\frac{\ln |x_{k+1}|}{\ln |x_k|} \to \frac{1 + \sqrt{5}}{2} = 1.618034",
    assumptions="f' = x (1 + x) from .1; the secant map that the run obeys, continued in fractions",
    source="Ortega and Rheinboldt 1970, section 11.2",
    kind=Kind.RATE,
    tolerance=asymptotic(1e-3, "11 steps: the ratio alternates about its limit, 1e-5 away"),
    rule="scipy.BFGS",
    runs=_secant,
)
def qn_03b(evidence: Evidence) -> Finding:
    """Continue the run's first two points for 11 steps in fractions; QN-03a validates the map."""
    x = points_of(evidence.runs["bfgs"])[:, 0]
    a, b = Fraction(float(x[0])), Fraction(float(x[1]))
    logs = [_log(a), _log(b)]
    for _ in range(11):
        a, b = b, a * b / (1 + a + b)
        logs.append(_log(b))
    orders = np.array(logs[1:]) / np.array(logs[:-1])
    small = np.abs(x) > 1e-30
    run = np.log(np.abs(x[small]))
    k = np.arange(1, len(logs))
    plot = Plot(
        x_label="steps k",
        y_label="ln |x_k|/ln |x_(k-1)|",
        series=(
            series("scipy's BFGS", np.arange(1, len(run)), run[1:] / run[:-1], points=True),
            series("its map in fractions", k, orders),
            theory("golden ratio", [1, len(logs)], [GOLDEN, GOLDEN]),
        ),
        caption="Between linear, 1, and Newton's method, 2.",
    )
    return all_of(
        [
            verdicts.equals(orders[-1], GOLDEN, evidence.tolerance),
            verdicts.equals(
                run[1:] / run[:-1],
                orders[: len(run) - 1],
                Tolerance(relative=1e-3, reason="rounding of x_k, where x_(k+1) is below 1e-16"),
            ),
        ],
        plot=plot,
    )


def _log(value: Fraction) -> float:
    """Return ln |value| of a fraction far below the smallest float."""
    return _digits(abs(value.numerator)) - _digits(value.denominator)


def _digits(number: int) -> float:
    shift = max(number.bit_length() - 60, 0)
    return float(np.log(number >> shift) + shift * np.log(2))
