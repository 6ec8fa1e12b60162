"""Engines: advance a batch of runs, or one run, and return what happened."""
