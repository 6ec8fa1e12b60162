"""Executors: hand batches to this process or to several, whatever is in them."""
