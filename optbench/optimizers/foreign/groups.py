"""Parameter groups of a torch optimizer, from the overrides of a spec."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from optbench.core.errors import OptbenchError
from optbench.core.parameters import Value
from optbench.optimizers.foreign.signature import places_of

Group = dict[str, Any]
"""One of torch's parameter groups."""


def shared(keys: Sequence[Any]) -> list[list[int]]:
    """Return the places of equal keys, in the order in which they first occur."""
    places: list[list[int]] = []
    for place, key in enumerate(keys):
        group = next((g for g in places if keys[g[0]] == key), None)
        if group is None:
            places.append([place])
        else:
            group.append(place)
    return places


def set_own(cls: type, name: str, group: Group, values: Mapping[str, Value]) -> None:
    """Write a group's own values into it.

    Args:
        cls: The optimizer's class, which says where the pieces of a tuple are.
        name: What the user calls it.
        group: The group; `lr_scale` is not its business.
        values: Its own values.

    Raises:
        OptbenchError: When the class has no such hyperparameter by group.
    """
    for key, value in values.items():
        if key == "lr_scale":
            continue
        argument, place = places_of(inspect.signature(cls)).get(key, (key, None))
        if argument not in group:
            raise OptbenchError(f"{name} has no {key} that could differ between parameters")
        if place is None:
            group[argument] = value
        else:
            pieces = list(group[argument])
            pieces[place] = value
            group[argument] = tuple(pieces)
