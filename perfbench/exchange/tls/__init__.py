"""Certificates of the exchange, made at start-up and thrown away."""
