"""The training engine: tasks, which are models with a loss and examples."""
