"""A certificate: a method's exact worst case beside the closed form and a run that is as bad.

Everything is normalised: L = 1, |x_0 - x*| = 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import UpdateRule, without_gradient_parameters
from optbench.core.problem import Facts
from optbench.core.run import Status
from optbench.core.spec import Spec
from optbench.engines.execute import run_batch
from optbench.engines.planner import plan
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.tuning import resolve_tunings
from optbench.request import Request, expand
from optbench.theory.certificates.programs import Measure, need_pepit, worst_case
from optbench.theory.formulas.rates import gd_contraction, gd_convex
from optbench.theory.formulas.worst_cases import (
    fista_displacement,
    gd_convex_gradient,
    gd_strongly_convex_by_radius,
    minimax_convex,
    nesterov_displacement,
    nesterov_exact,
)
from optbench.theory.probes.coefficients import (
    StepCoefficients,
    smooth_functions,
    step_coefficients,
)

MAX_STEPS = 30
"""The program has about T^2 constraints: 30 steps take a minute."""

COLUMNS: dict[Measure, str] = {
    "value": "suboptimality",
    "gradient": "gradient_norm",
    "distance": "distance",
}
"""The column of a run that a measure is, or is the square of."""


@dataclass(frozen=True, kw_only=True)
class ClosedForm:
    """A published worst case.

    Attributes:
        value: Its number.
        formula: Its formula, as text.
        source: Who proved it.
    """

    value: float
    formula: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A function on which the method was run.

    Attributes:
        problem: Its text, to be run as it is.
        value: The measure after the last step.
    """

    problem: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What is known of a method's worst case after T steps.

    Attributes:
        optimizer: The method with its parameters, tunings resolved.
        steps: T.
        kappa: L/mu of the class; None for mu = 0.
        measure: What is measured at x_T.
        worst_case: The semidefinite program's value.
        closed_form: A published formula for the same, where there is one.
        instance: The worst of some known functions, run through the harness.
    """

    optimizer: str
    steps: int
    kappa: float | None
    measure: Measure
    worst_case: float
    closed_form: ClosedForm | None
    instance: Instance


def certify(
    optimizer: str, steps: int, *, kappa: float | None = None, measure: Measure = "value"
) -> Certificate:
    """Work out how bad a method can be on smooth convex functions.

    Args:
        optimizer: Its text, such as `gd:lr=1.5/L`.
        steps: Steps T, from 1 to `MAX_STEPS`.
        kappa: L/mu of strongly convex functions; None for all convex ones.
        measure: What is measured at x_T; see `certificates.Measure`.

    Returns:
        The certificate.

    Raises:
        OptbenchError: When the extra is missing, an argument is out of range, or the method has no
            fixed step coefficients.
    """
    need_pepit()
    if not 1 <= steps <= MAX_STEPS:
        raise OptbenchError(f"steps must be from 1 to {MAX_STEPS}, got {steps}")
    if kappa is not None and not 1 < kappa < math.inf:
        raise OptbenchError(f"kappa must be above 1 and finite, got {kappa:g}")
    facts = smooth_functions(1.0, 1 / kappa if kappa else 0.0)
    method = step_coefficients(optimizer, steps, facts)
    spec = _with_numbers(optimizer, facts)
    instances = [
        Instance(problem=problem, value=_reached(problem, spec, steps, measure))
        for problem in _candidates(method, facts, measure)
    ]
    return Certificate(
        optimizer=str(Spec.of(spec.name, without_gradient_parameters(dict(spec.params)))),
        steps=steps,
        kappa=kappa,
        measure=measure,
        worst_case=worst_case(method, facts, measure=measure),
        closed_form=closed_form(method, facts, measure),
        instance=max(instances, key=lambda instance: instance.value),
    )


def closed_form(method: StepCoefficients, facts: Facts, measure: Measure) -> ClosedForm | None:
    """Return the published worst case for L = R = 1, where there is one.

    Args:
        method: The coefficients, by which a textbook rule is known whatever it is called.
        facts: The class of functions.
        measure: What is measured.
    """
    name, lr = _textbook_rule(method)
    steps, mu = len(method.points) - 1, facts.strong_convexity or 0.0
    unit = {"smoothness": 1.0, "radius": 1.0}
    value: float | None = None
    match (name, measure, mu > 0):
        case ("gd", "value", False) if lr < 2:
            value = float(gd_convex(steps, lr=lr, **unit))
            formula = "L R^2/2 max(1/(2 h T + 1), (1 - h)^(2 T))"
            source = "Drori and Teboulle 2014; Kim 2024"
        case ("gd", "gradient", False) if lr < 2:
            value = float(gd_convex_gradient(steps, lr=lr, **unit)) ** 2
            formula = "(L R max(1/(h T + 1), |1 - h|^T))^2"
            source = "Taylor, Hendrickx and Glineur 2017"
        case ("gd", "value", True) if lr < 2:
            value = float(gd_strongly_convex_by_radius(steps, strong_convexity=mu, lr=lr, **unit))
            formula = "L R^2/2 max(q/(q - 1 + (1 - eta mu)^(-2 T)), (1 - h)^(2 T)), q = mu/L"
            source = "Kim 2024"
        case ("gd", "distance", True) if lr < 2:
            value = gd_contraction(smoothness=1.0, strong_convexity=mu, lr=lr) ** (2 * steps)
            formula = "R^2 max(|1 - eta mu|, |1 - h|)^(2 T)"
            source = "Polyak 1987"
        case ("nesterov_convex", "value", False):
            value = float(nesterov_exact(nesterov_displacement(steps), **unit))
            formula = "2 L R^2/((T + 2)(T + 3))"
            source = "Taylor, Hendrickx and Glineur 2017, table 1"
        case ("fista", "value", False):
            value = float(nesterov_exact(fista_displacement(steps), **unit))
            formula = "L R^2/(4 c_T + 2), c_T the steps' sum on a linear function"
            source = "after Taylor, Hendrickx and Glineur 2017, table 1"
        case ("ogm", "value", False):
            value = minimax_convex(steps, **unit)
            formula = "L R^2/(2 theta_T^2)"
            source = "Kim and Fessler 2016; Drori 2017"
    return None if value is None else ClosedForm(value=value, formula=formula, source=source)


def _textbook_rule(method: StepCoefficients) -> tuple[str, float]:
    """Return the rule with these coefficients and its learning rate; no name when none has them."""
    steps, first = len(method.points) - 1, float(method.points[1, 0])
    for name, lr in (("gd", first), ("nesterov_convex", 1.0), ("fista", 1.0), ("ogm", 1.0)):
        if lr <= 0:
            continue
        known = step_coefficients(f"{name}:lr={lr!r}", steps)
        same = known.points.shape == method.points.shape and all(
            np.allclose(ours, theirs, rtol=0, atol=1e-10)
            for ours, theirs in ((known.points, method.points), (known.queries, method.queries))
        )
        if same:
            return name, lr
    return "", 0.0


def huber_width(method: StepCoefficients, measure: Measure) -> float:
    """Return tau of the Huber function, L = R = 1, that is the worst after the last step.

    On its straight arm the method stays with all its gradients tau, and moves by tau c, where c is
    the sum of its last coefficients: f(x_T) = tau (1 - c tau) - tau^2/2 is largest at
    tau = 1/(2 c + 1), the gradient, while it is tau, at tau = 1/(c + 1), and the distance as tau
    goes to 0.

    Source: Taylor, Hendrickx and Glineur 2017, section 4.
    """
    c = float(method.points[-1].sum())
    return {"value": 1 / (2 * c + 1), "gradient": 1 / (c + 1), "distance": 1e-6}[measure]


def _candidates(method: StepCoefficients, facts: Facts, measure: Measure) -> Iterator[str]:
    """Yield functions of the class that are the worst for some methods."""
    yield "parabola:curvature=1.0,start=1.0"
    if facts.strong_convexity:
        yield f"parabola:curvature={facts.strong_convexity!r},start=1.0"
    elif method.points[-1].sum() >= 0:  # a method that climbs has no worst arm
        yield f"huber:tau={huber_width(method, measure)!r}"


def _with_numbers(optimizer: str, facts: Facts) -> Spec:
    """Return an optimizer's complete spec, its tunings resolved for the class of functions."""
    (run,) = expand(Request(problems=("huber",), optimizers=(optimizer,)))
    numbers, _ = resolve_tunings(dict(run.optimizer.params), facts)
    return Spec.of(run.optimizer.name, numbers)


def _reached(problem: str, optimizer: Spec, steps: int, measure: Measure) -> float:
    """Run a method on a problem and return the measure after the last step."""
    found = find_optimizer(optimizer.name)
    cost = found.gradients_per_step if isinstance(found, UpdateRule) else 1.0
    request = Request(problems=(problem,), optimizers=(str(optimizer),), targets=())
    (spec,) = expand(request)
    (batch,) = plan([replace(spec, budget=steps * cost)])
    run = run_batch(batch).runs[0]
    last = run.last(COLUMNS[measure])
    if run.status not in (Status.BUDGET, Status.CONVERGED) or math.isnan(last):
        why = "diverges" if run.status is Status.DIVERGED else f"ended as {run.status}"
        raise OptbenchError(f"{optimizer.name} {why} on {problem} {run.message}".rstrip())
    return last if measure == "value" else last**2
