"""From stored runs to reports, figures, tables and comparisons: a function a verb, and the API.

Nothing here runs anything; `optbench.workflow` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.analysis.filters import chosen
from optbench.analysis.results import Results
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.environment import environment
from optbench.store import Damage, Listed, Record, export, list_runs, open_store
from optbench.store.foreign import IMPORTED

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.tables.table import Table

Source = Results | Run | Path | str
"""What has runs: what `optbench.run` returns, a run, or a store by its path."""

Sources = Source | Sequence[Source]
"""What the Python API takes for stored runs; the store `results` when empty."""

STORE = Path("results")
"""The store of who names none."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Stored runs, picked for a report, a figure, a table or a comparison.

    Attributes:
        runs: The newest run of each spec.
        old: Digests of those that code made which is not today's, or not here.
        superseded: Number of runs of the same specs that are left out, as newer ones are there.
        damaged: Runs that would be here if their rows were whole.
        environments: Where the runs were made, each once.
    """

    runs: tuple[Run, ...]
    old: frozenset[str] = frozenset()
    superseded: int = 0
    damaged: tuple[Damage, ...] = ()
    environments: tuple[str, ...] = ()


def gather(
    sources: Sequence[Path] = (),
    *,
    problems: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    schedules: Sequence[str] = (),
    code: bool = False,
) -> Gathered:
    """Read the newest run of each spec from some stores.

    Args:
        sources: Folders of stores, or their files; `results` when empty.
        problems: Problems by name, label or glob; all when empty.
        optimizers: Optimizers likewise.
        schedules: Schedules likewise.
        code: Whether to find out which runs are of other code than today's; it imports torch.

    Returns:
        The runs, in the order of their problems' names and of storing.

    Raises:
        OptbenchError: For a pattern that nothing in the stores fits.
        StoreError: When a store is not there or cannot be read.
    """
    newest: dict[str, Record] = {}
    superseded = 0
    picked, damaged = pick(sources, problems=problems, optimizers=optimizers, schedules=schedules)
    for source, digests in picked.items():
        with open_store(source, create=False) as store:
            found = store.newest(digests=digests)
        superseded += found.older
        damaged += found.damaged
        for record in found.records:
            known = newest.get(record.run.spec.digest)
            superseded += known is not None and known.key != record.key
            if known is None or (known.created, known.key) < (record.created, record.key):
                newest[record.run.spec.digest] = record
    records = list(newest.values())
    return Gathered(
        runs=tuple(record.run for record in records),
        old=frozenset(r.run.spec.digest for r in records if code and not _is_of_today(r)),
        superseded=superseded,
        damaged=_each_once(damaged),
        environments=tuple(sorted({_words(r.environment) for r in records})),
    )


def pick(
    sources: Sequence[Path] = (),
    *,
    problems: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    schedules: Sequence[str] = (),
) -> tuple[dict[Path, list[str]], list[Damage]]:
    """Return the digests of the specs that fit, by store, and rows of which nobody can tell.

    Arguments and errors are as for `gather`.
    """
    listed, damaged = dict[Path, list[Listed]](), list[Damage]()
    for source in sources or [STORE]:
        with open_store(source, create=False) as store:
            listed[source], untold = list_runs(store)
        damaged += untold
    fits = iter(
        chosen(
            [run.spec for found in listed.values() for run in found],
            problems=problems,
            optimizers=optimizers,
            schedules=schedules,
        )
    )
    picked = {
        source: sorted({run.digest for run, fit in zip(found, fits, strict=False) if fit})
        for source, found in listed.items()
    }
    return picked, damaged


def _each_once(damaged: Sequence[Damage]) -> tuple[Damage, ...]:
    """Return damages a place once: a row may be named when it is listed and when it is read."""
    return tuple({(damage.path, damage.where): damage for damage in damaged}.values())


def export_runs(
    folder: Path,
    format: str,
    sources: Sequence[Path] = (),
    *,
    problems: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    schedules: Sequence[str] = (),
) -> tuple[list[Path], list[Damage]]:
    """Write stored runs, of older code too, to files for other programs.

    Args:
        folder: Where to write.
        format: `csv`, `parquet` or `json`.
        sources: As for `gather`, and so are the patterns.
        problems: Problems.
        optimizers: Optimizers.
        schedules: Schedules.

    Returns:
        The files, and what is damaged and so left out.

    Raises:
        OptbenchError: As for `gather` and `optbench.store.export`.
    """
    picked, damaged = pick(sources, problems=problems, optimizers=optimizers, schedules=schedules)
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(path, create=False)) for path in picked]
        digests = {digest for found in picked.values() for digest in found}
        paths = export(stores, folder, format, digests=digests, on_damage=damaged.append)
    return paths, list(_each_once(damaged))


def _is_of_today(record: Record) -> bool:
    if record.run.engine == IMPORTED:  # no code of ours made it, today or before
        return True
    spec = record.run.spec
    return _code(spec.problem.name, spec.optimizer.name, spec.schedule.name) == record.fingerprint


@cache
def _code(problem: str, optimizer: str, schedule: str) -> str | None:
    """Return the fingerprint of today's code of a run; None when it is not here."""
    from optbench.engines.execute import code_of

    try:
        return code_of(problem, optimizer, schedule)
    except OptbenchError:
        return None


def _words(at: Mapping[str, str]) -> str:
    if "source" in at:
        return f"results of others, imported from {at['source']} (sha256 {at['sha256'][:12]})"
    packages = ("optbench", "python", "numpy", "scipy", "torch")
    versions = [f"{name} {at[name]}" for name in packages if name in at]
    return ", ".join([*versions, at.get("cpu", ""), at.get("device", "")]).strip(", ")


def of_today(outcome: Results) -> Gathered:
    """Return runs that were just made, or found in a store as today's code would make them."""
    devices = sorted({run.spec.device for run in outcome.runs}) or ["cpu"]
    here = tuple(_words(environment(device)) for device in devices)
    return Gathered(runs=outcome.runs, superseded=outcome.older, environments=here)


def left_out_of(gathered: Gathered) -> list[str]:
    """Return what is not among the runs, or not of today's code, in words."""
    notes = []
    if gathered.superseded:
        notes.append(f"{gathered.superseded} older runs of the same specs are left out")
    if gathered.damaged:
        notes.append(f"{len(gathered.damaged)} damaged runs are left out")
    return notes


def make_report(gathered: Gathered, folder: Path, *, title: str) -> Path:
    """Write the pages about some runs.

    Args:
        gathered: The runs.
        folder: Where to write.
        title: The pages' heading.

    Returns:
        The path of the first page.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    from optbench.report.pages import write_report

    notes = [f"Made with {text}" for text in gathered.environments] + left_out_of(gathered)
    return write_report(gathered.runs, folder, title=title, notes=notes, old=gathered.old)


def make_table(kind: str, gathered: Gathered) -> Table:
    """Make a table of stored runs.

    Args:
        kind: One of `optbench.report.tables.KINDS`.
        gathered: The runs.

    Returns:
        The table; its notes say what is left out.

    Raises:
        OptbenchError: For an unknown kind, without runs, or where it cannot be made of them.
    """
    from optbench.analysis.summary import summarize
    from optbench.report.tables import check_kind, table_of

    check_kind(kind)
    if not gathered.runs:
        lost = f": all {len(gathered.damaged)} are damaged" if gathered.damaged else ""
        raise OptbenchError(f"there are no runs to make a table of{lost}")
    if all(run.status == Status.REFUSED for run in gathered.runs):
        reasons = sorted({run.message for run in gathered.runs})
        raise OptbenchError(f"every run there was refused: {'; '.join(reasons[:3])}")
    made = table_of(kind, summarize(gathered.runs))
    return replace(made, notes=(*made.notes, *(f"{note}." for note in left_out_of(gathered))))


def table_of_claims(files: Sequence[Path]) -> Table:
    """Make the table of claims.

    Args:
        files: What `optbench verify --json` printed, in one or several files.

    Raises:
        OptbenchError: Without a file, or for one that is something else.
    """
    from optbench.report.tables.claims import claims, read_claims

    if not files:
        raise OptbenchError(
            "claims are read from a file: optbench verify --json > claims.json, then optbench "
            "table claims claims.json"
        )
    return claims([row for file in files for row in read_claims(file)])


def table(kind: str, results: Sources = ()) -> pd.DataFrame:
    """Return the numbers of a table for papers.

    Args:
        kind: `steps` to a target, `final` value, `ranks`, `costs`, or `claims`.
        results: What `optbench.run` returns, runs, or paths of stores, `results` by default; for
            claims a file of what `optbench verify --json` prints.

    Returns:
        One row an optimizer on a problem (an optimizer, a claim), with intervals, and in the column
        `mark` what is best and what is tied with it.

    Raises:
        OptbenchError: For an unknown kind, without runs, or where it cannot be made of them.
    """
    from optbench.report.tables import CLAIMS

    if kind == CLAIMS:
        paths = [results] if isinstance(results, str | Path) else results
        return table_of_claims([Path(path) for path in paths]).to_pandas()  # type: ignore[arg-type, union-attr]
    return make_table(kind, gathered_of(results)).to_pandas()


def gathered_of(results: Sources) -> Gathered:
    """Return the runs that a caller of the Python API means.

    Args:
        results: What `optbench.run` returns, runs, paths of stores, or several of them; the store
            `results` when empty.

    Raises:
        OptbenchError: For something that has no runs.
        StoreError: When a store is not there or cannot be read.
    """
    runs: list[Run] = []
    paths: list[Path] = []
    for item in listed(results):
        if isinstance(item, Results):
            runs += item.runs
        elif isinstance(item, Run):
            runs.append(item)
        elif isinstance(item, str | Path):
            paths.append(Path(item))
        else:
            kind = type(item).__name__
            raise OptbenchError(f"a {kind} is not results, runs or the path of a store")
    if not runs:
        return gather(paths)
    stored = gather(paths).runs if paths else ()
    return of_today(Results(runs=(*runs, *stored)))


def listed(results: Sources) -> Sequence[Source]:
    """Return one source as a list of one."""
    return [results] if isinstance(results, Results | Run | str | Path) else results
