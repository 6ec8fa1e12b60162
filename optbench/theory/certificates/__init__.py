"""Exact worst cases by semidefinite programming."""
