"""Runs that other programs made, read from their files into the store.

An imported run is data and no more: its engine is `imported`, its fingerprint too, its environment
names the file that it came from, and nothing that it names is ever looked up or run.
"""

IMPORTED = "imported"
"""Engine and fingerprint of runs that other programs made; what their problems are called."""
