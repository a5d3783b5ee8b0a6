"""How much memory this process has in use, how it gives some back, and a heap in which growth shows at once.

tracemalloc would tell to the byte and make the code several times slower; the resident memory is what the machine lacks, comes in
pages and costs a microsecond to read.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Iterator, List

FILLING = 2 * 1024**2
"""Bytes of new memory after which nothing that was free before is left: twice the most that Python's allocator asks for."""

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Resident memory of this process in bytes, now."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except OSError:
        resident: int = importlib.import_module("psutil").Process().memory_info().rss
        return resident


def give_back() -> bool:
    """Give free memory back to the system, where the C library can (malloc_trim(3) of glibc); whether it can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return True


@contextmanager
def filled_heap() -> Iterator[None]:
    """As long as it lasts, what earlier work freed is in use: small objects made now need new memory from the first on."""
    held: List[Any] = []
    time = datetime(2020, 1, 1)
    end = resident_bytes() + FILLING
    while resident_bytes() < end:
        for number in range(1_000):
            held += (float(number), time + timedelta(seconds=number))
    yield
