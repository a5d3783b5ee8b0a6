"""Nothing to measure."""
