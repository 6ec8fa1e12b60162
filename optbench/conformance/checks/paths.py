"""The path itself: first step, trajectories, every hyperparameter, extreme gradients."""

from __future__ import annotations

import functools

import torch

from optbench.conformance.check import Check, Measured, within
from optbench.conformance.pair import RTOL, NotApplicableError, Pair, along
from optbench.conformance.problems import constant_tape, mixed_tape, problems, tape
from optbench.conformance.reference import expected_path
from optbench.conformance.trial import Trial
from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import parameters_of
from optbench.core.problem import Problem

STEPS, STEPS_VARIED = 200, 60
"""Steps of a trajectory at the published values, and at others."""

CONSTANT_STEPS = 300
"""More than the 256 to which a step count in bfloat16 is exact."""

HYPER_STEPS = 40
"""Steps in which a hyperparameter must show."""

TRAJECTORIES = ("quadratic", "logistic", "rosenbrock", "matrices")

F32_RTOL = 1e-4
"""Single precision over a few dozen steps."""

TITLES = {
    "quadratic": "a rotated quadratic, kappa = 100",
    "logistic": "logistic regression on real data",
    "rosenbrock": "Rosenbrock's valley in ten variables",
    "matrices": "|A X B - C|^2 in a matrix X",
}


def first_step_trial(pair: Pair) -> Trial:
    """Return one step from the origin, at gradients from 1e-12 to 1e3."""
    return pair.trial(first_tape(), 1)


@functools.cache
def first_tape() -> Problem:
    """Return a gradient with coordinates from 1e-12 to 1e3, at the origin."""
    gradient = torch.logspace(-12, 3, 10, dtype=torch.float64)
    gradient[1::2].neg_()
    return tape(lambda t: gradient, start=0.0)


def _first_step(pair: Pair) -> Measured:
    return within(pair.compare(first_step_trial(pair)), RTOL)


def trajectory_trial(name: str, pair: Pair, *, varied: bool) -> Trial:
    """Return a trajectory on one of the battery's functions.

    Args:
        name: Of the function.
        pair: Implementation and equation.
        varied: Whether every hyperparameter has another than its published value.

    Raises:
        NotApplicableError: When the implementation draws its own random numbers and the function is
            one on which they show, or the equation needs what the function does not have.
    """
    if pair.draws_signs and name != "quadratic":
        raise NotApplicableError("its random signs differ; along the axes they do not show")
    problem = problems()["separable" if pair.draws_signs else name]
    steps, hyper = (STEPS_VARIED, pair.others) if varied else (STEPS, pair.base)
    return along(pair.equation, pair.trial(problem, steps, hyper))


def _trajectory(name: str, pair: Pair) -> Measured:
    gaps = [
        (pair.compare(trajectory_trial(name, pair, varied=varied)), label)
        for varied, label in ((False, "with published values"), (True, "with others"))
    ]
    gap, label = max(gaps)
    return within(gap, RTOL, label if gap > RTOL else "")


def hyper_trial(name: str, pair: Pair) -> Trial:
    """Return mixed gradients with one hyperparameter moved from its published value."""
    pair.takes(name)
    return pair.trial(mixed_tape(), HYPER_STEPS, {name: pair.others[name]})


def _hyper(name: str, pair: Pair) -> Measured:
    return within(pair.compare(hyper_trial(name, pair)), RTOL)


def hyperparameter_checks(rule: UpdateRule) -> list[Check]:
    """Return a check for each hyperparameter of an equation."""
    return [
        Check(
            id=f"hyper-{name}",
            statement=f"{name} acts as in the equation, on gradients of eight decades",
            measure=functools.partial(_hyper, name),
            meaning=f"{name} is ignored, or enters in another place",
        )
        for name in parameters_of(rule.step)
    ]


def _zero(pair: Pair) -> Measured:
    return within(pair.compare(pair.trial(constant_tape(0.0), 5)), RTOL)


def _tiny(pair: Pair) -> Measured:
    gaps = [
        (pair.compare(pair.trial(constant_tape(size, 0.0), 20)), f"at {size:g}")
        for size in (1e-8, 1e-30)
    ]
    gap, where = max(gaps)
    return within(gap, RTOL, where if gap > RTOL else "")


def _huge(pair: Pair) -> Measured:
    wide = pair.compare(pair.trial(constant_tape(1e150), 5))
    if wide > RTOL:
        return within(wide, RTOL, "at 1e150")
    trial = pair.trial(constant_tape(1e20), 5, dtype=torch.float32)
    if not expected_path(pair.equation, trial).isfinite().all():
        return within(wide, RTOL)  # squares of 1e20 are infinite, and what follows is accidental
    single = pair.compare(trial)
    return within(single, F32_RTOL, "at 1e20 in float32" if single > F32_RTOL else "")


def _constant(pair: Pair) -> Measured:
    return within(pair.compare(pair.trial(constant_tape(), CONSTANT_STEPS)), RTOL)


def _closed_loop(pair: Pair) -> Measured:
    problem = problems()["separable" if pair.draws_signs else "quadratic"]
    return within(pair.compare(pair.trial(problem, 25)), RTOL)


PATHS = (
    Check(
        id="first-step",
        statement="the first step from the origin, at gradients from 1e-12 to 1e3",
        measure=_first_step,
        meaning="epsilon in another place, a missing bias correction, a sign, or the step count "
        "off by one",
    ),
    *(
        Check(
            id=f"trajectory-{name}",
            statement=f"{STEPS} steps on {TITLES[name]}",
            measure=functools.partial(_trajectory, name),
            meaning="another order of operations, a missing term, or a hyperparameter in another "
            "place",
        )
        for name in TRAJECTORIES
    ),
    Check(
        id="closed-loop",
        statement="25 steps on a quadratic, gradients where the implementation asks for them",
        measure=_closed_loop,
        meaning="the gradient is taken, or the point reported, in another place",
    ),
    Check(
        id="zero-gradient",
        statement="a zero gradient moves nothing but what decay moves",
        measure=_zero,
        meaning="0/0, an epsilon that is missing, or decay in another form",
    ),
    Check(
        id="tiny-gradients",
        statement="gradients of 1e-8 and 1e-30",
        measure=_tiny,
        meaning="epsilon in another place or of another size, or an underflow",
    ),
    Check(
        id="huge-gradients",
        statement="gradients of 1e150, and of 1e20 in float32",
        measure=_huge,
        meaning="an overflow, or a clip that is no part of the equation",
    ),
    Check(
        id="constant-gradient",
        statement=f"{CONSTANT_STEPS} steps under a constant gradient",
        measure=_constant,
        meaning="a bias correction or an average that drifts, a rounded step count, or another "
        "form of weight decay",
    ),
)
"""Checks of the path, for every equation."""
