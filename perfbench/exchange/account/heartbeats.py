"""Heartbeats of accounts, whose absence cancels their unmatched orders.

Source: Betfair, Heartbeat API: the timeout is between 10 and 300 seconds, 0 ends it.
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 10, 300


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Timeout in seconds (0: none) and what happened since the account's last heartbeat (ActionPerformed)."""

    timeout: int
    action: str


class Heartbeats:
    """Deadlines of all accounts. Not thread-safe."""

    def __init__(self) -> None:
        self._deadlines: dict[str, float] = {}
        self._actions: dict[str, str] = {}

    def register(self, account: str, preferred_seconds: int, now: float) -> Heartbeat:
        """Renew or end the timeout of an account; ``now`` is a reading of the monotonic clock in seconds."""
        action = self._actions.pop(account, "NONE")
        if preferred_seconds == 0:
            self._deadlines.pop(account, None)
            return Heartbeat(0, action)
        timeout = min(max(preferred_seconds, MIN_TIMEOUT_SECONDS), MAX_TIMEOUT_SECONDS)
        self._deadlines[account] = now + timeout
        return Heartbeat(timeout, action)

    def take_expired(self, now: float) -> list[str]:
        """Return the accounts whose time is over, once."""
        expired = [account for account, deadline in self._deadlines.items() if deadline <= now]
        for account in expired:
            del self._deadlines[account]
        return expired

    def note_cancellation(self, account: str, *, complete: bool) -> None:
        """Note what was done for an account whose time was over; its next heartbeat reports it."""
        self._actions[account] = "ALL_BETS_CANCELLED" if complete else "SOME_BETS_NOT_CANCELLED"
