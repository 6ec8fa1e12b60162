"""Which runs travel together, in which engine. A pure function of the runs asked for."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import Value
from optbench.core.spec import RunSpec, Spec
from optbench.core.task import Task
from optbench.families.find import build
from optbench.optimizers.find import find_optimizer

MAX_ROWS = 256
"""Rows of one stack: enough to hide Python's cost, few enough for workers to share a sweep."""

MAX_MODELS = 32
"""Models of one stack: each has activations of its own, and memory ends."""


@dataclass(frozen=True)
class Batch:
    """Runs that advance together and are stored together.

    Attributes:
        engine: `batched`, `step` or `training`.
        specs: The runs, in canonical order.
    """

    engine: str
    specs: tuple[RunSpec, ...]

    @functools.cached_property
    def name(self) -> str:
        """Hash of the runs, 16 hexadecimal digits."""
        return hashlib.sha256("".join(s.digest for s in self.specs).encode()).hexdigest()[:16]


def plan(specs: Iterable[RunSpec]) -> list[Batch]:
    """Group runs into batches.

    Runs that differ only in their seeds and in numbers that the update rule takes as tensors share
    a batch of at most `MAX_ROWS` rows; runs of a task, of one seed and where the task says that it
    pays, one of at most `MAX_MODELS`; everything else runs alone. Neither the order of the runs,
    nor the number of workers, nor what is already done plays a part, so that the same suite always
    computes the same bits.

    Args:
        specs: The runs; duplicates count once.

    Returns:
        The batches, in a canonical order.
    """
    stacks: dict[str, list[RunSpec]] = defaultdict(list)
    sweeps: dict[str, list[RunSpec]] = defaultdict(list)
    alone: list[Batch] = []
    ordered = sorted({spec.digest: spec for spec in specs}.values(), key=_order)
    for spec in ordered:
        is_rule = isinstance(find_optimizer(spec.optimizer.name), UpdateRule)
        problem = build(spec.problem)
        if isinstance(problem, Task):
            if is_rule and spec.device in problem.stacks:
                sweeps[_shared(spec, seed=spec.seed)].append(spec)
            else:
                alone.append(Batch("training", (spec,)))
        elif is_rule:
            stacks[_shared(spec, seed=0)].append(spec)
        else:
            alone.append(Batch("step", (spec,)))
    batches = [
        Batch(engine, tuple(part))
        for engine, groups, limit in (
            ("batched", stacks, MAX_ROWS),
            ("training", sweeps, MAX_MODELS),
        )
        for _, group in sorted(groups.items())
        for part in _split(group, limit)
    ]
    return batches + alone


def _order(spec: RunSpec) -> tuple[str, tuple[tuple[str, str, float], ...], int]:
    numbers = tuple(
        (key, str(value), float(value) if isinstance(value, int | float) else math.inf)
        for key, value in spec.optimizer.params
    )
    return _shared_problem(spec), numbers, spec.seed


def _shared_problem(spec: RunSpec) -> str:
    return f"{spec.problem} {spec.optimizer.name} {spec.schedule}"


def _shared(spec: RunSpec, *, seed: int) -> str:
    """Return what the runs of a batch have in common, as text, the seed as it is given."""
    parameters = find_optimizer(spec.optimizer.name).parameters
    fixed: dict[str, Value] = {
        key: value
        for key, value in spec.optimizer.params
        if key not in parameters or not parameters[key].param.per_run
    }
    return replace(spec, optimizer=Spec.of(spec.optimizer.name, fixed), seed=seed).to_json()


def _split(group: list[RunSpec], limit: int) -> list[list[RunSpec]]:
    """Cut a group into parts of nearly equal length, none above the limit."""
    count = math.ceil(len(group) / limit)
    bounds = [round(i * len(group) / count) for i in range(count + 1)]
    return [group[a:b] for a, b in itertools.pairwise(bounds)]
