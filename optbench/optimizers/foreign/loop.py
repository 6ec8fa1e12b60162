"""The loop in which a class in torch's form takes its steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from torch.nn import Module

from optbench.core.errors import OptbenchError
from optbench.core.groups import overrides, own_values, without_groups
from optbench.core.optimizer import Session
from optbench.core.parameters import Value
from optbench.optimizers.foreign.build import Rated, construct, rated_groups
from optbench.optimizers.foreign.gradients import ADVANCE
from optbench.optimizers.foreign.memory import state_bytes
from optbench.optimizers.foreign.point import Point
from optbench.optimizers.foreign.quiet import quiet
from optbench.optimizers.foreign.traits import admitted


def run(cls: type, name: str, foreign: bool, session: Session, **hyper: Value) -> str:
    """Step an optimizer until the session ends the run.

    Args:
        cls: The optimizer's class.
        name: What the user calls it.
        foreign: Whether it comes from an installed package, whose warnings nobody here can mend.
        session: The run.
        hyper: Its hyperparameters, those of groups among them.

    Raises:
        OptbenchError: When it cannot run here, or not with these groups.
    """
    traits = admitted(cls, name)
    with quiet(on=foreign):
        owner = _watched(session) if traits.gradient == "layers" else None
        point = Point(session.x, session.layout, owner)
        own = own_values(session.layout, overrides(hyper))
        try:
            optimizers = construct(cls, traits, point, without_groups(hyper), own, session)
        except ValueError as error:
            if not any(own):
                raise
            raise OptbenchError(f"{name} refuses these groups: {error}") from error
        rated = rated_groups(optimizers, name, traits, point, own)
        judged_elsewhere = two_faced(optimizers)
        point.moved = bool(judged_elsewhere)
        for optimizer in judged_elsewhere:
            optimizer.train()
        for t in itertools.count():
            set_schedule(optimizers, rated, session.factor(t), session.momentum(t))
            ADVANCE[traits.gradient](optimizers, point, session)
            if t < 2:  # some make their state at the second step
                session.report_state(state_bytes(optimizers) / len(point.x))
            for optimizer in judged_elsewhere:
                optimizer.eval()
            session.log(point.gather())
            for optimizer in judged_elsewhere:
                optimizer.train()
    raise AssertionError("the session ends the loop")


def _watched(session: Session) -> Module:
    assert session.model is not None, "`Needs.model` was checked"
    return session.model.module


def two_faced(optimizers: Sequence[Any]) -> list[Any]:
    """Return the optimizers that step at one point and are judged at another (schedule-free)."""
    return [o for o in optimizers if _has(o, "train") and _has(o, "eval")]


def _has(optimizer: Any, method: str) -> bool:
    return callable(getattr(optimizer, method, None))


def set_schedule(
    optimizers: Sequence[Any], rated: Sequence[Rated], factor: float, momentum: float | None
) -> None:
    """Set what the schedule says of a step; each group keeps its ratio to the others.

    Args:
        optimizers: What `construct` returned.
        rated: Their groups with a learning rate.
        factor: On the learning rates.
        momentum: In the place of the optimizers' own; None leaves it.
    """
    for owner, place, key, rate in rated:
        owner.param_groups[place][key] = rate * factor
    if momentum is None:
        return
    for group in (group for o in optimizers for group in getattr(o, "param_groups", [])):
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        elif "momentum" in group:
            group["momentum"] = momentum
