"""Logins, wallets and exposure of accounts."""
