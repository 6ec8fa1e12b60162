"""Benchmarks in the conventions of asv, which imports this folder on old commits too."""
