"""From numbers to figures and pages; never starts a run."""
