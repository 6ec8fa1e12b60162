"""The nouns of optbench: problems, optimizers, schedules, specs, runs, errors."""
