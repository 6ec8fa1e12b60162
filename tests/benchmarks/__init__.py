"""Benchmarks for asv; `ratios.py` is a script of its own."""
