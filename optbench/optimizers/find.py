"""From a name to an optimizer."""

from __future__ import annotations

import functools
import importlib

from optbench.core.errors import OptbenchError, unknown
from optbench.core.optimizer import Optimizer, StepMethod, UpdateRule
from optbench.core.registry import load, resolve
from optbench.optimizers import OPTIMIZERS


@functools.cache
def find_optimizer(name: str) -> Optimizer:
    """Return the optimizer of a name.

    Args:
        name: A registered name, `torch.X` for `torch.optim.X`, or `file.py:NAME` or `module:NAME`
            of an `UpdateRule`, a `StepMethod`, or a class in torch's form.

    Returns:
        The optimizer.

    Raises:
        OptbenchError: When there is none of that name, or what is there is no optimizer.
    """
    if name.startswith("torch.") and ":" not in name:
        return _from_torch(name)
    found = load(resolve("optimizer", OPTIMIZERS, name))
    if isinstance(found, UpdateRule | StepMethod):
        return found
    if isinstance(found, type):
        from optbench.optimizers.from_torch import adapt

        return adapt(found, name)
    raise OptbenchError(
        f"{name} is a {type(found).__name__}; an optimizer is a class in torch's form, "
        "an UpdateRule or a StepMethod"
    )


def _from_torch(name: str) -> Optimizer:
    import torch

    from optbench.optimizers.from_torch import adapt

    classes = {
        f"torch.{key}": value
        for key, value in vars(importlib.import_module("torch.optim")).items()
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }
    if name not in classes:
        raise unknown("optimizer", name, {*classes, *OPTIMIZERS})
    return adapt(classes[name], name)
