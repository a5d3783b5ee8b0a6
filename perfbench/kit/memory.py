"""Resident memory of this process, returning memory to the system, and a heap in which growth is visible at once.

tracemalloc would be exact to the byte but make the code several times slower. Resident memory has the resolution of pages and
costs a microsecond to read.
"""

from __future__ import annotations

import importlib
import os
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Iterator, List, Optional

from perfbench import NotAvailable

FILLING = 2 * 1024**2
"""Bytes of new memory after which no free memory is left: twice the largest request of Python's allocator."""

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Current resident memory of this process in bytes. Raises NotAvailable where neither the system nor psutil reports it."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except OSError:
        pass
    try:
        resident: int = importlib.import_module("psutil").Process().memory_info().rss
    except ImportError:
        raise NotAvailable("this system does not report resident memory in /proc/self/statm: run it on Linux") from None
    return resident


def give_back() -> bool:
    """Return free memory to the system if the C library can (malloc_trim(3) of glibc). Returns whether it can."""
    try:
        importlib.import_module("ctypes").CDLL(None).malloc_trim(0)
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


SPARE = 256 * 1024**2
"""Bytes that are left to other processes."""

MACHINE = Path("/proc/meminfo")
"""In kB; without it, as on macOS, all memory of the machine counts as free."""

GROUPS = Path("/sys/fs/cgroup")
MINE = Path("/proc/self/cgroup")

LIMITS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Files of a control group with its limit and its usage, and the field of ``memory.stat`` with the cache that is freed at once."""


def require_memory(bytes_needed: int, what: str) -> None:
    """Require this many bytes of free memory. Raises NotAvailable.

    :param what: what needs them; the message begins with it, such as ``10,000,000 updates in lists``.
    """
    room = available()
    if bytes_needed + SPARE > room:
        raise NotAvailable(
            "{} need {} of memory, and {} are free: ask for less, or free some".format(
                what, _written(bytes_needed), _written(max(0, room - SPARE))
            )
        )


def available() -> int:
    """Bytes that this process can allocate without swapping: the least that the machine and its control groups have left."""
    left = _read_field(MACHINE, "MemAvailable:") * 1024 or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([left, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    for folder in _my_groups():
        for limit_name, used_name, cache in LIMITS:
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and used is not None:
                yield max(0, limit - used + _read_field(folder / "memory.stat", cache))


def _my_groups() -> Iterator[Path]:
    """The folders of this process's control groups, each with those above it; a container often has only the topmost."""
    try:
        lines = MINE.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        controllers, _, group = line.partition(":")[2].partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = GROUPS / "memory" if controllers else GROUPS
        folder = top / group.lstrip("/")
        yield from (place for place in (folder, *folder.parents) if place == top or top in place.parents)


def _number(path: Path) -> Optional[int]:
    """None without the file, or without a limit (``max``)."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _read_field(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)


def _written(size: int) -> str:
    return "{:,.0f} MB".format(size / 1e6)
