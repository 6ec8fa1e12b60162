"""How long batches take, from a few steps of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from optbench.core.spec import Spec
from optbench.engines.execute import horizon, run_batch
from optbench.engines.planner import Batch
from optbench.engines.threads import one_thread

PROBE_STEPS = 50
"""Steps from which a batch's time is estimated."""

PROBE_UPDATES = 5
"""The same of a task, whose steps take long."""


def seconds_of(batches: Iterable[Batch]) -> float:
    """Return the seconds of one process that batches take.

    Of a task one batch stands for all that have the problem, the optimizer and the options in
    common.
    """
    known: dict[tuple[object, ...], float] = {}
    total = 0.0
    for batch in batches:
        first = batch.specs[0]
        options = (first.problem, first.optimizer.name, first.budget, first.training)
        key = (*options, len(batch.specs)) if batch.engine == "training" else (batch,)
        if key not in known:
            known[key] = _seconds(batch)
        total += known[key]
    return total


def _seconds(batch: Batch) -> float:
    first, trains = batch.specs[0], batch.engine == "training"
    share = min(1.0, (PROBE_UPDATES if trains else PROBE_STEPS) / horizon(first))
    once = replace(first.training, evaluations=1) if trains else first.training
    # A schedule's warmup may be longer than the probe, which would then be refused.
    probe = tuple(
        replace(
            spec,
            budget=spec.budget * share,
            targets=(),
            training=once,
            schedule=Spec("constant"),
        )
        for spec in batch.specs
    )
    with one_thread():
        finished = run_batch(Batch(batch.engine, probe))
    whole = finished.span[1] - finished.span[0]
    if not trains:
        return whole / share
    stepping = sum(run.seconds for run in finished.runs)
    # The rest is three evaluations: before, after, on test data.
    return stepping / share + (whole - stepping) * (first.training.evaluations + 2) / 3
