"""Runs on disk, each whole or absent: one SQLite file, described in `results/README.md`."""

from optbench.store.damage import Damage
from optbench.store.export import FORMATS, export
from optbench.store.file import Newest, Store, open_store
from optbench.store.merge import Merged, merge
from optbench.store.record import Record
from optbench.store.salvage import Salvaged, check, salvage

__all__ = [
    "FORMATS",
    "Damage",
    "Merged",
    "Newest",
    "Record",
    "Salvaged",
    "Store",
    "check",
    "export",
    "merge",
    "open_store",
    "salvage",
]
