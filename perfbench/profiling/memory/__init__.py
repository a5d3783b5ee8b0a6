"""Memory over time, and which functions allocate it."""
