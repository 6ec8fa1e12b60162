"""What asv measures, and scripts that compare side by side."""
