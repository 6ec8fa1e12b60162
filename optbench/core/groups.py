"""Parameter groups: hyperparameters of some blocks only, picked by name.

`adamw:lr=1e-3,weight_decay@bias=0,lr_scale@0=.1` decays no bias and gives block 0 a tenth of the
learning rate. A key is `NAME@PATTERN`: any numeric hyperparameter, or `lr_scale`, a multiple of the
learning rate (so that a schedule and a sweep keep the groups' ratio), or `exclude`, which takes
blocks out of weight decay and layer-wise scaling, as published recipes do with biases and norms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from optbench.core.errors import OptbenchError, SpecError, unknown
from optbench.core.layout import Layout
from optbench.core.optimizer import without_gradient_parameters
from optbench.core.parameters import Param, Parameter, Value, checked, complete

_OWN = {
    "lr_scale": Parameter("lr_scale", float, 1.0, Param("multiple of the learning rate", low=0)),
    "exclude": Parameter("exclude", bool, True, Param("no decay, no layer-wise scaling")),
}


class Override(NamedTuple):
    """One hyperparameter's value in the blocks whose names match."""

    name: str
    pattern: str
    value: Value


Own = dict[str, Value]
"""What differs in one block: hyperparameter to value, `lr_scale` among them."""


def overrides(values: Mapping[str, Value]) -> list[Override]:
    """Return what a completed spec says about groups."""
    keys = [(key.partition("@"), value) for key, value in values.items() if "@" in key]
    return [Override(name, pattern, value) for (name, _, pattern), value in keys]


def own_values(layout: Layout, overrides: Sequence[Override]) -> list[Own]:
    """Return what each block has of its own.

    Args:
        layout: The blocks.
        overrides: What the user said of blocks by name.

    Returns:
        One mapping a block; an exclusion is a weight decay of 0.

    Raises:
        OptbenchError: When a pattern matches no block, or two values meet in one.
    """
    own: list[Own] = [{} for _ in layout.blocks]
    for name, pattern, value in overrides:
        chosen = layout.matching(pattern)
        if name == "exclude":
            if not value:
                continue
            name, value = "weight_decay", 0.0
        for block, values in zip(layout.blocks, own, strict=True):
            if block in chosen:
                if name in values:
                    raise OptbenchError(f"two values of {name}@ meet in {block.name}")
                values[name] = value
    return own


def without_groups(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that hold for all blocks."""
    return {key: value for key, value in values.items() if "@" not in key}


def complete_grouped(
    owner: str, parameters: Mapping[str, Parameter], given: Mapping[str, Value]
) -> dict[str, Value]:
    """Check what the user gave, `NAME@PATTERN` keys among it, and fill in the defaults.

    Args:
        owner: The optimizer's name, for the message.
        parameters: Its parameters.
        given: What the user gave.

    Returns:
        A value for every parameter, and for every key of a group.

    Raises:
        SpecError: For an unknown name, a wrong type, or a value out of range.
    """
    whole = complete(owner, parameters, without_groups(given))
    grouped = {
        f"{name}@{pattern}": checked(owner, _parameter(owner, parameters, name), value)
        for name, pattern, value in overrides(given)
    }
    return whole | grouped


def _parameter(owner: str, parameters: Mapping[str, Parameter], name: str) -> Parameter:
    if name == "lr":
        raise SpecError("a group's learning rate is a multiple of lr: write lr_scale@PATTERN=.1")
    if name == "lr_scale" and "lr" not in parameters:
        raise SpecError(f"{owner} has no learning rate for lr_scale@ to scale")
    if name in _OWN:
        return _OWN[name]
    own = without_gradient_parameters(parameters)
    numeric = {key: p for key, p in own.items() if p.kind is not str and key != "lr"}
    if name not in numeric:
        raise SpecError(str(unknown(f"parameter of {owner}:", name, {*numeric, *_OWN})))
    if not numeric[name].param.per_block:
        raise SpecError(f"{owner} has one {name} for all parameters, and {name}@ sets it for some")
    return numeric[name]
