"""Application keys, live and delayed."""

from __future__ import annotations

from dataclasses import dataclass

DELAYED_CONFLATE_MS = 180_000
"""Conflation of a subscription with a delayed key (Betfair, Application Keys: data up to three minutes old)."""


@dataclass(frozen=True, slots=True)
class AppKeys:
    """Accepted application keys. Without any, every key is accepted and live."""

    live: frozenset[str] = frozenset()
    delayed: frozenset[str] = frozenset()

    def is_valid(self, key: str) -> bool:
        """Return whether a key is accepted."""
        return bool(key) and (not (self.live or self.delayed) or key in self.live or key in self.delayed)

    def is_delayed(self, key: str) -> bool:
        """Return whether a key gets delayed market data."""
        return key in self.delayed
