"""Balances and statements of accounts."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

MAX_STATEMENT_ENTRIES = 10_000
"""Latest entries of a statement that are kept per account."""


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """Funds of an account in pounds: available to bet, and exposure of its orders."""

    available: float
    exposure: float


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """Entry of a statement: the result of a market in pounds, the balance after it, and its time in ms since 1970."""

    market_id: str
    amount: float
    balance: float
    commission: float
    settled_at: int


class Wallet:
    """Balances of all accounts, which start with the same opening balance."""

    def __init__(self, opening_balance: float) -> None:
        self._opening_balance = opening_balance
        self._balances: dict[str, float] = {}
        self._statements: defaultdict[str, deque[StatementEntry]] = defaultdict(
            lambda: deque(maxlen=MAX_STATEMENT_ENTRIES)
        )

    def settle(self, account: str, market_id: str, net_profit: float, commission: float, settled_at: int) -> None:
        """Add the result of a closed market, in pounds."""
        amount = round(net_profit - commission + 0.0, 2)
        balance = round(self._get_balance(account) + amount + 0.0, 2)
        self._balances[account] = balance
        self._statements[account].append(StatementEntry(market_id, amount, balance, commission, settled_at))

    def get_funds(self, account: str, exposure: float) -> AccountFunds:
        """Return the funds of an account whose open orders have this exposure."""
        return AccountFunds(round(self._get_balance(account) - exposure + 0.0, 2), exposure)

    def list_statement(self, account: str) -> list[StatementEntry]:
        """Return the entries of an account's statement, latest first."""
        return list(reversed(self._statements.get(account, ())))

    def _get_balance(self, account: str) -> float:
        return self._balances.get(account, self._opening_balance)
