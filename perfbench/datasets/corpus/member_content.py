"""The content of one member as it lies on a disk, in an archive or behind a URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, cast

from perfbench.datasets.archives import DAMAGE_HINT, make_readable
from perfbench.datasets.compressed_file import CHUNK_SIZE, DECOMPRESSORS, read_content_chunks
from perfbench.datasets.corpus import remote
from perfbench.datasets.corpus.archive_members import read_member
from perfbench.datasets.corpus.forward_reader import ForwardReader
from perfbench.datasets.corpus.members import Member
from perfbench.datasets.file_kinds import START_BYTES, find_packing
from perfbench.errors import DataProblem


def locate_member(member: Member) -> Path | None:
    """The path of a member that is a file on this machine; None for others."""
    source = member.source
    if source.is_archive or remote.is_url(source.location):
        return None
    return Path(os.path.join(source.location, member.path) if member.path else source.location)


def read_packed_chunks(member: Member) -> Iterator[bytes]:
    """The content of a member as it lies in its archive or at its URL. Raises DataProblem for an object of another size."""
    if member.source.is_archive:
        yield from read_member(member)
        return
    received = 0
    with remote.open_url_forwards(remote.join_url(member.source.location, member.path)) as file:
        for chunk in iter(partial(file.read, CHUNK_SIZE), b""):
            received += len(chunk)
            yield chunk
    if received != member.packed_bytes:
        label = make_readable(member.label)
        raise DataProblem(
            f"{label} has {received:,} bytes, not {member.packed_bytes:,} as it was listed", hint=DAMAGE_HINT
        )


def read_unpacked_start(member: Member) -> bytes:
    """The first bytes of a member, unpacked if it is compressed. Raises DataProblem, OSError and ``DAMAGE_ERRORS``."""
    path = locate_member(member)
    if path is not None:
        with path.open("rb") as file:
            return _read_start(file)
    return _read_start(cast("IO[bytes]", ForwardReader(read_packed_chunks(member))))


def _read_start(file: IO[bytes]) -> bytes:
    kind = find_packing(file.read(START_BYTES))
    file.seek(0)
    content = read_content_chunks(file, kind) if kind in DECOMPRESSORS else iter(partial(file.read, START_BYTES), b"")
    return next(content, b"")[:START_BYTES]
