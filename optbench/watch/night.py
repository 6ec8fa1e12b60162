"""A night: everything is run afresh, kept, and held against the past."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from optbench.conformance.battery import conform
from optbench.core.errors import OptbenchError, in_one_line
from optbench.core.run import Run, Status
from optbench.engines.execute import Setting
from optbench.environment import arithmetic, environment
from optbench.executors.local import execute
from optbench.nightly.compare import Comparison, compare, find_night
from optbench.nightly.history import (
    Curve,
    append,
    check_writable,
    name_curve,
    new_id,
    read_history,
    room,
)
from optbench.nightly.metrics import (
    STEP,
    Asked,
    curve_of,
    row_of_conformance,
    rows_of_claims,
    rows_of_run,
)
from optbench.nightly.record import Key, Kind, Night, Row, digest
from optbench.suites import Suite, load_suite
from optbench.theory.verify import verify
from optbench.watch.plan import Tasks, plan_night
from optbench.watch.repository import checkout_of, commit_of
from optbench.watch.timing import measure_memory, measure_step
from optbench.workflow import choose_jobs, make_plan

VERSIONS = ("optbench", "python", "numpy", "scipy", "torch", "platform", "cpu", "cores")
"""What of the environment is kept as versions."""


def unheard(count: int) -> None:
    """Take note of things that are done; nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A night that can begin: input is right, and the history can be written.

    Attributes:
        suite: What is run.
        tasks: The same, written out.
        folder: The history.
        past: The nights of this suite and device that it holds.
        left_out: What of the history could not be used.
        against: The night asked for.
        device: `cpu` or `cuda`.
    """

    suite: Suite
    tasks: Tasks
    folder: Path
    past: tuple[Night, ...]
    left_out: tuple[str, ...]
    against: Night | None
    device: str


@dataclass
class _Measured:
    """What a night has seen so far."""

    rows: list[Row] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare(
    suite: str, folder: Path, *, against: str | None = None, device: str | None = None
) -> Prepared:
    """Check all that can be checked before hours are spent.

    Args:
        suite: A suite's name, folder or file.
        folder: The history.
        against: Commit, tag or date of the night to compare with; None for the last.
        device: Replaces what the suite says.

    Returns:
        The night to be.

    Raises:
        OptbenchError: For bad input, a history that cannot be written, a night that is not there.
    """
    loaded = load_suite(suite)
    devices = {request.device for request in loaded.requests} if device is None else {device}
    if len(devices) > 1:
        raise OptbenchError(f"{suite} is for several devices; choose one by --device")
    (where,) = devices or {"cpu"}
    history = read_history(folder)
    past = history.of(loaded.name, where)
    other = None
    if against is not None:
        other = find_night(past, against, commit_of(Path.cwd(), against))
        if other is None:
            span = f"{past[0].id} to {past[-1].id}" if past else "none"
            raise OptbenchError(
                f"no night of {loaded.name} is from {against!r}; the history {folder} has "
                f"{len(past)}: {span}"
            )
    known = {row.key.optimizer for night in past for row in night.rows}
    tasks = plan_night(loaded, device=device, known=known)
    check_writable(folder)
    return Prepared(
        suite=loaded,
        tasks=tasks,
        folder=folder,
        past=past,
        left_out=history.left_out,
        against=other,
        device=where,
    )


def watch(
    prepared: Prepared,
    *,
    jobs: int | None = None,
    advance: Callable[[int], None] = unheard,
) -> Comparison:
    """Run a night, add it to the history, and compare it with the past.

    Args:
        prepared: The night.
        jobs: Processes; None chooses.
        advance: Told how many things are done, out of `Tasks.size`.

    Returns:
        The comparison.

    Raises:
        NotKeptError: When the history cannot be written.
    """
    began, started = datetime.now(UTC), time.monotonic()
    checkout = checkout_of(Path.cwd())
    tasks = prepared.tasks
    measured = _Measured(failures=list(tasks.failures))
    with room(prepared.folder):
        _run(tasks, jobs, measured, advance)
        _check(tasks, measured, advance)
        if prepared.device == "cpu":
            _time(tasks, measured, advance)
        elif tasks.timed:
            measured.notes.append("steps are measured on the CPU only")
    known = environment(prepared.device)
    night = Night(
        id=new_id(began, after=prepared.past[-1].id if prepared.past else ""),
        date=began.isoformat(timespec="seconds"),
        suite=prepared.suite.name,
        suite_fingerprint=tasks.fingerprint,
        commit=checkout.hash if checkout else None,
        subject=checkout.subject if checkout else "",
        dirty=checkout.dirty if checkout else None,
        versions={name: known[name] for name in VERSIONS if name in known},
        device=prepared.device,
        environment=arithmetic(prepared.device),
        rows=tuple(measured.rows),
        failures=tuple(measured.failures),
        notes=(*measured.notes, *_clock(began, prepared.past)),
        seconds=time.monotonic() - started,
    )
    append(prepared.folder, night, measured.curves)
    found = compare(night, prepared.past, prepared.against)
    left_out = (f"left out of the history: {line}" for line in prepared.left_out)
    return replace(found, notes=(*found.notes, *left_out))


def _clock(began: datetime, past: Iterable[Night]) -> list[str]:
    """Say when the clock has gone backwards, so that dates are not to be trusted."""
    latest = max((night.date for night in past), default="")
    date = began.isoformat(timespec="seconds")
    if date >= latest:
        return []
    return [f"the clock went backwards: this night's date is before {latest}, the last night's"]


def _run(
    tasks: Tasks,
    jobs: int | None,
    measured: _Measured,
    advance: Callable[[int], None],
) -> None:
    """Run what the suite runs, once and with other roundings."""
    work = make_plan(list(dict.fromkeys(tasks.runs.values())))
    runs: dict[str, list[Run]] = {}
    for rounding in range(1 + tasks.roundings):
        setting = Setting(rounding=rounding)
        for finished in execute(work.batches, jobs=jobs or choose_jobs(work), setting=setting):
            for run in finished.runs:
                runs.setdefault(run.spec.digest, []).append(run)
            advance(len(finished.runs))
    for asked, spec in tasks.runs.items():
        run, *others = runs[spec.digest]
        curve = curve_of(run)
        name = name_curve(curve) if curve["step"] else ""
        if name:
            measured.curves[name] = curve
        measured.rows += rows_of_run(asked, run, others, name)
        measured.notes += _ending(asked, run)


def _ending(asked: Asked, run: Run) -> list[str]:
    """Say why a run did not end in order: the row of its status has one word for it."""
    if not run.status.is_failure and run.status is not Status.REFUSED:
        return []
    return [f"{asked.optimizer} on {asked.problem} ended as {run.status}: {run.message}"]


def _check(tasks: Tasks, measured: _Measured, advance: Callable[[int], None]) -> None:
    """Verify the claims, and hold implementations against their equations."""
    for verification in tasks.claims:
        checked = verify(verification.claims, substitute=verification.substitute)
        measured.rows += rows_of_claims(verification.text, checked)
        advance(1)
    for text, (name, equation) in tasks.conform.items():
        advance(1)
        try:
            measured.rows.append(row_of_conformance(text, conform(name, equation)))
        except Exception as error:  # whatever an implementation raises
            measured.failures.append(f"{text}: {in_one_line(error)}")


def _time(tasks: Tasks, measured: _Measured, advance: Callable[[int], None]) -> None:
    """Measure the steps, one after the other, when nothing else of ours runs."""
    for text, spec in tasks.timed.items():
        advance(1)
        try:
            samples: Mapping[str, tuple[float, ...]] = {
                "step_time": measure_step(spec),
                "peak_memory": (measure_memory(spec),),
            }
        except Exception as error:  # whatever an optimizer raises
            why = in_one_line(error)
            measured.failures.append(f"the step of {text} cannot be measured: {why}")
            continue
        measured.rows += [
            Row(
                key=Key(STEP, text, "", metric),
                value=statistics.median(values),
                definition=digest([text, metric]),
                kind=Kind.NOISY,
                samples=values,
            )
            for metric, values in samples.items()
        ]
