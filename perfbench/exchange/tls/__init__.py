"""Throw-away certificates of the exchange."""
