"""From a name to a schedule, and from a spec to its numbers."""

from __future__ import annotations

import inspect

import numpy as np

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.parameters import complete, parameters_of
from optbench.core.registry import load, plugins, resolve
from optbench.core.schedule import Factors, Schedule
from optbench.core.spec import Spec
from optbench.schedules import MOMENTUM, SCHEDULES
from optbench.schedules.from_torch import PREFIX, find_torch_schedule, is_torch_scheduler

FORM = "a schedule is a function (t, horizon, *, ...) from n steps to n factors"


def find_schedule(name: str) -> Schedule:
    """Return the schedule of a name.

    Args:
        name: A registered name, `torch.X` for a scheduler of torch, or `file.py:NAME` or
            `module:NAME` of a function.

    Returns:
        The schedule.

    Raises:
        OptbenchError: When there is none of that name, or what is there is no schedule.
    """
    if name.startswith(PREFIX) and ":" not in name:
        return find_torch_schedule(name)
    function = load(resolve("schedule", SCHEDULES, name))
    if isinstance(function, type) or not callable(function):
        raise OptbenchError(f"{name} is a {type(function).__name__}; {FORM}")
    return Schedule(
        factors=function,
        parameters=parameters_of(function),
        documentation=inspect.getdoc(function) or "",
        momentum=load(MOMENTUM[name]) if name in MOMENTUM else None,
    )


def is_schedule(name: str) -> bool:
    """Return whether a name is a schedule's; a path is one when it is a function of t, horizon."""
    if ":" not in name:
        return name in {**SCHEDULES, **plugins("optbench.schedules")} or is_torch_scheduler(name)
    try:
        factors = find_schedule(name).factors
    except OptbenchError:
        return False
    arguments = inspect.signature(factors).parameters.values()
    return sum(a.kind is a.POSITIONAL_OR_KEYWORD and a.default is a.empty for a in arguments) == 2


def complete_schedule(spec: Spec) -> Spec:
    """Check a schedule's parameters and fill in the defaults.

    Raises:
        OptbenchError: For an unknown schedule or parameter, or a value out of range.
    """
    parameters = find_schedule(spec.name).parameters
    return Spec.of(spec.name, complete(spec.name, parameters, dict(spec.params)))


def factors_of(spec: Spec, steps: int) -> Factors:
    """Work a schedule out.

    Args:
        spec: The schedule with every parameter.
        steps: Number of steps T of the run.

    Returns:
        Its numbers at the steps 0 to T.

    Raises:
        SpecError: When it does not fit the run, raises something, or returns anything but one
            finite factor that is not negative for each step.
    """
    schedule, t = find_schedule(spec.name), np.arange(steps + 1)
    t.flags.writeable = False  # a function that counts in place would see other steps
    params = dict(spec.params)
    try:
        found = np.asarray(schedule.factors(t, steps, **params))
        if np.iscomplexobj(found):
            raise SpecError(f"schedule {spec} returned complex numbers; {FORM}")
        lr = found.astype(np.float64)
        momentum = schedule.momentum(t, steps, **params) if schedule.momentum else None
    except OptbenchError:
        raise
    except Exception as error:  # a user's function may raise anything
        cause = f"{type(error).__name__}: {error}"
        raise SpecError(f"schedule {spec} raised {cause} ({FORM})") from error
    if lr.shape != t.shape:
        raise SpecError(f"schedule {spec} returned shape {lr.shape} for {len(t)} steps; {FORM}")
    bad = np.flatnonzero(~(np.isfinite(lr) & (lr >= 0)))
    if len(bad):
        raise SpecError(
            f"schedule {spec} is {lr[bad[0]]:g} at step {bad[0]}; factors are finite and at least 0"
        )
    return Factors(lr, momentum)
