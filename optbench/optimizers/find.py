"""From a name to an optimizer."""

from __future__ import annotations

import functools

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Optimizer, StepMethod, UpdateRule
from optbench.core.registry import load, resolve
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.foreign.packages import find_class, package_of


@functools.cache
def find_optimizer(name: str) -> Optimizer:
    """Return the optimizer of a name.

    Args:
        name: A registered name, `PACKAGE.X` for the class X of one of `foreign.packages.PACKAGES`,
            or `file.py:NAME` or `module:NAME` of an `UpdateRule`, a `StepMethod`, or a class in
            torch's form.

    Returns:
        The optimizer.

    Raises:
        OptbenchError: When there is none of that name, or what is there is no optimizer.
    """
    found = find_class(name) if package_of(name) else load(resolve("optimizer", OPTIMIZERS, name))
    if isinstance(found, UpdateRule | StepMethod):
        return found
    if isinstance(found, type):
        from optbench.optimizers.from_torch import adapt

        return adapt(found, name)
    raise OptbenchError(
        f"{name} is a {type(found).__name__}; an optimizer is a class in torch's form, "
        "an UpdateRule or a StepMethod"
    )
