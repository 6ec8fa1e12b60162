"""Classes in torch's form: `torch.optim`, other packages, a user's own file.

A class fits when it is built as `Class(params, lr=..., ...)` and has `step()` or `step(closure)`.
Each block of the problem is a parameter of its own; what a class asks for beyond that is in
`foreign.traits`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import replace

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import StepMethod, gradient_parameters
from optbench.core.parameters import Value
from optbench.core.registry import USER_MODULE
from optbench.optimizers.foreign.loop import run
from optbench.optimizers.foreign.rehearsal import check
from optbench.optimizers.foreign.signature import hyperparameters
from optbench.optimizers.foreign.traits import traits_of


def adapt(
    cls: type,
    name: str,
    *,
    documentation: str = "",
    defaults: Mapping[str, Value] | None = None,
) -> StepMethod:
    """Make a step method of a class in torch's form.

    Args:
        cls: The class; its first argument is the list of parameters to be optimized, or the model.
        name: What the user calls it.
        documentation: What it is; the class's own docstring unless given.
        defaults: Hyperparameters that differ from the class's own defaults.

    Returns:
        The method. Its hyperparameters are those of the class's signature; a tuple such as
        `betas=(0.9, 0.999)` becomes `beta1` and `beta2`.

    Raises:
        OptbenchError: When the class has no `step`.
    """
    if not callable(getattr(cls, "step", None)):
        raise OptbenchError(f"{name} is not an optimizer: it has no step() method")
    traits = traits_of(cls)
    foreign = not cls.__module__.startswith(USER_MODULE)
    own = {"params", *traits.from_session, *(() if traits.rate else ("lr",))}
    parameters = hyperparameters(cls, without=own)
    for key, value in (defaults or {}).items():
        parameters[key] = replace(parameters[key], default=value)
    return StepMethod(
        run=functools.partial(run, cls, name, foreign),
        parameters={**parameters, **gradient_parameters()},
        documentation=inspect.cleandoc(documentation or cls.__doc__ or f"{name}: no documentation"),
        needs=traits.needs,
        check=functools.partial(check, cls, name, foreign),
        package=cls.__module__.partition(".")[0] if foreign else "",
        cls=cls,
    )
