"""The state of a file, without reading it beside a timed pass."""

from __future__ import annotations

import os
from typing import Optional

from perfbench.worker.protocol import Stamp


def stamp(path: str) -> Optional[Stamp]:
    """The state of the file behind this path; None without one."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Stamp(
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        changed_ns=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
    )
