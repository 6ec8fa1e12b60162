"""The tables of a results file, schema version 2. `results/README.md` describes them for people."""

from __future__ import annotations

from optbench.core.run import DETERMINED, MEASURED, Status

APPLICATION_ID = 0x6F707462
"""ASCII `optb`, in the header of every file that optbench makes."""

VERSION = 2
"""Schema version, kept as `user_version`; a higher one was made by a newer optbench."""

CURVE = DETERMINED + MEASURED
"""Columns of the curve blob, in order; changing the order is a new schema version."""

# Short columns come first and blobs last, so that a scan of the readable part skips the curves.
METADATA = {
    "key": "TEXT NOT NULL UNIQUE",
    "spec_digest": "TEXT NOT NULL",
    "label": "TEXT NOT NULL",
    "problem": "TEXT NOT NULL",
    "method": "TEXT NOT NULL",
    "optimizer": "TEXT NOT NULL",
    "lr": "REAL",
    "schedule": "TEXT NOT NULL",
    "seed": "INTEGER",
    "dtype": "TEXT NOT NULL",
    "device": "TEXT NOT NULL",
    "status": "TEXT NOT NULL",
    "message": "TEXT NOT NULL",
    "first_bad_step": "INTEGER",
    "engine": "TEXT NOT NULL",
    "batch": "TEXT NOT NULL",
    "seconds": "REAL",
    "n_points": "INTEGER NOT NULL",
    **{f"last_{column}": "REAL" for column in CURVE},
    "created": "TEXT NOT NULL",
    "fingerprint": "TEXT NOT NULL",
    "environment": "TEXT NOT NULL REFERENCES environments(id)",
    "spec": "TEXT NOT NULL",
    "hyper": "TEXT NOT NULL",
    "facts": "TEXT NOT NULL",
    "points_dim": "INTEGER",
    "blob_crc32": "INTEGER NOT NULL",
}
"""Columns of `runs` that `crc32` covers, with their SQL types."""

TEXTS = tuple(name for name, kind in METADATA.items() if kind.startswith("TEXT"))
NUMBERS = tuple(name for name in METADATA if name not in TEXTS)

BLOBS = {"curve": "BLOB NOT NULL", "points": "BLOB"}
"""Columns that `blob_crc32` covers."""

RUNS = METADATA | {"crc32": "INTEGER NOT NULL"} | BLOBS

UNFINISHED = ", ".join(f"'{status}'" for status in Status if not status.is_final)
"""SQL list of the statuses whose runs are tried again."""

# A row a column, named in the data: a column that tasks get later needs no new version.
_TRAINED = (
    "CREATE TABLE trained (run INTEGER NOT NULL REFERENCES runs(id), name TEXT NOT NULL, "
    "last REAL, crc32 INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run, name)) WITHOUT ROWID"
)

STATEMENTS = (
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, "
    f"{', '.join(f'{name} {kind}' for name, kind in RUNS.items())})",
    # By id, not by key: so a run's hits lie near its row, and a truncated file loses both or none.
    "CREATE TABLE hits (run INTEGER NOT NULL REFERENCES runs(id), target REAL NOT NULL, "
    "step INTEGER NOT NULL, gradient_calls REAL, PRIMARY KEY (run, target)) WITHOUT ROWID",
    _TRAINED,
    "CREATE TABLE environments (id TEXT PRIMARY KEY NOT NULL, json TEXT NOT NULL)",
    "CREATE INDEX runs_by_spec ON runs (spec_digest, created, key)",
    "CREATE INDEX runs_by_label ON runs (label)",
    f"CREATE INDEX runs_unfinished ON runs (key) WHERE status IN ({UNFINISHED})",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
"""What makes an empty database a results file; run in one transaction."""

UPGRADES = {1: (_TRAINED, "PRAGMA user_version = 2")}
"""What makes a file of an older version one of the next; no row of it changes."""
