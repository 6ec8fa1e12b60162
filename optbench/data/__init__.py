"""Real data sets: where they come from, their checksums, how they are read and kept."""
