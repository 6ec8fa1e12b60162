"""The two sides of a comparison, as a user names them: optimizers, versions of one, two stores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError, unknown
from optbench.core.run import Run
from optbench.store import Record

OLD, NEW = "old", "new"
"""Versions by age: the last but one and the newest of each spec."""

SHORT = 12
"""Digits of a fingerprint that are shown."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What a user typed for one side.

    Attributes:
        text: As it was typed.
        name: The optimizer: a name of a row, or a name or pattern of the optimizer itself.
        version: `old`, `new` or the first digits of a fingerprint; empty for the newest.
    """

    text: str
    name: str
    version: str = ""


def read_side(text: str) -> Side:
    """Read `NAME` or `NAME@VERSION`; an `@` inside of the parameters belongs to the name.

    Raises:
        OptbenchError: For nothing before or after the last `@`.
    """
    name, at, version = text.rpartition("@")
    if not at or "=" in version or ":" in version:
        return Side(text=text, name=text)
    if not name or not version:
        raise OptbenchError(f"{text!r} is not an optimizer, nor optimizer@version")
    return Side(text=text, name=name, version=version)


def named(rows: Sequence[Row], side: Side) -> list[Row]:
    """Return the rows that a side names: at most one a problem.

    A row's own name wins. Else the name is that of the optimizer without its parameters, or a
    pattern for either.

    Args:
        rows: Rows of `summarize`.
        side: What was typed.

    Raises:
        OptbenchError: When no row has the name, or two on one problem do.
    """
    found = [row for row in rows if row.name == side.name]
    found = found or [row for row in rows if side.name in _names(row)]
    found = found or [
        row for row in rows if any(fnmatchcase(name, side.name) for name in _names(row))
    ]
    if not found:
        raise unknown("optimizer", side.name, {row.name for row in rows})
    titles = [row.title for row in found]
    if len(titles) > len({*titles}):
        names = sorted({row.name for row in found})
        raise OptbenchError(
            f"{side.name} stands for several here; name one of them: "
            f"{'; '.join(map(repr, names))}, or pick with --schedule"
        )
    return found


def _names(row: Row) -> tuple[str, ...]:
    return row.name, row.variant.name, str(row.variant), row.optimizer


def of_version(records: Iterable[Record], side: Side) -> list[Run]:
    """Return the runs of one version: of each spec the one that the code of that version made.

    Args:
        records: Every stored run of some specs, of any code.
        side: What was typed, with a version.

    Raises:
        OptbenchError: When there is no such version, or the digits mean several: what there is, is
            listed.
    """
    by_spec: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_spec[record.run.spec.digest].append(record)
    for made in by_spec.values():
        made.sort(key=lambda record: (record.created, record.key))
    if side.version in (OLD, NEW):
        place = -1 if side.version == NEW else -2
        runs = [made[place].run for made in by_spec.values() if len(made) >= -place]
        if not runs:
            raise _unclear(side, "there is but one version", by_spec.values())
        return runs
    runs = []
    for made in by_spec.values():
        fit = [record for record in made if record.fingerprint.startswith(side.version)]
        if len({record.fingerprint for record in fit}) > 1:
            raise _unclear(side, "that means several versions", by_spec.values())
        runs += [fit[-1].run] if fit else []
    if not runs:
        raise _unclear(side, "no version begins so", by_spec.values())
    return runs


def _unclear(side: Side, why: str, stored: Iterable[Sequence[Record]]) -> OptbenchError:
    """Say which versions there are, newest last."""
    last: dict[str, str] = {}
    count: dict[str, int] = defaultdict(int)
    for record in (record for made in stored for record in made):
        count[record.fingerprint] += 1
        last[record.fingerprint] = max(last.get(record.fingerprint, ""), record.created)
    told = [
        f"@{version[:SHORT]} ({count[version]} runs until {last[version][:16]})"
        for version in sorted(last, key=lambda version: (last[version], version))
    ]
    listed = ", ".join(told)
    return OptbenchError(f"{side.text}: {why}; there are {listed}, and @{OLD} and @{NEW}")


def of_the_same_specs(a: Sequence[Run], b: Sequence[Run]) -> tuple[list[Row], list[Row]]:
    """Summarise both sides by the runs of the specs that both have: equally tuned.

    Raises:
        OptbenchError: When they have no spec in common.
    """
    shared = {run.spec.digest for run in a} & {run.spec.digest for run in b}
    if not shared:
        raise OptbenchError("the two sides have no run of one spec in common")
    rows_a, rows_b = (
        summarize([run for run in runs if run.spec.digest in shared]) for runs in (a, b)
    )
    return rows_a, rows_b
