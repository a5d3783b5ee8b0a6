"""Logins and session tokens."""

from __future__ import annotations

import secrets
import time

SESSION_LIFETIME_SECONDS = 12 * 3600.0
"""Lifetime of a session after its last login or keep-alive (Betfair, international exchange)."""


class Sessions:
    """Sessions issued by logins, and their accounts.

    Without ``users`` (passwords by name) anybody may log in and any token is valid; an unknown token is an account of
    its own.
    """

    def __init__(self, users: dict[str, str] | None = None) -> None:
        self._users = users or {}
        self._sessions: dict[str, tuple[str, float]] = {}

    def log_in(self, user: str, password: str) -> str | None:
        """Log in and return a new session token; None for wrong credentials."""
        if not user or not password or (self._users and self._users.get(user) != password):
            return None
        session = secrets.token_urlsafe(24)
        self._sessions[session] = user, time.monotonic()
        return session

    def keep_alive(self, session: str) -> bool:
        """Renew a session; False if it is invalid."""
        if not self.is_valid(session):
            return False
        self._sessions[session] = self.get_account(session), time.monotonic()
        return True

    def log_out(self, session: str) -> bool:
        """End a session; False if it does not exist."""
        return self._sessions.pop(session, None) is not None

    def is_valid(self, session: str) -> bool:
        """Return whether a session token is valid."""
        if session not in self._sessions:
            return bool(session) and not self._users
        return time.monotonic() - self._sessions[session][1] < SESSION_LIFETIME_SECONDS

    def get_account(self, session: str) -> str:
        """Return the account of a session."""
        return self._sessions[session][0] if session in self._sessions else session
