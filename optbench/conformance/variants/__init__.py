"""Variants: what an equation is often mistaken for, written as update rules."""
