"""What `optbench nightly` and `optbench bisect` do: run afresh, keep, compare, search."""
