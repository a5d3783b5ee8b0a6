"""Logins and session tokens."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict, deque
from enum import Enum

SESSION_LIFETIME_SECONDS = 12 * 3600.0
"""Lifetime of a session after its last login or keep-alive (Betfair, international exchange)."""

MAX_LOGINS = 100
LOGIN_WINDOW_SECONDS = 60.0
BAN_SECONDS = 20 * 60.0
"""Successful logins of a user per minute, and the time in which no further one is accepted when there were more (Betfair,
Non-Interactive login, login request limits). Sessions of the user stay valid.
"""

MAX_SESSIONS = 10_000
"""Sessions at once; the oldest end when there are more."""


class LoginError(Enum):
    """Reason why a login is rejected: the value is the code of the answer."""

    WRONG_CREDENTIALS = "INVALID_USERNAME_OR_PASSWORD"
    TOO_MANY = "TEMPORARY_BAN_TOO_MANY_REQUESTS"


class Sessions:
    """Sessions issued by logins, and their accounts. Thread-safe.

    Without ``users`` (passwords by name) anybody may log in. With ``login_required`` a token is valid only if it was
    issued by a login; otherwise, and without users, any token is valid and an account of its own.
    """

    def __init__(self, users: dict[str, str] | None = None, *, login_required: bool = False) -> None:
        self._users = users or {}
        self._login_required = login_required or bool(self._users)
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[str, float]] = {}
        self._logins: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MAX_LOGINS))
        self._banned_until: dict[str, float] = {}

    def log_in(self, user: str, password: str) -> str | LoginError:
        """Log in and return a new session token, or why there is none."""
        if not user or not password or (self._users and self._users.get(user) != password):
            return LoginError.WRONG_CREDENTIALS
        with self._lock:
            moment = time.monotonic()
            self._purge(moment)
            if self._banned_until.get(user, moment) > moment:
                return LoginError.TOO_MANY
            logins = self._logins[user]
            if len(logins) == MAX_LOGINS and moment - logins[0] < LOGIN_WINDOW_SECONDS:
                self._banned_until[user] = moment + BAN_SECONDS
                return LoginError.TOO_MANY
            logins.append(moment)
            session = secrets.token_urlsafe(24)
            self._sessions[session] = user, moment
            return session

    def _purge(self, moment: float) -> None:
        """Forget expired sessions and logins, and the oldest sessions above the limit."""
        while self._sessions:
            oldest = next(iter(self._sessions))
            expired = moment - self._sessions[oldest][1] >= SESSION_LIFETIME_SECONDS
            if not expired and len(self._sessions) < MAX_SESSIONS:
                break
            del self._sessions[oldest]
        for user in [name for name, logins in self._logins.items() if moment - logins[-1] > LOGIN_WINDOW_SECONDS]:
            del self._logins[user]
        for user in [name for name, until in self._banned_until.items() if until <= moment]:
            del self._banned_until[user]

    def keep_alive(self, session: str) -> bool:
        """Renew a session; False if it is invalid."""
        if not self.is_valid(session):
            return False
        with self._lock:
            if entry := self._sessions.pop(session, None):  # moved to the end: sessions are ordered by renewal
                self._sessions[session] = entry[0], time.monotonic()
        return True

    def log_out(self, session: str) -> bool:
        """End a session; False if it does not exist."""
        with self._lock:
            return self._sessions.pop(session, None) is not None

    def is_valid(self, session: str) -> bool:
        """Return whether a session token is valid."""
        entry = self._sessions.get(session)
        if entry is None:
            return bool(session) and not self._login_required
        return time.monotonic() - entry[1] < SESSION_LIFETIME_SECONDS

    def get_account(self, session: str) -> str:
        """Return the account of a session."""
        entry = self._sessions.get(session)
        return session if entry is None else entry[0]
