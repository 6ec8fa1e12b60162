"""Is this implementation the algorithm that it claims to be? Runs it against the equation."""
