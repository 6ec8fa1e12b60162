"""What a user does with optbench, a function each, for the command line and `import optbench`."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.analysis.results import Results
from optbench.core.errors import OptbenchError, StoreError
from optbench.core.optimizer import StepMethod, without_gradient_parameters
from optbench.core.run import Run
from optbench.core.spec import RunSpec, Spec
from optbench.core.training import Training
from optbench.engines.execute import Finished, Setting
from optbench.engines.planner import Batch, plan
from optbench.engines.training.run import Progress, unheard
from optbench.environment import environment
from optbench.executors.estimate import seconds_of
from optbench.executors.local import execute
from optbench.request import Request, expand, reference, texts_of
from optbench.store import Record, Store, open_store
from optbench.suites import load_suite

if TYPE_CHECKING:
    from optbench.theory.verify import Row

WORTH_WORKERS = 1e5
"""Gradient evaluations, over all runs, above which more processes earn their start."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is going to be run.

    Attributes:
        specs: Every run asked for.
        batches: The batches that have something left to do.
        keys: Each spec's key in a store, by digest.
        fingerprints: Fingerprint of the code of each spec, by digest.
        known: Number of runs that are left as the store has them.
    """

    specs: tuple[RunSpec, ...]
    batches: tuple[Batch, ...]
    keys: dict[str, str]
    fingerprints: dict[str, str]
    known: int

    @property
    def new(self) -> int:
        """Number of runs to be done, those done before in an unfinished batch included."""
        return sum(len(batch.specs) for batch in self.batches)


def stored_keys(folder: Path) -> set[str]:
    """Return the keys of the runs that a folder's store has, without making one.

    Raises:
        StoreError: When what is there cannot be read.
    """
    if not (folder / "results.db").is_file():
        return set()
    with open_store(folder, create=False) as store:
        return store.final_keys()


def runs_of(requests: Iterable[Request]) -> tuple[RunSpec, ...]:
    """Write out requests, and check all that can be checked before anything runs.

    Args:
        requests: What is wanted.

    Returns:
        The runs, each once under each name of its problem.

    Raises:
        OptbenchError: For bad input, a device that is not there, a schedule longer than its run.
    """
    specs = tuple({(spec.digest, spec.label): spec for spec in expand(*requests)}.values())
    problems: dict[str, Spec] = {}
    for spec in specs:
        if problems.setdefault(spec.problem_label, spec.problem) != spec.problem:
            raise OptbenchError(f"two different problems are called {spec.problem_label!r}")
    _check(specs)
    return specs


def make_plan(specs: Sequence[RunSpec], done: Set[str] = frozenset()) -> Plan:
    """Group runs into batches and leave out what is done.

    Args:
        specs: The runs.
        done: Keys of the runs that a store has.

    Returns:
        The plan.

    Raises:
        OptbenchError: When an optimizer refuses its parameters.
    """
    from optbench.engines.execute import code_of
    from optbench.optimizers.find import find_optimizer

    prints = {
        spec.digest: code_of(spec.problem.name, spec.optimizer.name, spec.schedule.name)
        for spec in specs
    }
    keys = {
        digest: hashlib.sha256(f"{digest} {code}".encode()).hexdigest()
        for digest, code in prints.items()
    }
    batches = tuple(
        batch for batch in plan(specs) if not all(keys[spec.digest] in done for spec in batch.specs)
    )
    for spec in {batch.specs[0].optimizer for batch in batches}:
        optimizer = find_optimizer(spec.name)
        if isinstance(optimizer, StepMethod) and optimizer.check is not None:
            optimizer.check(**without_gradient_parameters(dict(spec.params)))
    known = len(keys) - sum(len(batch.specs) for batch in batches)
    return Plan(specs=tuple(specs), batches=batches, keys=keys, fingerprints=prints, known=known)


def _check(specs: Sequence[RunSpec]) -> None:
    from optbench.engines.execute import horizon, schedule_factors

    if any(spec.device == "cuda" for spec in specs):
        import torch

        if not torch.cuda.is_available():
            raise OptbenchError("device cuda is not there: torch finds no GPU; use --device cpu")
    seen = set()
    for spec in specs:
        size = dict(spec.optimizer.params).get("batch_size")
        key = (spec.problem if size else "", spec.optimizer.name, size, spec.schedule, spec.budget)
        if key not in seen:
            seen.add(key)
            schedule_factors(spec, horizon(spec))


def carry_out(
    work: Plan,
    store: Store | None = None,
    *,
    jobs: int = 1,
    timeout: float = math.inf,
    on_finished: Callable[[Finished], None] = lambda finished: None,
    on_progress: Progress = unheard,
) -> Results:
    """Run what a plan has left to do.

    Args:
        work: The plan.
        store: Where finished batches go, each in one transaction, and known runs come from.
        jobs: Processes.
        timeout: Seconds that a batch may take.
        on_finished: Called with every batch when it is done and stored.
        on_progress: Told the share that is done of learning runs in this process, and their number.

    Returns:
        All the runs of the plan, old and new.

    Raises:
        OptbenchError: For a timeout that is not positive.
        StoreError: When the store cannot be written; what was finished before is in it.
    """
    if not timeout > 0:
        raise OptbenchError(f"timeout must be a positive number of seconds, got {timeout}")
    fresh: dict[str, Run] = {}
    busy = 0.0
    folder = None if store is None else store.path.parent / "checkpoints"
    setting = Setting(timeout=timeout, checkpoints=folder, progress=on_progress)
    for finished in execute(work.batches, jobs=jobs, setting=setting):
        fresh |= {run.spec.digest: run for run in finished.runs}
        busy += finished.span[1] - finished.span[0]
        if store is not None:
            store.add([_record(run, work) for run in finished.runs])
            if not store.path.exists():
                raise StoreError(f"{store.path} was removed while runs were being stored")
        on_finished(finished)
    older = 0
    if store is not None:
        known = [key for digest, key in work.keys.items() if digest not in fresh]
        fresh |= {record.run.spec.digest: record.run for record in store.read(keys=known)}
        stored = sum(digest in work.keys for (digest,) in store.table("spec_digest"))
        older = stored - len(work.keys)
    labelled = tuple(
        replace(fresh[spec.digest], spec=spec) for spec in work.specs if spec.digest in fresh
    )
    return Results(
        runs=labelled,
        new=work.new,
        older=older,
        engine_seconds=busy / max(1, min(jobs, len(work.batches))),
    )


def _record(run: Run, work: Plan) -> Record:
    digest = run.spec.digest
    return Record(
        run=run,
        key=work.keys[digest],
        fingerprint=work.fingerprints[digest],
        environment=environment(run.spec.device),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def estimate(work: Plan) -> float:
    """Return the seconds of one process that a plan takes; see `executors.estimate`."""
    return seconds_of(work.batches)


def choose_jobs(work: Plan) -> int:
    """Return a sensible number of processes: one for little work or a GPU, else one a core."""
    specs = [spec for batch in work.batches for spec in batch.specs]
    if any(spec.device == "cuda" for spec in specs):
        return 1
    trains = any(batch.engine == "training" for batch in work.batches)
    much = trains or sum(spec.budget for spec in specs) > WORTH_WORKERS
    return max(1, min(cores(), len(work.batches))) if much else 1


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run(
    problem: Any = (),
    optimizer: Any = (),
    schedule: Any = ("constant",),
    budget: float | None = None,
    seeds: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    *,
    lr: Any = (),
    targets: float | str | Sequence[float | str] | None = None,
    record: str = "log",
    record_x: bool | None = None,
    suite: str | None = None,
    results: str | Path | None = None,
    jobs: int = 1,
    timeout: float = math.inf,
    **training: Any,
) -> Results:
    """Run optimizers with schedules on problems: the product of all lists.

    Args:
        problem: Spec, class or function, or a list of them: `"quadratic:kappa=1e4"`.
        optimizer: Spec, class or function, or a list of them: `"adam:lr=1e-4..1:21"`.
        schedule: Spec, or a list of them.
        budget: Gradient evaluations, in full gradients; of a learning problem in minibatches. By
            default 1000, or what a learning problem says; so are `dtype` and `targets`.
        seeds: Number of seeds: starts and random draws.
        device: `cpu` or `cuda`.
        dtype: `float64` or `float32`.
        lr: Learning rates for every optimizer that names none: numbers, or texts such as `1/L` and
            `1e-4..1:21`.
        targets: Levels whose first passage is reported; runs stop at the smallest. A number is a
            relative suboptimality; `"distance=1e-3"`, `"gradient_norm=1e-6"` and `"value=2"` are
            absolute. Of a learning problem `"value=1.9"` is the validation loss, `"error=0.1"`
            1 - accuracy.
        record: `log` or `every`: which steps are kept.
        record_x: Whether the points are kept; by default in two dimensions.
        suite: Name or folder of a suite, in the place of problem and optimizer.
        results: Folder of the store; without one nothing is read or written.
        jobs: Processes; from 2 on, call this under `if __name__ == "__main__"` in a script.
        timeout: Seconds that a batch may take.
        training: Options of `optbench.core.training.Training`: `precision="bf16"`, `compile=True`,
            `accumulate=4`, `evaluations=50`, `sharpness=True`.

    Returns:
        The runs; `.to_pandas()` and `.summary()` give tables.

    Raises:
        OptbenchError: For bad input, before anything runs.

    Example:
        >>> import optbench
        >>> result = optbench.run("quadratic:kappa=100", "gd", lr=["1/L", "two-over-sum"])
        >>> [run.status.value for run in result.runs]
        ['converged', 'converged']
    """
    if suite is not None:
        requests = load_suite(suite).requests
    else:
        requests = (
            Request(
                problems=texts_of(problem),
                optimizers=texts_of(optimizer),
                schedules=texts_of(schedule),
                lr=texts_of(lr),
                seeds=seeds,
                budget=budget,
                targets=None if targets is None else texts_of(targets),
                dtype=dtype,
                device=device,
                record=record,
                record_x=record_x,
                training=Training.of(training),
            ),
        )
    specs = runs_of(requests)
    if results is None:
        return carry_out(make_plan(specs), jobs=jobs, timeout=timeout)
    work = make_plan(specs, stored_keys(Path(results)))
    with open_store(Path(results)) as store:
        return carry_out(work, store, jobs=jobs, timeout=timeout)


def verify(
    claims: str | Sequence[str] = (), optimizer: Any = None, *, quick: bool = False, jobs: int = 1
) -> list[Row]:
    """Check what theory says about convergence, as `optbench verify` does.

    Args:
        claims: Ids or globs such as `"K-*"`; all of them by default.
        optimizer: Spec or class of your own, put in the place of the textbook's.
        quick: Whether the claims that take long are left out.
        jobs: Processes; from 2 on, call this under `if __name__ == "__main__"` in a script.

    Returns:
        A row a claim; `row.finding.verdict`, `.theory` and `.measured` are what the table shows.

    Raises:
        OptbenchError: For an unknown claim or optimizer.

    Example:
        >>> import torch, optbench
        >>> {row.finding.verdict.value for row in optbench.verify("GD-03", torch.optim.SGD)}
        {'PASS'}
    """
    from optbench.theory import verify as theory

    substitute = None if optimizer is None else theory.read_substitute(reference(optimizer))
    patterns = (claims,) if isinstance(claims, str) else tuple(claims)
    chosen, _ = theory.choose(patterns, substitute, quick=quick)
    return theory.verify(chosen, substitute=substitute, jobs=jobs)
