"""The state of a file, without reading it beside a timed pass; and what kind of data it has, by its first bytes."""

from __future__ import annotations

import os
import re
from typing import Optional

from perfbench.worker.protocol import Stamp

PACKED_STARTS = (b"BZh", b"\x1f\x8b", b"PK\x03\x04")
"""First bytes of packed files."""

MARKET_START, MARKET_WORD = b"{", b'"mcm"'
"""First bytes of a market file, and what is in its first line."""

RESULT_START = re.compile(rb'\{\s*"schema": ?1,')
"""First bytes of what perfbench saves, of which a results folder may have hundreds."""

HEAD_BYTES = 256


def is_read_only_data(path: str) -> bool:
    """Whether a file is a market file, packed, or a saved run, which nothing writes in place; True for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return True
    if head.startswith(PACKED_STARTS) or RESULT_START.match(head):
        return True
    return head.lstrip().startswith(MARKET_START) and MARKET_WORD in head


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
