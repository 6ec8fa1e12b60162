"""Runs on disk, each whole or absent: one SQLite file, described in `results/README.md`."""

from optbench.store.damage import Damage
from optbench.store.export import FORMATS, export
from optbench.store.file import Newest, Store, open_store
from optbench.store.foreign.read import Imported, import_files
from optbench.store.listing import Listed, list_runs
from optbench.store.merge import Merged, merge
from optbench.store.record import Record
from optbench.store.salvage import Salvaged, check, salvage

__all__ = [
    "FORMATS",
    "Damage",
    "Imported",
    "Listed",
    "Merged",
    "Newest",
    "Record",
    "Salvaged",
    "Store",
    "check",
    "export",
    "import_files",
    "list_runs",
    "merge",
    "open_store",
    "salvage",
]
