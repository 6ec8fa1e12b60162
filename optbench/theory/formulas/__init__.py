"""Bounds, rates and noise floors in closed form, with their sources."""
