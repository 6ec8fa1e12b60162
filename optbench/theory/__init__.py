"""Convergence theory as code: closed forms with their sources."""
