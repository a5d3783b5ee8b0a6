"""Balances of accounts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """Funds of an account in pounds: available to bet, and exposure of its orders."""

    available: float
    exposure: float


class Wallet:
    """Balances of all accounts, which start with the same opening balance."""

    def __init__(self, opening_balance: float) -> None:
        self._opening_balance = opening_balance
        self._balances: dict[str, float] = {}

    def settle(self, account: str, net_profit: float, commission: float) -> None:
        """Add the result of a closed market, in pounds."""
        self._balances[account] = self._get_balance(account) + net_profit - commission

    def get_funds(self, account: str, exposure: float) -> AccountFunds:
        """Return the funds of an account whose open orders have this exposure."""
        return AccountFunds(round(self._get_balance(account) - exposure + 0.0, 2), exposure)

    def _get_balance(self, account: str) -> float:
        return self._balances.get(account, self._opening_balance)
