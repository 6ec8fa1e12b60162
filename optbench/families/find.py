"""From a spec to a problem."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from optbench.core.errors import OptbenchError
from optbench.core.parameters import Parameter, complete, parameters_of
from optbench.core.problem import Problem
from optbench.core.registry import load, resolve
from optbench.core.spec import Spec
from optbench.families import FAMILIES


def find_family(name: str) -> Callable[..., Problem]:
    """Return the function that builds the problems of a family.

    Args:
        name: A registered family, or `file.py:NAME` or `module:NAME` of a function that returns a
            `Problem`, or of a `Problem`.

    Returns:
        The function; its keyword-only arguments are the family's parameters.

    Raises:
        OptbenchError: When there is none of that name, or what is there is neither.
    """
    found = load(resolve("problem", FAMILIES, name))
    if isinstance(found, Problem):
        return _constant(found)
    if callable(found) and not isinstance(found, type):
        return found  # type: ignore[no-any-return]
    raise OptbenchError(
        f"{name} is a {type(found).__name__}; a problem is a Problem or a function that returns one"
    )


def _constant(problem: Problem) -> Callable[..., Problem]:
    def family() -> Problem:
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
def build_problem(spec: Spec) -> Problem:
    """Build the problem that a complete spec names.

    Raises:
        OptbenchError: When its parameters do not fit together, or a user's function returns
            something else.
    """
    params: dict[str, Any] = dict(spec.params)
    try:
        problem = find_family(spec.name)(**params)
    except OptbenchError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise OptbenchError(f"{spec} cannot be built: {type(error).__name__}: {error}") from error
    if not isinstance(problem, Problem):
        raise OptbenchError(f"{spec.name} returned a {type(problem).__name__}, not a Problem")
    return problem
