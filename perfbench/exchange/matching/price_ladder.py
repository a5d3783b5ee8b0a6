"""Price ladders.

Source: Betfair, Exchange API, "Betfair Price Increments".
"""

from __future__ import annotations

PRICE_INCREMENTS = (
    (200, 1),
    (300, 2),
    (400, 5),
    (600, 10),
    (1_000, 20),
    (2_000, 50),
    (3_000, 100),
    (5_000, 200),
    (10_000, 500),
    (100_000, 1_000),
)
"""Upper bound and increment of each price range, in hundredths."""

MIN_PRICE_HUNDREDTHS = 101
MAX_PRICE_HUNDREDTHS = 100_000
FINEST_LADDER = "FINEST"
"""Type of a price ladder with an increment of 0.01 throughout."""


def is_on_ladder(price: float, ladder: str) -> bool:
    """Return whether a price is on a ladder of this type (``CLASSIC``, ``FINEST``)."""
    hundredths = round(price * 100)
    if abs(price * 100 - hundredths) > 1e-6 or not MIN_PRICE_HUNDREDTHS <= hundredths <= MAX_PRICE_HUNDREDTHS:
        return False
    step = 1 if ladder == FINEST_LADDER else next(step for most, step in PRICE_INCREMENTS if hundredths <= most)
    return hundredths % step == 0
