"""Rates from sequences of numbers."""
