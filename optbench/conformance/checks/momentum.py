"""Gradient descent, momentum, Newton and quasi-Newton: what theory says of them on quadratics."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from optbench.conformance.check import Check, Measured, equals, within
from optbench.conformance.equations import equations
from optbench.conformance.pair import Pair
from optbench.conformance.problems import problems, tape
from optbench.conformance.reference import Equation, difference, expected_path
from optbench.core.layout import Block
from optbench.core.problem import Facts, Problem
from optbench.families.piecewise import lessard_recht_packard
from optbench.families.rosenbrock import rosenbrock

E2 = 1e-9
"""Tolerance of recurrences of hundreds of steps."""


@functools.cache
def modes(*eigenvalues: float, start: float = 1.0) -> Problem:
    """Return 1/2 sum lambda_i x_i^2 from the same start in every coordinate."""
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    first = torch.full_like(values, start)
    return Problem(
        facts=Facts(
            dim=len(values),
            smoothness=max(eigenvalues),
            strong_convexity=min(eigenvalues),
            f_star=0.0,
            quadratic=True,
        ),
        start=lambda seed: first.clone(),
        oracle=lambda x: (0.5 * (x * x) @ values.to(x), x * values.to(x)),
        hessian_vector=lambda x, v: v * values.to(v),
        blocks=(Block("x", (len(values),)),),
    )


@functools.cache
def one_gradient(sign: float = 1.0) -> Problem:
    """Return the gradient 1 in one coordinate, for ever; with sign -1, in turns with -1."""
    shown = torch.ones(1, dtype=torch.float64)
    return tape(lambda t: sign**t * shown, start=0.0, blocks=(Block("x", (1,)),))


def farthest(got: Tensor, expected: Tensor, tolerance: float) -> Measured:
    """Return the outcome where every number is known: the largest absolute difference."""
    return within(float((got - expected).abs().max()), tolerance)


def _doubling(pair: Pair) -> Measured:
    path = pair.path(pair.trial(modes(2.0), 3, {"lr": 1.5}))[:, 0]
    return Measured(
        expected="-2, 4, -8",
        got=", ".join(f"{x:.17g}" for x in path[1:]),
        ok=path.tolist() == [1, -2, 4, -8],
    )


def _contraction(pair: Pair) -> Measured:
    small, large, steps = 0.01, 1.0, 300
    rate = (large - small) / (large + small)
    path = pair.path(pair.trial(modes(small, large), steps, {"lr": 2 / (small + large)}))
    t = torch.arange(steps + 1, dtype=torch.float64)
    expected = torch.stack([rate**t, (-rate) ** t], -1)
    return within(float((path / expected - 1).abs().max()), E2)


def _polyak(pair: Pair) -> Measured:
    kappa, steps = 100.0, 100
    root = math.sqrt(kappa)
    rho = (root - 1) / (root + 1)
    hyper = {"lr": 4 / (root + 1) ** 2, "beta": rho * rho}
    hyper["lr"] *= 1 / (1 - rho * rho) if pair.equation.name == "heavy_ball_ema" else 1
    path = pair.path(pair.trial(modes(1.0, kappa), steps, hyper))
    t = torch.arange(steps + 1, dtype=torch.float64)
    slow, fast = (1 + (1 - rho) * t) * rho**t, (1 + (1 + rho) * t) * (-rho) ** t
    return farthest(path, torch.stack([slow, fast], -1), 1e-8)


_THRESHOLDS: dict[str, Callable[[float], float]] = {
    "gd": lambda b: 2.0,
    "heavy_ball": lambda b: 2 * (1 + b),
    "heavy_ball_ema": lambda b: 2 * (1 + b) / (1 - b),
    "nesterov": lambda b: (2 + 2 * b) / (1 + 2 * b),
    "nesterov_strongly_convex": lambda b: (2 + 2 * b) / (1 + 2 * b),
}


def _threshold(pair: Pair) -> Measured:
    beta = 0.9
    limit = _THRESHOLDS[pair.equation.name](beta)
    own = {"beta": beta} if "beta" in pair.base else {}
    ends = [
        float(pair.path(pair.trial(modes(1.0), 1500, {**own, "lr": factor * limit}))[-1].abs())
        for factor in (0.99, 1.01)
    ]
    return Measured(
        expected="falls below, grows above",
        got=f"{ends[0]:.1e} below, {ends[1]:.1e} above {limit:.4g}/L",
        ok=ends[0] < 1e-3 and ends[1] > 1e3,
    )


def _gain(sign: float, pair: Pair) -> Measured:
    beta, steps = 0.9, 600
    path = pair.path(pair.trial(one_gradient(sign), steps, {"lr": 1.0, "beta": beta}))[:, 0]
    factor = 1 - beta if pair.equation.name == "heavy_ball_ema" else 1.0
    return equals(float((path[-1] - path[-2]).abs()), factor / (1 - sign * beta), E2)


def _cycle(pair: Pair) -> Measured:
    start = torch.tensor([3.3], dtype=torch.float64)
    problem = replace(lessard_recht_packard(), start=lambda seed: start.clone())
    path = pair.path(pair.trial(problem, 600, {"lr": 1 / 9, "beta": 4 / 9}))
    expected = torch.tensor([-2208, 792, 2592], dtype=torch.float64) / 1225
    return farthest(path[-3:, 0].sort().values, expected, E2)


def _look_ahead(pair: Pair) -> Measured:
    trial = pair.trial(problems()["quadratic"], 60)
    lr, beta = trial.hyper["lr"], trial.hyper["beta"]
    x = y = trial.start()
    points = [y]
    for _ in range(trial.steps):
        x_next = y - lr * trial.problem.oracle(y[None])[1][0]
        y, x = x_next + beta * (x_next - x), x_next
        points.append(y)
    return within(difference(pair.path(trial), torch.stack(points)), E2)


def _displacement(expected: dict[int, float], pair: Pair) -> Measured:
    path = pair.path(pair.trial(one_gradient(), max(expected), {"lr": 1.0}))[:, 0]
    got = {n: -float(path[n]) for n in expected}
    worst = max(expected, key=lambda n: abs(got[n] / expected[n] - 1))
    return equals(got[worst], expected[worst], 1e-6)


_SIMPLE = {n: (n * n + 5 * n + 2) / 8 for n in (1, 2, 3, 10, 50)}
# L R^2/(4 c_n + 2) as theory has it, to seven digits.
_FISTA = {1: 0.1666666667, 2: 0.1}
_FISTA_C = {n: (1 / value - 2) / 4 for n, value in _FISTA.items()}


def _one_step(pair: Pair) -> Measured:
    problem = problems()["quadratic"]
    path = pair.path(pair.trial(problem, 1))
    return farthest(path[-1], torch.zeros(problem.facts.dim, dtype=torch.float64), 1e-9)


def _newton_on_rosenbrock(pair: Pair) -> Measured:
    problem = rosenbrock()
    path = pair.path(pair.trial(problem, 4, {"lr": 1.0}))
    expected = torch.tensor([24.2, 4.731884, 1411.845179, 0.0559655168, 0.313189076])
    return within(float((problem.oracle(path)[0] / expected.double() - 1).abs().max()), 1e-5)


def _fisher_is_hessian(pair: Pair) -> Measured:
    trial = pair.trial(problems()["logistic"], 5)
    newton = Equation("newton", equations()["newton"])
    return within(difference(pair.path(trial), expected_path(newton, trial)), 1e-8)


def _terminates(pair: Pair) -> Measured:
    path = pair.path(pair.trial(modes(1.0, 2.0, 3.0, 5.0, 7.0), 5))
    early, end = float(path[4].abs().max()), float(path[5].abs().max())
    return Measured(
        expected="above 1e-6, then below 1e-9",
        got=f"{early:.1e}, then {end:.1e}",
        ok=early > 1e-6 and end < E2,
    )


def _chebyshev(pair: Pair) -> Measured:
    eigenvalues, steps = (1.0, 2.0, 3.7, 6.0, 10.0), 20
    trial = pair.trial(modes(*eigenvalues), steps, {"L": 10.0, "mu": 1.0})
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    argument, largest = (11 - 2 * values) / 9, torch.tensor(11 / 9, dtype=torch.float64)
    polynomial = torch.special.chebyshev_polynomial_t
    expected = torch.stack(
        [polynomial(argument, t) / polynomial(largest, t) for t in range(steps + 1)]
    )
    return farthest(pair.path(trial), expected, E2)


def _secant(pair: Pair) -> Measured:
    problem = replace(
        modes(1.0, start=0.2), oracle=lambda x: ((x * x / 2 + x**3 / 3).sum(-1), x * (1 + x))
    )
    x = pair.path(pair.trial(problem, 4, {"lr": 1.0}))[:, 0]
    expected = x[1:-1] * x[:-2] / (1 + x[1:-1] + x[:-2])
    return within(float((x[2:] / expected - 1).abs().max()), 1e-6)


MOMENTUM = (
    Check(
        id="S-03",
        statement="theta^2 from 1 with eta = 1.5 is -2, 4, -8",
        measure=_doubling,
        meaning="another step than x - eta g",
        equations=("gd",),
    ),
    Check(
        id="GD-10",
        statement="two modes at eta = 2/(L + mu) contract by (kappa - 1)/(kappa + 1) each step",
        measure=_contraction,
        meaning="another step than x - eta g",
        equations=("gd",),
    ),
    Check(
        id="HB-02",
        statement="Polyak's tuning: (1 + (1 - rho) t) rho^t and (1 + (1 + rho) t)(-rho)^t",
        measure=_polyak,
        meaning="momentum as an average, a first momentum that is damped, or a look-ahead",
        equations=("heavy_ball", "heavy_ball_ema"),
    ),
    Check(
        id="HB-03",
        statement="the largest stable learning rate on a quadratic",
        measure=_threshold,
        meaning="another form of momentum",
        equations=tuple(_THRESHOLDS),
    ),
    Check(
        id="HB-06",
        statement="under a constant gradient steps grow by 1/(1 - beta)",
        measure=functools.partial(_gain, 1.0),
        meaning="a sum for an average, or the reverse",
        equations=("heavy_ball", "heavy_ball_ema"),
    ),
    Check(
        id="HB-06b",
        statement="under an alternating gradient they shrink by 1/(1 + beta)",
        measure=functools.partial(_gain, -1.0),
        meaning="a sum for an average, or the reverse",
        equations=("heavy_ball", "heavy_ball_ema"),
    ),
    Check(
        id="HB-08",
        statement="on the function of Lessard, Recht and Packard it cycles",
        measure=_cycle,
        meaning="another form of momentum",
        equations=("heavy_ball",),
    ),
    Check(
        id="NAG-01",
        statement="it is the sequence y of y = x + beta (x - x_prev), x+ = y - eta g(y)",
        measure=_look_ahead,
        meaning="a look-ahead by another velocity",
        equations=("nesterov",),
    ),
    Check(
        id="NAG-03",
        statement="after n equal gradients it has gone (n^2 + 5 n + 2)/8 steps",
        measure=functools.partial(_displacement, _SIMPLE),
        meaning="the momentum's index is off by one",
        equations=("nesterov_convex",),
    ),
    Check(
        id="NAG-03",
        statement="after n equal gradients the worst case is L R^2/6 and L R^2/10",
        measure=functools.partial(_displacement, _FISTA_C),
        meaning="the momentum's index is off by one",
        equations=("fista",),
    ),
    Check(
        id="NT-01",
        statement="a quadratic takes one step",
        measure=_one_step,
        meaning="another matrix than the Hessian, or damping",
        equations=("newton", "closed_form"),
    ),
    Check(
        id="NT-07",
        statement="the classic values on Rosenbrock's valley",
        measure=_newton_on_rosenbrock,
        meaning="another matrix than the Hessian, or a line search",
        equations=("newton",),
    ),
    Check(
        id="NG-05",
        statement="on logistic regression it is Newton's method",
        measure=_fisher_is_hessian,
        meaning="the empirical Fisher matrix, of the data's labels",
        equations=("natural_gradient",),
    ),
    Check(
        id="CG-02",
        statement="five distinct eigenvalues take five steps",
        measure=_terminates,
        meaning="directions that are not conjugate",
        equations=("conjugate_gradient",),
    ),
    Check(
        id="CG-04",
        statement="the error is the Chebyshev polynomial",
        measure=_chebyshev,
        meaning="a coefficient with another index",
        equations=("chebyshev",),
    ),
    Check(
        id="QN-03",
        statement="in one dimension it is the secant method",
        measure=_secant,
        meaning="another pair, or a step that is not a unit step",
        equations=("lbfgs",),
    ),
)
"""Checks of gradient descent, momentum, Newton's method and quasi-Newton methods."""
