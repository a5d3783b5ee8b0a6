"""Resident memory of this process as the operating system reports it."""

from __future__ import annotations

from typing import Optional


def peak_rss_bytes() -> Optional[float]:
    """The peak of resident memory in bytes; None where the system has no VmHWM.

    Not ru_maxrss, which survives fork and exec: the child of a large host would report the host.
    """
    peak = resident_bytes("VmHWM")
    return None if peak is None else float(peak)


def resident_bytes(line: str) -> Optional[int]:
    """Resident memory of this process in bytes, now (``VmRSS``) or at its peak (``VmHWM``); None where it is not available."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for entry in status:
                if entry.startswith(line + ":"):
                    return int(entry.split()[1]) * 1024
    except OSError:
        pass
    return None
