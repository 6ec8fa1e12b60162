"""An optimizer is built once before anything runs, so that what it refuses is said at once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import nn

from optbench.core.errors import OptbenchError
from optbench.core.groups import Override, overrides, without_groups
from optbench.core.layout import Block, Layout
from optbench.core.optimizer import Session
from optbench.core.parameters import TUNING, Value
from optbench.core.problem import Model
from optbench.optimizers.foreign.build import construct, rated_groups
from optbench.optimizers.foreign.groups import set_own
from optbench.optimizers.foreign.point import Point
from optbench.optimizers.foreign.quiet import quiet
from optbench.optimizers.foreign.traits import admitted


def check(cls: type, name: str, foreign: bool, **hyper: Value) -> None:
    """Build an optimizer over two small layers, in two groups when there are to be groups.

    Args:
        cls: The class.
        name: What the user calls it.
        foreign: Whether it comes from an installed package.
        hyper: Its hyperparameters, those of groups among them; tunings count as 1.

    Raises:
        OptbenchError: With what it refuses.
    """
    traits = admitted(cls, name)
    numbers = {key: 1.0 if TUNING.fullmatch(str(v)) else v for key, v in hyper.items()}
    by_group = overrides(numbers)
    module, session = _two_layers()
    point = Point(session.x, session.layout, module)
    labels = [0, 0, 1, 1] if by_group else [0, 0, 0, 0]
    try:
        with quiet(on=foreign):
            optimizers = construct(cls, traits, point, without_groups(numbers), labels, session)
    except Exception as error:
        text = " ".join(str(error).split())
        raise OptbenchError(f"{name} refuses these arguments: {text}") from error
    rated_groups(optimizers, name, traits, point, [{} for _ in labels])
    _check_groups(optimizers, name, by_group)


def _check_groups(optimizers: Sequence[Any], name: str, by_group: Sequence[Override]) -> None:
    """Raise when no group has a hyperparameter that is to differ between groups."""
    groups = [(type(o), group) for o in optimizers for group in getattr(o, "param_groups", [])]
    if by_group and not groups:
        raise OptbenchError(f"{name} has no parameter groups")
    for key, _, value in by_group:
        refusals = []
        for owner, group in groups:
            try:
                set_own(owner, name, group, {"weight_decay" if key == "exclude" else key: value})
            except OptbenchError as refusal:
                refusals.append(refusal)
        if len(refusals) == len(groups):
            raise refusals[0]


def _two_layers() -> tuple[nn.Module, Session]:
    """Return a module, and as much of a session as a constructor sees."""
    with torch.device("meta"):  # where initial weights draw no random numbers
        layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module = layers.to_empty(device="cpu").to(torch.float64)
    layout = Layout(tuple(Block(k, tuple(p.shape)) for k, p in module.named_parameters()))
    x = torch.zeros(sum(block.size for block in layout.blocks), dtype=torch.float64)
    model = Model(module=module, loss=lambda indices: torch.zeros(()))
    known = SimpleNamespace(x=x, layout=layout, model=model, horizon=100, examples=1)
    return module, cast(Session, known)
