"""Comparing stored runs: two optimizers, two versions of one, or two stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optbench.analysis.compare import Comparison
from optbench.analysis.compare import compare as compare_rows
from optbench.analysis.sides import Side, named, of_the_same_specs, of_version, read_side
from optbench.analysis.summary import Row, summarize
from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError
from optbench.core.run import Run
from optbench.reporting import STORE, Gathered, Sources, gather, gathered_of, listed
from optbench.store import Record, Store, open_store


def compare(a: str, b: str, results: Sources = ()) -> Comparison:
    """Compare two optimizers, each at its best learning rate, or two versions of one.

    Args:
        a: Name of an optimizer as tables show it, or a pattern; with `@old`, `@new` or
            `@FINGERPRINT`, of which the first digits are enough, its runs by other code.
        b: Likewise; every ratio is b over a.
        results: What `optbench.run` returns, runs, or paths of stores, `results` by default.

    Returns:
        The comparison: by problem, over all, and in a sentence.

    Raises:
        OptbenchError: For a name that nothing has, or that several have; a version that is not
            there, or of runs that are in no store.
    """
    given = listed(results)
    stores = [Path(item) for item in given if isinstance(item, str | Path)]
    if len(stores) < len(given):
        return of_optimizers(a, b, gathered_of(given), None)
    return of_optimizers(a, b, gather(stores), stores or [STORE])


def of_optimizers(a: str, b: str, gathered: Gathered, sources: Sequence[Path] | None) -> Comparison:
    """Compare two optimizers of some runs.

    Args:
        a: As for `compare`.
        b: Likewise.
        gathered: The newest runs.
        sources: The stores that hold those of other code too; None without any.

    Returns:
        The comparison.

    Raises:
        OptbenchError: As for `compare`.
    """
    if not gathered.runs:
        raise OptbenchError("there are no runs to compare")
    rows = summarize(gathered.runs)
    names = {row.name for row in rows}  # one of which may have an @ of its own
    sides = tuple(Side(text=x, name=x) if x in names else read_side(x) for x in (a, b))
    found = tuple(named(rows, side) for side in sides)
    same = found[0] == found[1]
    if same and sides[0].version == sides[1].version:
        raise OptbenchError(f"{a} and {b} are the same runs")
    if any(side.version for side in sides):
        if sources is None:
            raise OptbenchError("versions are told apart in stores; these runs are in none")
        runs = [_runs(side, own, sources) for side, own in zip(sides, found, strict=True)]
        found = of_the_same_specs(*runs) if same else (summarize(runs[0]), summarize(runs[1]))
    return compare_rows(*found, a=printable(a), b=printable(b))


def _runs(side: Side, rows: Sequence[Row], sources: Sequence[Path]) -> list[Run]:
    newest = {run.spec.digest: run for row in rows for run in row.runs}
    if not side.version:
        return list(newest.values())
    records: dict[str, Record] = {}
    for source in sources:
        with open_store(source, create=False) as store:
            records |= {record.key: record for record in _whole(store, list(newest))}
    return of_version(records.values(), side)


def _whole(store: Store, digests: Sequence[str]) -> list[Record]:
    # Damaged rows are named where the newest runs are gathered.
    return list(store.read(digests=digests, on_damage=lambda damage: None))


def of_stores(a: Path, b: Path, one: Gathered, other: Gathered) -> list[Comparison]:
    """Compare two stores, optimizer by optimizer, where both ran the same specs.

    Args:
        a: What the one is called.
        b: What the other is.
        one: Its runs.
        other: Those of the other.

    Returns:
        One comparison an optimizer.

    Raises:
        OptbenchError: When they have no spec in common.
    """
    rows_a, rows_b = of_the_same_specs(one.runs, other.runs)
    return [
        compare_rows(
            [row for row in rows_a if row.name == name],
            [row for row in rows_b if row.name == name],
            a=printable(f"{name} in {a}"),
            b=printable(f"{name} in {b}"),
        )
        for name in sorted({row.name for row in rows_a})
    ]


def is_store(text: str) -> bool:
    """Return whether what was typed for a side is a store, and no optimizer."""
    path = Path(text)
    try:
        return (path / "results.db").is_file() or (path.suffix == ".db" and path.is_file())
    except OSError:  # a name of an optimizer may be too long for a file's
        return False
