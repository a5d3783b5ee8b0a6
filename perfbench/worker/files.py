"""The state of a file, cheap enough to be asked for beside a timed pass."""

from __future__ import annotations

import os
from typing import Optional

from perfbench.worker.protocol import Stamp


def stamp(path: str) -> Optional[Stamp]:
    """What the system says of the file that this path leads to; None if there is none."""
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
