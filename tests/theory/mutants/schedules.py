"""Bugs that the claims about schedules catch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.parameters import Param
from optbench.optimizers.adam import adam
from tests.theory.planting import Moved, Mutant, attribute, step


def fading(t: np.ndarray, horizon: int) -> np.ndarray:
    """A constant that is none."""
    return 1 - 1e-9 * t


def early(part: np.ndarray) -> np.ndarray:
    """The cosine ends at T - 1."""
    steps = len(part) - 1
    shape: np.ndarray = (1 + np.cos(np.pi * np.minimum(part * steps / (steps - 1), 1))) / 2
    return shape


def unfloored(shape: np.ndarray, end: float) -> np.ndarray:
    """Without a floor."""
    return shape


def from_zero(t: np.ndarray, horizon: int, half_cycle: int) -> np.ndarray:
    """Cycles counted from 0 where they are halved."""
    c = np.floor(t / (2 * half_cycle))
    x = np.abs(t / half_cycle - 2 * c - 1)
    halved: np.ndarray = np.maximum(0, 1 - x) * 0.5 ** (c + 1)
    return halved


def late_ends(T: int, pct_start: float, three_phase: bool) -> tuple[float, ...]:
    """Phases that end a step too late."""
    return (pct_start * T, T)


def counted_from_zero(
    t: np.ndarray, horizon: int, *, warmup: Annotated[int, Param("w", low=0)] = 4000
) -> np.ndarray:
    """The first step has the number 0."""
    s = np.maximum(t, 1)
    factors: np.ndarray = np.where(t < warmup, t / warmup, np.sqrt(warmup / s))
    return factors


def from_one(t: np.ndarray, warmup: int, then: np.ndarray) -> np.ndarray:
    """The warm-up counts its steps from 1."""
    return np.where(t < warmup, (t + 1) / max(warmup, 1), then)


def no_schedule(factors: Any, momentum: Any, t: int, values: Mapping[str, Any]) -> Any:
    """The engine forgets the schedule."""
    return values


def paper_decay(
    x: Tensor, state: State, oracle: Oracle, t: int, *, weight_decay: float, **others: float
) -> Moved:
    """The decay is not multiplied by the learning rate."""
    x_adam, state = adam(x, state, oracle, t, **others)
    return x_adam - weight_decay * x, state


def _in(module: str, name: str, wrong: Callable[..., Any], bug: str) -> Mutant:
    return Mutant(bug, attribute(f"optbench.schedules.{module}:{name}", wrong))


NO_SCHEDULE = Mutant("no schedule", attribute("optbench.engines.batched:at_step", no_schedule))
EARLY = _in("decay", "half_cosine", early, "the cosine ends at T - 1")
FROM_ONE = _in("warmup", "_risen", from_one, "the warm-up counts from 1")

MUTANTS = {
    "SC-00": (_in("steps", "constant", fading, "a constant that fades"),),
    "SC-01": (EARLY, NO_SCHEDULE),
    "SC-02": (EARLY, NO_SCHEDULE),
    "SC-03": (EARLY,),
    "SC-04": (_in("cyclic", "_halved", from_zero, "cycles counted from 0"),),
    "SC-05": (_in("one_cycle", "_ends", late_ends, "phases end a step late"), NO_SCHEDULE),
    "SC-06": (_in("warmup", "warmup_inverse_sqrt", counted_from_zero, "counted from 0"),),
    "SC-07a": (FROM_ONE, NO_SCHEDULE),
    "SC-07b": (FROM_ONE,),
    "SC-08": (_in("decay", "scaled", unfloored, "no floor"), NO_SCHEDULE),
    "SC-09": (NO_SCHEDULE,),
    "SC-10": (Mutant("decay without the learning rate", step("adamw", paper_decay)),),
    "SC-11": (
        NO_SCHEDULE,
        Mutant("no groups", attribute("optbench.engines.columns:overrides", lambda values: [])),
    ),
}
