"""Resident memory of this process, returning memory to the system, and a heap in which growth is visible at once.

tracemalloc would be exact to the byte but make the code several times slower. Resident memory has the resolution of pages and
costs a microsecond to read.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Iterator, List

FILLING = 2 * 1024**2
"""Bytes of new memory after which no free memory is left: twice the largest request of Python's allocator."""

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Current resident memory of this process in bytes."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except OSError:
        resident: int = importlib.import_module("psutil").Process().memory_info().rss
        return resident


def give_back() -> bool:
    """Return free memory to the system if the C library can (malloc_trim(3) of glibc). Returns whether it can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return True


@contextmanager
def filled_heap() -> Iterator[None]:
    """Occupy the memory that earlier work freed, so that small objects need new memory from the first on."""
    held: List[Any] = []
    time = datetime(2020, 1, 1)
    end = resident_bytes() + FILLING
    while resident_bytes() < end:
        for number in range(1_000):
            held += (float(number), time + timedelta(seconds=number))
    yield
