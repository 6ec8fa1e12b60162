"""Other people's optimizers: which packages, what is peculiar about a class, and how it is run."""
