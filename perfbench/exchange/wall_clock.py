"""Wall-clock time of messages and orders."""

from __future__ import annotations

import time


def read_epoch_ms() -> int:
    """Return the current time in milliseconds since 1970; clients compare it with their own clock."""
    return time.time_ns() // 1_000_000
