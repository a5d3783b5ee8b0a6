"""Copies of the market files of a simulation, which are made before it runs and are not timed."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
from typing import IO, Any, Callable, ContextManager, Dict, Optional

from perfbench.kit.lever import around_run, market_streams, set_stream_file, stream_file

OPENERS: Dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
"""First two bytes of a packed file, and what reads it."""

Convert = Callable[[IO[bytes], IO[bytes]], None]
"""Writes the copy of a market file, both unpacked."""


def reading_copies(folder: str, convert: Convert, *, packed_only: bool = False) -> ContextManager[None]:
    """Inside the context, simulations read copies of their market files, which are in this folder.

    :param packed_only: files that are not packed are read themselves.
    """

    def set_files(framework: Any) -> None:
        for stream in market_streams(framework):
            set_stream_file(stream, copy_file(stream_file(stream), folder, convert, packed_only=packed_only))

    return around_run(before=set_files)


def copy_file(path: str, folder: str, convert: Convert, *, packed_only: bool = False) -> str:
    """The copy of a file in a folder, written if it is not there; the file itself if it is missing, or not packed if so wanted."""
    opener = find_opener(path)
    if opener is None and (packed_only or not os.path.isfile(path)):
        return path
    name = os.path.splitext(os.path.basename(path))[0] if opener is not None else os.path.basename(path)
    digest = hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:16]
    copy = os.path.join(folder, digest, name)
    if not os.path.exists(copy):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        part = "{}.{}".format(copy, os.getpid())
        with (opener or open)(path, "rb") as market, open(part, "wb") as written:
            convert(market, written)
        os.replace(part, copy)
    return copy


def find_opener(path: str) -> Optional[Callable[..., Any]]:
    """What reads a packed file; None for a file that is not packed or missing."""
    try:
        with open(path, "rb") as file:
            return OPENERS.get(file.read(2))
    except OSError:
        return None
