"""Tokens (``initialClk``) that identify what a client subscribed to when it resumes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

MAX_TOKENS = 1000
"""Tokens that are remembered; subscriptions with the same criteria share one."""


class ResumeTokens:
    """Tokens of one exchange, by the criteria of the subscription that each was issued to."""

    def __init__(self, exchange_id: str) -> None:
        self._exchange_id = exchange_id
        self._lock = threading.Lock()
        self._issued = 0
        self._tokens: OrderedDict[Hashable, str] = OrderedDict()
        self._criteria: dict[str, Hashable] = {}

    def issue(self, criteria: Hashable) -> str:
        """Return the token for these criteria, always the same one as long as it is remembered."""
        with self._lock:
            if criteria not in self._tokens:
                self._issued += 1
                token = f"{self._exchange_id}.{self._issued}"
                self._tokens[criteria], self._criteria[token] = token, criteria
                if len(self._tokens) > MAX_TOKENS:
                    _, forgotten = self._tokens.popitem(last=False)
                    del self._criteria[forgotten]
            self._tokens.move_to_end(criteria)
            return self._tokens[criteria]

    def find(self, token: str | None) -> Hashable | None:
        """Return the criteria of a token; None for one that this exchange did not issue or no longer remembers."""
        with self._lock:
            return self._criteria.get(token or "")
