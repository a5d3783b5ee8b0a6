"""Unpack the market files once, instead of in every run.

flumine opens bz2 and gzip files through smart_open, and decompresses them each time.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator

from perfbench.kit.lever import (
    FLUMINE_PERFORMANCE,
    SAME,
    Noted,
    Proposal,
    around_run,
    count_noun,
    market_streams,
    set_stream_file,
    stream_file,
)

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE
OPENERS: Dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
"""First two bytes of a packed file, and what reads it."""

COMMANDS = {".bz2": "bunzip2 --keep", ".gz": "gunzip --keep"}


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations of packed files."""
    files = [file for file in noted.packed_files if noted.simulations]
    if not files:
        return
    command = COMMANDS.get(os.path.splitext(files[0])[1].lower(), "gunzip --keep")
    yield Proposal(
        title="files unpacked beforehand",
        write="{} FILE…  # once; then name the unpacked files".format(command),
        reason="{} {} decompressed in every run, such as {}".format(
            count_noun(len(files), "file"), "is" if len(files) == 1 else "are", os.path.basename(files[0])
        ),
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """The packed files of every simulation are unpacked into a temporary folder before it runs, which is not timed."""
    with tempfile.TemporaryDirectory(prefix="perfbench-unpacked-") as folder:

        def unpack_files(framework: Any) -> None:
            for stream in market_streams(framework):
                set_stream_file(stream, unpack_file(stream_file(stream), folder))

        with around_run(before=unpack_files):
            yield


def unpack_file(path: str, folder: str) -> str:
    """The unpacked copy of a file in a folder, written if it is not there; the file itself if it is not packed or missing."""
    try:
        with open(path, "rb") as file:
            opener = OPENERS.get(file.read(2))
    except OSError:
        return path
    if opener is None:
        return path
    name = os.path.splitext(os.path.basename(path))[0]
    digest = hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:16]
    copy = os.path.join(folder, digest, name)
    if not os.path.exists(copy):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        part = "{}.{}".format(copy, os.getpid())
        with opener(path, "rb") as packed, open(part, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        os.replace(part, copy)
    return copy
