"""Whether what optimizers say of batches and of parameters by name fits the problems."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.groups import Override, overrides, own_values
from optbench.core.layout import Layout
from optbench.core.spec import Spec
from optbench.core.task import Task
from optbench.families.find import build
from optbench.families.rehearsal import layout_of, make_module


def check_optimizers(problems: Mapping[Spec, str], optimizers: Iterable[Spec]) -> None:
    """Check what optimizers say of batches and of parameters by name.

    Args:
        problems: The problems that all of them are to run on, with their names for messages.
        optimizers: Complete specs.

    Raises:
        OptbenchError: For a pattern of a parameter group that fits none of the problems, two values
            that meet in one parameter, or a batch larger than the training data of a task.
    """
    tasks = {
        name: built for spec, name in problems.items() if isinstance(built := build(spec), Task)
    }
    for optimizer in optimizers:
        values = dict(optimizer.params)
        for name, task in tasks.items():
            if (size := int(values.get("batch_size", 0))) > len(task.train):
                count = f"{len(task.train)} training examples"
                raise SpecError(f"{optimizer.name}: batch_size={size}, and {name} has {count}")
        if groups := overrides(values):
            complaints = [_misfit(spec, groups) for spec in problems]
            if all(complaints):
                raise SpecError(f"{optimizer.name}: {complaints[0]}")


def _misfit(problem: Spec, groups: Sequence[Override]) -> str:
    try:
        own_values(layout(problem), groups)
    except OptbenchError as error:
        return str(error)
    return ""


@functools.lru_cache(maxsize=32)
def layout(problem: Spec) -> Layout:
    """Return the named parameters of a problem."""
    built = build(problem)
    return layout_of(make_module(built, 0)) if isinstance(built, Task) else built.layout
