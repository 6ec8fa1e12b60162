"""The dashboard: a static folder of pages that is made of a history."""
