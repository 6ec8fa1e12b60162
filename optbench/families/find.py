"""From a spec to a problem."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from optbench.core.errors import OptbenchError, in_one_line
from optbench.core.parameters import Parameter, complete, parameters_of
from optbench.core.problem import Problem
from optbench.core.registry import load, resolve
from optbench.core.spec import Spec
from optbench.core.task import Task
from optbench.families import FAMILIES
from optbench.families.rehearsal import rehearse


def find_family(name: str) -> Callable[..., Problem | Task]:
    """Return the function that builds the problems of a family.

    Args:
        name: A registered family, or `file.py:NAME` or `module:NAME` of a function that returns a
            `Problem` or a `Task`, or of one of these.

    Returns:
        The function; its keyword-only arguments are the family's parameters.

    Raises:
        OptbenchError: When there is none of that name, or what is there is neither.
    """
    found = load(resolve("problem", FAMILIES, name))
    if isinstance(found, Problem | Task):
        return _constant(found)
    if callable(found) and not isinstance(found, type):
        return found  # type: ignore[no-any-return]
    raise OptbenchError(
        f"{name} is a {type(found).__name__}; "
        "a problem is a Problem, a Task, or a function that returns one"
    )


def _constant(problem: Problem | Task) -> Callable[..., Problem | Task]:
    def family() -> Problem | Task:
        return problem

    return family


def family_parameters(name: str) -> dict[str, Parameter]:
    """Return the parameters of a family."""
    return dict(parameters_of(find_family(name)))


def complete_problem(spec: Spec) -> Spec:
    """Check a problem's parameters and fill in the defaults.

    Raises:
        SpecError: For an unknown parameter, a wrong type or a value out of range.
    """
    return Spec.of(spec.name, complete(spec.name, family_parameters(spec.name), dict(spec.params)))


@functools.lru_cache(maxsize=32)
def build(spec: Spec) -> Problem | Task:
    """Build what a complete spec names: a problem or a task.

    Raises:
        OptbenchError: When its parameters do not fit together, its data is missing, or a user's
            function returns something else.
    """
    params: dict[str, Any] = dict(spec.params)
    hint = (
        "a problem's function takes keyword arguments with defaults and returns a Problem or Task"
    )
    try:
        built = find_family(spec.name)(**params)
    except OptbenchError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise OptbenchError(f"{spec} cannot be built: {in_one_line(error)} ({hint})") from error
    if not isinstance(built, Problem | Task):
        kind = type(built).__name__
        raise OptbenchError(f"{spec.name} returned a {kind}; {hint}")
    complaint = rehearse(built) if isinstance(built, Task) else _complaint(built)
    if complaint:
        raise OptbenchError(f"problem {spec}: {complaint}")
    return built


def build_problem(spec: Spec) -> Problem:
    """Build the problem, a function with facts, that a complete spec names.

    Raises:
        OptbenchError: As `build` does, and when the spec names a task.
    """
    built = build(spec)
    if isinstance(built, Task):
        raise OptbenchError(f"{spec.name} is a learning problem, and here one with facts is needed")
    return built


def _complaint(problem: Problem) -> str:
    """Try a problem's start and oracle once and say what is wrong with what they return."""
    import torch

    dim = problem.facts.dim
    try:
        start = problem.start(0)
        if start.shape != (dim,) or start.dtype != torch.float64:
            return f"start must be float64 of shape ({dim},), not {_described(start)}"
        x = torch.stack([start, start])
        before = x.clone()
        with torch.no_grad():
            f, g = problem.oracle(x)
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        return f"start or oracle raised {in_one_line(error)}"
    for name, value, shape in (("f", f, (2,)), ("the gradient", g, (2, dim))):
        if not isinstance(value, torch.Tensor) or value.shape != shape or value.dtype != x.dtype:
            return f"for 2 points {name} must be float64 of shape {shape}, not {_described(value)}"
    if not torch.equal(x.nan_to_num(), before.nan_to_num()):
        return "the oracle changes its argument; it must leave it as it is"
    return ""


def _described(value: Any) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", type(value).__name__)
    return str(dtype) if shape is None else f"{dtype} of shape {tuple(shape)}"
