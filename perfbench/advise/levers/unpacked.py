"""Unpack the market files once, instead of in every run.

flumine opens bz2 and gzip files through smart_open, and decompresses them each time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import ContextManager, Iterator

from perfbench.kit.lever import FLUMINE_PERFORMANCE, SAME, Noted, Proposal, count_noun
from perfbench.kit.market_copies import reading_copies

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE
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
    with tempfile.TemporaryDirectory(prefix="perfbench-unpacked-") as folder, read_unpacked(folder):
        yield


def read_unpacked(folder: str) -> ContextManager[None]:
    """Simulations read the copies in this folder."""
    return reading_copies(folder, shutil.copyfileobj, packed_only=True)
