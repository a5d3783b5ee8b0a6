"""CPU seconds of other processes and threads than the one that asks, and the time spent waiting for a core."""

from __future__ import annotations

from typing import Optional


def child_cpu_seconds() -> float:
    """CPU seconds of the child processes that ended and were waited for (getrusage(2), RUSAGE_CHILDREN); 0 on Windows."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return 0.0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(usage.ru_utime + usage.ru_stime)


def queue_seconds() -> Optional[float]:
    """Seconds that the main thread was ready to run and had no core (proc(5), schedstat); None where the system does not tell."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as schedstat:
            return int(schedstat.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
