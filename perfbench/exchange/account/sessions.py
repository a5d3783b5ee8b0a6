"""Who has logged in."""

from __future__ import annotations

import secrets
import time

SESSION_LIFETIME_SECONDS = 12 * 3600.0
"""Seconds for which a session lives after its last login or keep-alive (Betfair, international exchange)."""


class Sessions:
    """Sessions that a login gave, and whose they are.

    Without ``users``, names and their passwords, everybody may log in, and any session is as good: that of nobody's login is an
    account of its own.
    """

    def __init__(self, users: dict[str, str] | None = None) -> None:
        self._users = users or {}
        self._owners: dict[str, tuple[str, float]] = {}

    def log_in(self, user: str, password: str) -> str | None:
        """A new session; None if name and password are not right."""
        if not user or not password or (self._users and self._users.get(user) != password):
            return None
        session = secrets.token_urlsafe(24)
        self._owners[session] = user, time.monotonic()
        return session

    def keep_alive(self, session: str) -> bool:
        """Let a session live on; False if there is no such one."""
        if not self.valid(session):
            return False
        self._owners[session] = self.account(session), time.monotonic()
        return True

    def log_out(self, session: str) -> bool:
        """End a session; False if there is no such one."""
        return self._owners.pop(session, None) is not None

    def valid(self, session: str) -> bool:
        """Whether a session may do anything."""
        if session not in self._owners:
            return bool(session) and not self._users
        return time.monotonic() - self._owners[session][1] < SESSION_LIFETIME_SECONDS

    def account(self, session: str) -> str:
        """Whose session it is."""
        return self._owners[session][0] if session in self._owners else session
