"""From files of other programs to stored runs, all of them or none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optbench.core.errors import OptbenchError
from optbench.store.damage import reported
from optbench.store.file import FIRST_WINS, open_store
from optbench.store.foreign import IMPORTED
from optbench.store.foreign.benchopt import VALUE, read_benchopt
from optbench.store.foreign.curve import records
from optbench.store.foreign.table import read_csv
from optbench.store.record import encode

ENDINGS = (".parquet", ".pq", ".csv")
"""How the files that can be read end."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        written: Number of runs that are new in the store.
        known: Number of those that were there already.
        replaced: Number of new ones that differ from an earlier import of the same name, which they
            supersede.
        renamed: Optimizers that are called otherwise than in the file, since code here has their
            name.
    """

    written: int
    known: int
    replaced: int
    renamed: tuple[str, ...]


def import_files(files: Sequence[Path], target: Path, *, metric: str = VALUE) -> Imported:
    """Add the runs of other programs to a store.

    Args:
        files: Parquet files of benchopt's, and CSV files of curves.
        target: The store; made where it is missing, and left alone unless all files are sound.
        metric: Which `objective_METRIC` of benchopt's is the value.

    Returns:
        What was written.

    Raises:
        OptbenchError: For a file that is not there or not what it should be, with the row and the
            column; nothing is written then.
        StoreError: When the store cannot be written.
    """
    curves = []
    for path in map(Path, files):
        if path.suffix.lower() not in ENDINGS:
            raise OptbenchError(
                f"cannot import {path}: its name ends in none of {' '.join(ENDINGS)}"
            )
        with reported(path):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            environment = {"source": path.name, "sha256": digest}
            if path.suffix.lower() == ".csv":
                curves += read_csv(path, environment)
            else:
                curves += read_benchopt(path, environment, metric)
    if not curves:
        raise OptbenchError(f"nothing to import: no curve in {', '.join(map(str, files))}")
    made = records(curves)
    names = {curve.optimizer.name for curve in curves}
    with open_store(target) as store:
        known = dict(store.table("key", "spec_digest"))
        fresh = [record for record in made if record.key not in known]
        digests = set(known.values())
        written = store.write([encode(record) for record in made], FIRST_WINS)
    return Imported(
        written=written,
        known=len(made) - written,
        replaced=sum(record.run.spec.digest in digests for record in fresh),
        renamed=tuple(sorted(name for name in names if name.startswith(f"{IMPORTED}."))),
    )
