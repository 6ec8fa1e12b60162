"""The checks, by family; `battery` puts them together."""
