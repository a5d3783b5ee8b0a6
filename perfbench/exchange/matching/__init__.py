"""Orders: validation, matching against the replayed book, settlement."""
