"""The time limit of a search, and how many pairs fit into what is left of it. Pure."""

from __future__ import annotations


class Budget:
    """Wall-clock seconds that a search may take, and those that its pairs took."""

    def __init__(self, seconds: float) -> None:
        """:param seconds: the limit."""
        self._limit = seconds
        self._spent = 0.0
        self._pairs = 0
        self._pair_time = 0.0

    def charge(self, seconds: float, pairs: int) -> None:
        """Note what a request took; one without pairs says nothing about their cost."""
        self._spent += seconds
        if pairs:
            self._pairs += pairs
            self._pair_time += seconds

    def compute_share(self, pairs: int) -> float:
        """The share of the whole limit that this many pairs take; 0 before the first pair."""
        return pairs * self._pair_seconds / self._limit if self._limit > 0 else 1.0

    def has_time(self, pairs: float) -> bool:
        """Whether this many pairs fit into what is left."""
        return self._spent + pairs * self._pair_seconds <= self._limit

    def count_affordable(self, most: int) -> int:
        """The pairs that fit into what is left, at most ``most`` and at least 0."""
        if not self._pair_seconds:
            return most
        return max(0, min(most, int((self._limit - self._spent) / self._pair_seconds)))

    @property
    def _pair_seconds(self) -> float:
        """Seconds of a pair so far, on average; 0 before the first."""
        return self._pair_time / self._pairs if self._pairs else 0.0
