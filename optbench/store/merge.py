"""Joining results files, such as those of workers on a network file system."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optbench.store.connection import existing
from optbench.store.damage import Damage, reported
from optbench.store.file import Store, chunks, open_store
from optbench.store.record import encode
from optbench.store.salvage import open_damaged, readable, sift
from optbench.store.schema import UNFINISHED

PREFERRED = f"""
    CASE WHEN runs.status IN ({UNFINISHED})
    THEN excluded.status NOT IN ({UNFINISHED})
         OR (excluded.created, excluded.crc32) > (runs.created, runs.crc32)
    ELSE excluded.status NOT IN ({UNFINISHED})
         AND (excluded.created, excluded.crc32) < (runs.created, runs.crc32)
    END"""
"""SQL: of two runs with one key, the one to keep, whichever comes first.

A run that need not be repeated beats one that does; of two that need not, the first made stays (as
when both had been added to one file), of two that do, the last.
"""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did.

    Attributes:
        written: Number of runs that are new in the target, or took the place of another try.
        known: Number of whole runs that were there already, or stood back behind another try.
        damaged: What was found damaged in the sources and left out.
    """

    written: int
    known: int
    damaged: list[Damage]


def merge(sources: Iterable[Path], target: Path) -> Merged:
    """Add the runs of some results files to another one.

    The result does not depend on the order of the sources, and a second merge changes nothing.
    Every row is verified; a damaged one is left out and listed.

    Args:
        sources: Results files, or their folders; they are not changed.
        target: The results file, or its folder, made where it is missing. It may be one of the
            sources.

    Returns:
        What was written and what was damaged.

    Raises:
        StoreError: When a source is not a results file (nothing is written then), or the target
            cannot be written.
    """
    paths = [existing(source) for source in sources]
    written = known = 0
    damages: list[Damage] = []
    with open_store(target) as store:
        for path in paths:
            if path.samefile(store.path):
                continue
            new, seen = _merge_one(path, store, damages)
            written, known = written + new, known + seen
    return Merged(written=written, known=known, damaged=damages)


def _merge_one(path: Path, store: Store, damages: list[Damage]) -> tuple[int, int]:
    """Return how many runs were written, and how many were known."""
    written = read = 0
    with open_damaged(path) as source, reported(path):
        for batch in chunks(sift(readable(source), damages)):
            written += store.write(map(encode, batch), PREFERRED)
            read += len(batch)
    return written, read - written
