"""What a stored run's curve does, how fast, and what theory says of it."""
