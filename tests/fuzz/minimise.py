"""Smaller inputs that show the same fault."""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_TRIES = 400
MAX_SECONDS = 30.0


def minimise(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Remove pieces, halves first and single bytes last, for as long as the rest still fails.

    The input itself comes back if it does not fail again, as one that depends on those before it.
    """
    deadline = time.monotonic() + MAX_SECONDS
    tries = 1
    if not fails(data):
        return data
    size = len(data) // 2
    while size >= 1:
        place = 0
        while place < len(data):
            if tries >= MAX_TRIES or time.monotonic() > deadline:
                return data
            tries += 1
            smaller = data[:place] + data[place + size :]
            if fails(smaller):
                data = smaller
            else:
                place += size
        size //= 2
    return data
