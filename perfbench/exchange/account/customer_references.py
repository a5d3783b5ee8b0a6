"""Customer references of requests, which are rejected as duplicates for a while."""

from __future__ import annotations

import time

CUSTOMER_REF_SECONDS = 60.0
"""Seconds during which a customer reference is rejected as a duplicate (Betfair, placeOrders, customerRef)."""


class CustomerReferences:
    """References of the last minute, by account."""

    def __init__(self) -> None:
        self._registered_at: dict[tuple[str, str], float] = {}

    def register(self, account: str, reference: str) -> bool:
        """Register a reference; False if it is a duplicate."""
        moment = time.monotonic()
        while self._registered_at:
            oldest = next(iter(self._registered_at))
            if moment - self._registered_at[oldest] <= CUSTOMER_REF_SECONDS:
                break
            del self._registered_at[oldest]
        is_new = (account, reference) not in self._registered_at
        self._registered_at.setdefault((account, reference), moment)
        return is_new
