"""Network conditions: added latency and connection resets."""
