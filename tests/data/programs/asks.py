"""Asks for input."""

try:
    stake = float(input("Stake? "))
except Exception:
    stake = 2.0
