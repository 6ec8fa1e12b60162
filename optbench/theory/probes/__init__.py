"""What an optimizer's own step does to chosen states."""
