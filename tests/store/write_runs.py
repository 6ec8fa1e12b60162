"""A process that adds batches of runs and prints a line before and after each: tests kill it.

Arguments: folder, number of the first run, number of batches, runs a batch.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from optbench.store import open_store

if __name__ == "__main__":
    make_record = importlib.import_module("conftest").make_record
    first, batches, size = map(int, sys.argv[2:])
    with open_store(Path(sys.argv[1])) as store:
        for start in range(first, first + batches * size, size):
            records = [make_record(number) for number in range(start, start + size)]
            print("adding", start, flush=True)
            store.add(records)
            print("added", start, flush=True)
