"""Benchmarks of commits in the conventions of asv, which imports these modules on old ones too."""
