"""From a class, a point and hyperparameters to optimizers that are ready to step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import torch

from optbench.core.errors import OptbenchError
from optbench.core.groups import Own
from optbench.core.optimizer import Session
from optbench.core.parameters import Value
from optbench.optimizers.foreign.groups import Group, set_own, shared
from optbench.optimizers.foreign.point import Optimized
from optbench.optimizers.foreign.signature import arguments
from optbench.optimizers.foreign.traits import Traits


class Rated(NamedTuple):
    """A group with a learning rate: whose, its place there, its key, its value before any schedule.

    The place and not the group, which `load_state_dict` replaces.
    """

    owner: Any
    place: int
    key: str
    rate: float


def construct(
    cls: type,
    traits: Traits,
    point: Optimized,
    hyper: Mapping[str, Value],
    labels: Sequence[Any],
    session: Session,
) -> list[Any]:
    """Build a class's optimizer over a point, and torch's AdamW where it takes matrices only.

    Args:
        cls: The class.
        traits: What it asks for.
        point: What it optimizes.
        hyper: Its hyperparameters.
        labels: One for each block; blocks with equal labels share a parameter group.
        session: Knows what else it asks for.

    Returns:
        One or two optimizers, to be stepped in turn.
    """
    given = arguments(cls, hyper)
    given |= {name: attrgetter(known)(session) for name, known in traits.from_session.items()}
    is_matrix = [len(block.shape) >= 2 for block in point.layout.blocks]
    taken = inspect.signature(cls).parameters
    if "model" in taken:
        model = session.model if traits.gradient == "layers" else None
        if "params" in taken and len(shared(labels)) > 1:
            given["params"] = _groups(point, range(len(labels)), labels)
        return [cls(point.module() if model is None else model.module, **given)]
    if traits.matrices == "use_muon":
        groups = _groups(point, range(len(labels)), list(zip(is_matrix, labels, strict=True)))
        for group in groups:
            group["use_muon"] = group["params"][0].dim() >= 2
        return [cls(groups, **given)]
    if traits.matrices == "only":
        matrices = [i for i, flag in enumerate(is_matrix) if flag]
        main: Any = cls(_groups(point, matrices, labels), **given)
        rest = [i for i, flag in enumerate(is_matrix) if not flag]
        own = {key: main.defaults[key] for key in ("lr", "weight_decay")}
        return [main] + ([torch.optim.AdamW(_groups(point, rest, labels), **own)] if rest else [])
    if len(shared(labels)) > 1:
        return [cls(_groups(point, range(len(labels)), labels), **given)]
    return [cls(point.parameters, **given)]


def _groups(point: Optimized, chosen: Sequence[int], labels: Sequence[Any]) -> list[Group]:
    """Return torch's groups of some blocks: those with equal labels together, order kept."""
    places = shared([labels[i] for i in chosen])
    return [{"params": [point.parameters[chosen[i]] for i in group]} for group in places]


def rated_groups(
    optimizers: Sequence[Any], name: str, traits: Traits, point: Optimized, own: Sequence[Own]
) -> list[Rated]:
    """Write each block's own values into its group, and return the groups' learning rates.

    Args:
        optimizers: What `construct` returned.
        name: What the user calls the class.
        traits: What it asks for.
        point: What it optimizes.
        own: What each block has of its own.

    Raises:
        OptbenchError: When the class has no such hyperparameter by group, makes its own groups, or
            leaves a parameter alone.
    """
    index = {id(parameter): i for i, parameter in enumerate(point.parameters)}
    rated: list[Rated] = []
    for optimizer in optimizers:
        for place, group in enumerate(getattr(optimizer, "param_groups", [])):
            blocks = [index.pop(id(p)) for p in group["params"] if id(p) in index]
            values = own[blocks[0]] if blocks else {}
            if any(own[i] != values for i in blocks):
                raise OptbenchError(f"{name} makes parameter groups of its own")
            set_own(type(optimizer), name, group, values)
            key = traits.rate if optimizer is optimizers[0] else "lr"
            if group.get(key) is not None:
                group[key] = group[key] * values.get("lr_scale", 1)
                rated.append(Rated(optimizer, place, key, group[key]))
    left = [point.layout.blocks[i] for i in index.values()]
    if left and hasattr(optimizers[0], "param_groups"):
        raise OptbenchError(f"{name} does not train {', '.join(block.name for block in left)}")
    if any(own) and not rated:
        raise OptbenchError(f"{name} has no parameter groups")
    return rated
