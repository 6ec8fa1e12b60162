"""Picks runs by the names and patterns that a user types."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from optbench.core.errors import OptbenchError, unknown
from optbench.core.spec import RunSpec

Names = tuple[str, str]
"""What a user may call a thing: its name alone, or its whole text."""


def chosen(
    specs: Sequence[RunSpec],
    *,
    problems: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    schedules: Sequence[str] = (),
) -> list[bool]:
    """Say of each spec whether it fits one pattern of each kind.

    Args:
        specs: The specs of some runs.
        problems: Problems by name, label or glob; any when empty.
        optimizers: Optimizers likewise.
        schedules: Schedules likewise.

    Returns:
        One truth value a spec.

    Raises:
        OptbenchError: For a pattern that no spec fits, or when no spec fits all of them.
    """
    kinds = {
        "problem": (problems, [_problem(spec) for spec in specs]),
        "optimizer": (optimizers, [_of(spec.optimizer.name, spec.optimizer) for spec in specs]),
        "schedule": (schedules, [_of(spec.schedule.name, spec.schedule) for spec in specs]),
    }
    for kind, (patterns, known) in kinds.items():
        for pattern in patterns:
            if not any(_fits(names, [pattern]) for names in known):
                raise unknown(kind, pattern, sorted({name for name, _ in known}))
    found = [
        all(_fits(known[i], patterns) for patterns, known in kinds.values())
        for i in range(len(specs))
    ]
    if specs and not any(found):
        raise OptbenchError("no run there is all of that; leave a filter out")
    return found


def _problem(spec: RunSpec) -> Names:
    # A card's label is its name; that of a family begins with it.
    label = spec.problem_label
    return (spec.problem.name if label.startswith(spec.problem.name) else label), label


def _of(name: str, spec: object) -> Names:
    return name, str(spec)


def _fits(names: Names, patterns: Sequence[str]) -> bool:
    """Return whether one of the names fits one of the globs, or there are none.

    A name fits itself, whatever signs of globs are in it.
    """
    return not patterns or any(
        name == pattern or fnmatchcase(name, pattern) for pattern in patterns for name in names
    )
