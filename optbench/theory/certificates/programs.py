"""Exact worst cases of first-order methods by semidefinite programming (extra `pepit`).

Among all functions of a class and all starting points, which one is worst for a method after T
steps? With fixed step coefficients that is a semidefinite program: the unknowns are the Gram matrix
of x_0 - x* and the gradients, and the function's values; the constraints say that a function of the
class goes through them.

Source: Drori and Teboulle, "Performance of first-order methods for smooth convex minimization",
2014; Taylor, Hendrickx and Glineur, "Smooth strongly convex interpolation and exact worst-case
performance of first-order methods", 2017; PEPit by Goujaud et al., 2024.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from optbench.core.errors import OptbenchError
from optbench.core.problem import Facts
from optbench.theory.probes.coefficients import Array, StepCoefficients

if TYPE_CHECKING:
    from PEPit import PEP, Function, Point

Measure = Literal["value", "gradient", "distance", "least_gradient"]
"""f(x_T) - f*, |grad f(x_T)|^2, |x_T - x*|^2, and min_(t <= T) |grad f(x_t)|^2."""

Start = Literal["distance", "value", "potential"]
"""What is at most 1 at the start: |x_0 - x*|, f(x_0) - f*, f(x_0) - f* + mu |x_0 - x*|^2/2."""

RTOL_CERTIFICATE = 2e-5
"""Accuracy of the solver's value: the duality gap of CLARABEL, with room."""


def need_pepit() -> None:
    """Raise a line that says how to install what certificates need, where it is missing."""
    if not all(importlib.util.find_spec(name) for name in ("PEPit", "cvxpy", "clarabel")):
        raise OptbenchError('certificates need PEPit: pip install "optbench[pepit]"')


def worst_case(
    method: StepCoefficients,
    facts: Facts,
    *,
    measure: Measure = "value",
    start: Start = "distance",
) -> float:
    """Return the largest value of a measure after T steps over a class of functions.

    Args:
        method: The method's coefficients.
        facts: The class: Lipschitz where `lipschitz` is given, else smooth, with
            `strong_convexity` where it is convex, and not convex where `convex` is false.
        measure: What is measured at the end.
        start: What is at most 1 at the start. Values scale: for |x_0 - x*| <= R multiply by R^2,
            for a gap of at most D_0 by D_0.

    Returns:
        The worst case, to `RTOL_CERTIFICATE`.

    Raises:
        OptbenchError: When the extra is missing, the class is not given, the worst case is
            unbounded, or the solver fails.
    """
    need_pepit()
    from PEPit import PEP, Expression, null_point

    problem = PEP()
    f = _declare(problem, facts)
    x_0 = problem.set_initial_point()
    gradients: list[Point] = []
    for row in method.queries:
        gradients.append(f.gradient(_point(x_0, gradients, row)))
    visited = [f.oracle(_point(x_0, gradients, row)) for row in method.points]
    if facts.convex is False:
        # No minimiser need be: f* is below what one more gradient step reaches from any point.
        f_star = Expression()
        for g, value in visited:
            problem.add_constraint(f_star <= value - g**2 / (2 * (facts.smoothness or math.inf)))
        x_star = null_point
    else:
        x_star, _, f_star = f.stationary_point(return_gradient_and_function_value=True)
    gap, square = visited[0][1] - f_star, (x_0 - x_star) ** 2
    mu = facts.strong_convexity or 0.0
    condition = {"distance": square, "value": gap, "potential": gap + mu / 2 * square}[start]
    problem.set_initial_condition(condition <= 1)
    g, value = visited[-1]
    end = _point(x_0, gradients, method.points[-1]) - x_star
    goals = {"value": [value - f_star], "gradient": [g**2], "distance": [end**2]}
    goals["least_gradient"] = [g**2 for g, _ in visited]
    for goal in goals[measure]:
        problem.set_performance_metric(goal)  # the smallest of several counts
    return solve(problem)


def exact_line_search(*, smoothness: float, strong_convexity: float) -> float:
    """Return the worst factor on the gap of one exact line search along the gradient.

    Args:
        smoothness: L.
        strong_convexity: mu.

    Returns:
        The largest (f(x_1) - f*)/(f(x_0) - f*), to `RTOL_CERTIFICATE`.

    Raises:
        OptbenchError: When the extra is missing, or the solver fails.
    """
    need_pepit()
    from PEPit import PEP
    from PEPit.primitive_steps import exact_linesearch_step

    problem = PEP()
    facts = Facts(dim=1, smoothness=smoothness, strong_convexity=strong_convexity)
    f = _declare(problem, facts)
    _, _, f_star = f.stationary_point(return_gradient_and_function_value=True)
    x_0 = problem.set_initial_point()
    g_0, f_0 = f.oracle(x_0)
    problem.set_initial_condition(f_0 - f_star <= 1)
    _, _, f_1 = exact_linesearch_step(x_0, f, [g_0])
    problem.set_performance_metric(f_1 - f_star)
    return solve(problem)


def one_stochastic_step(
    length: float,
    *,
    smoothness: float,
    strong_convexity: float,
    deviation: float,
    radius: float,
    terms: int,
) -> float:
    """Return the worst E |x_1 - x*|^2 of a step along the gradient of one random term of a sum.

    Args:
        length: x_1 = x_0 - length g.
        smoothness: L of every term.
        strong_convexity: mu of every term.
        deviation: v, where v^2 is the mean of the terms' squared gradients at x*.
        radius: R, the distance at the start.
        terms: How many.

    Returns:
        The worst mean over the terms, to `RTOL_CERTIFICATE`.

    Raises:
        OptbenchError: When the extra is missing, or the solver fails.
    """
    need_pepit()
    from PEPit import PEP

    problem = PEP()
    facts = Facts(dim=1, smoothness=smoothness, strong_convexity=strong_convexity)
    parts = [_declare(problem, facts) for _ in range(terms)]
    x_star = (sum(parts[1:], start=parts[0]) / terms).stationary_point()
    x_0 = problem.set_initial_point()
    spread = [part.gradient(x_star) ** 2 for part in parts]
    problem.add_constraint(sum(spread[1:], start=spread[0]) / terms <= deviation**2)
    problem.set_initial_condition((x_0 - x_star) ** 2 <= radius**2)
    ends = [(x_0 - length * part.gradient(x_0) - x_star) ** 2 for part in parts]
    problem.set_performance_metric(sum(ends[1:], start=ends[0]) / terms)
    return solve(problem)


def solve(problem: PEP) -> float:
    """Return the optimal value of a performance estimation problem.

    Raises:
        OptbenchError: When it is unbounded, or the solver fails.
    """
    from cvxpy.error import SolverError

    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()) as doubts:
            # Less than the solver's own accuracy may be enough: it is looked at below.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            dual = problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0)
    except SolverError as error:
        raise OptbenchError(f"the semidefinite program was not solved: {error}") from error
    if dual is None or not math.isfinite(dual):
        raise OptbenchError("the worst case is unbounded: nothing that is known limits it")
    primal = problem.objective.eval()
    if doubts.getvalue() or abs(dual - primal) > RTOL_CERTIFICATE * abs(dual):
        raise OptbenchError(f"the worst case, about {dual:.2g}, is not found to 5 digits")
    return float(dual)


def _declare(problem: PEP, facts: Facts) -> Function:
    """Add a function of the class to the problem."""
    from PEPit import functions

    L, mu, G = facts.smoothness, facts.strong_convexity, facts.lipschitz
    if G is not None:
        return problem.declare_function(functions.ConvexLipschitzFunction, M=G)
    if L is None:
        raise OptbenchError("a worst case needs a class of functions: smoothness L, or lipschitz G")
    if facts.convex is False:
        return problem.declare_function(functions.SmoothFunction, L=L)
    if mu:
        return problem.declare_function(functions.SmoothStronglyConvexFunction, L=L, mu=mu)
    return problem.declare_function(functions.SmoothConvexFunction, L=L)


def _point(x_0: Point, gradients: Sequence[Point], row: Array) -> Point:
    """Return x_0 - sum_j row[j] g_j; zeros are left out, so that equal points are found equal."""
    point = x_0
    for coefficient, g in zip(row, gradients, strict=False):
        if coefficient:
            point = point - float(coefficient) * g
    return point
