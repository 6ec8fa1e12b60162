"""Schedulers of torch, by their own name: factors are read off the real thing, step by step."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from optbench.core.errors import OptbenchError, SpecError, unknown
from optbench.core.parameters import Number, Numbers, Param, Parameter, Value, vector_of
from optbench.core.schedule import Factors, Schedule

PREFIX = "torch."
FUNCTION = "write it as a function of your own, FILE.py:NAME"
REFUSED = {
    "ReduceLROnPlateau": "it waits for a metric of the run, and a schedule is fixed beforehand; "
    "use step, multi_step or wsd",
    "LambdaLR": f"it takes a Python function; {FUNCTION}",
    "MultiplicativeLR": f"it takes a Python function; {FUNCTION}",
    "SequentialLR": "it takes other schedulers; use warmup_cosine, warmup_linear or wsd, "
    f"or {FUNCTION}",
    "ChainedScheduler": "it takes other schedulers; use warmup_cosine, warmup_linear or wsd, "
    f"or {FUNCTION}",
}
"""Why some schedulers of torch are no schedules here, and what to use instead."""

NOTE = """optbench steps this scheduler on a learning rate of 1, and the factors are what comes out.
So rates among its parameters (max_lr, base_lr, eta_min, swa_lr) are multiples of the run's, and a
momentum that it cycles is set as it is."""


def find_torch_schedule(name: str) -> Schedule:
    """Return torch's scheduler of a name as a schedule.

    Args:
        name: `torch.X` for a class X of `torch.optim.lr_scheduler`, or `torch.SWALR`.

    Returns:
        The schedule; its parameters are those of the class without `optimizer` and `last_epoch`.

    Raises:
        OptbenchError: When torch has no such scheduler, or it cannot be a schedule.
    """
    bare = name.removeprefix(PREFIX)
    if bare in REFUSED:
        raise OptbenchError(f"{name} is no schedule: {REFUSED[bare]}")
    cls = _classes().get(bare)
    if cls is None:
        raise unknown("schedule", name, {f"{PREFIX}{known}" for known in _classes()})
    return Schedule(
        parameters=_parameters(cls),
        documentation=f"{NOTE}\n\n{inspect.cleandoc(cls.__doc__ or '')}",
        factors=lambda t, horizon, **given: _factors(name, t, given).lr,
        momentum=lambda t, horizon, **given: _factors(name, t, given).momentum,
    )


def is_torch_scheduler(name: str) -> bool:
    """Return whether torch has a scheduler of that name, `torch.X`, fit for a schedule or not."""
    bare = name.removeprefix(PREFIX)
    return bare != name and (bare in REFUSED or bare in _classes())


def _classes() -> dict[str, type]:
    module = importlib.import_module("torch.optim.lr_scheduler")
    base = module.LRScheduler
    found = {
        name: cls
        for name, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base and name[0] != "_"
    }
    return found | {"SWALR": importlib.import_module("torch.optim.swa_utils").SWALR}


def _parameters(cls: type) -> Mapping[str, Parameter]:
    found = {}
    for name, argument in inspect.signature(cls).parameters.items():
        annotation, default = str(argument.annotation), argument.default
        if name in ("optimizer", "last_epoch") or "Callable" in annotation:
            continue
        default = None if default is argument.empty else default
        # torch writes 0 and 1 for numbers that need not be whole.
        kind: type = Number if default is None or type(default) is int else type(default)
        kind = Numbers if "Iterable" in annotation or "Sequence" in annotation else kind
        about = "to be given" if name in _required(cls) else ""
        found[name] = Parameter(name, kind, default, Param(about))
    return found


def _required(cls: type) -> list[str]:
    arguments = inspect.signature(cls).parameters
    return [name for name, a in arguments.items() if a.default is a.empty and name != "optimizer"]


def _factors(name: str, t: np.ndarray, given: Mapping[str, Value]) -> Factors:
    seen = _step_through(name, int(t.max()), tuple(sorted(given.items())))
    return Factors(seen.lr[t], None if seen.momentum is None else seen.momentum[t])


@functools.lru_cache(maxsize=4)
def _step_through(name: str, last: int, given: tuple[tuple[str, Value], ...]) -> Factors:
    """Return what the scheduler makes of lr = 1 at the steps 0 to last, and of the momentum.

    Raises:
        SpecError: When torch refuses the arguments, or that many steps.
    """
    import torch

    cls = _classes()[name.removeprefix(PREFIX)]
    parameters = _parameters(cls)
    arguments: dict[str, Any] = {
        key: _whole(vector_of(str(value))) if parameters[key].kind is Numbers else value
        for key, value in given
    }
    missing = [key for key in _required(cls) if key not in arguments]
    if missing:
        example = ",".join(f"{key}=..." for key in missing)
        raise SpecError(f"{name} needs {' and '.join(missing)}; write {name}:{example}")
    # Not a number stays so in the hands of a scheduler that leaves the momentum alone.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=float("nan"))
    (group,) = optimizer.param_groups
    rates, momenta = np.empty(last + 1), np.empty(last + 1)
    try:
        scheduler = cls(optimizer, **arguments)
        optimizer.step()  # it has no gradient and does nothing; torch warns when it is left out
        for t in range(last + 1):
            rates[t], momenta[t] = group["lr"], group["momentum"]
            if t < last:
                scheduler.step()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SpecError(f"{name} cannot do {last} steps with these arguments: {reason}") from error
    rates.flags.writeable = momenta.flags.writeable = False
    return Factors(rates, None if np.isnan(momenta).all() else momenta)


def _whole(numbers: tuple[float, ...]) -> list[float | int]:
    return [int(number) if number.is_integer() else number for number in numbers]
