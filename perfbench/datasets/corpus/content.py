"""Open the file of a path or a URL, for reading at any place or forwards only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import IO, Literal

from perfbench.datasets.archives import DAMAGE_ERRORS
from perfbench.datasets.compressed_file import CHUNK_SIZE, DECOMPRESSORS, read_content_chunks
from perfbench.datasets.corpus import remote
from perfbench.datasets.corpus.names import is_packed_tar_name
from perfbench.datasets.file_kinds import START_BYTES, find_foreign_packer, find_packing
from perfbench.errors import DataProblem

ContentKind = Literal["file", "tar", "zip", "packed tar"]


def open_content(location: str) -> AbstractContextManager[IO[bytes]]:
    """A file to be read at any place. Raises OSError, and DataProblem for a URL."""
    return remote.open_url(location) if remote.is_url(location) else Path(location).open("rb")


def open_forwards(location: str) -> AbstractContextManager[IO[bytes]]:
    """A file to be read from the beginning. Raises OSError, and DataProblem for a URL."""
    return remote.open_url_forwards(location) if remote.is_url(location) else Path(location).open("rb")


def read_plain_chunks(content: IO[bytes], start: bytes) -> Iterator[bytes]:
    """The content of a tar that may be compressed, of which the first bytes show how; it is read from its position on."""
    kind = find_packing(start)
    return read_content_chunks(content, kind) if kind in DECOMPRESSORS else iter(partial(content.read, CHUNK_SIZE), b"")


def detect_kind(content: IO[bytes], label: str) -> ContentKind:
    """The kind of a file by its first bytes, and those that it unpacks to. Raises DataProblem for an unknown packer."""
    start = content.read(START_BYTES)
    if packer := find_foreign_packer(start):
        raise DataProblem(
            f"{label} is packed with {packer.name}, which is not supported", hint=f"unpack it: {packer.command} {label}"
        )
    kind = find_packing(start)
    if kind in ("tar", "zip"):
        return "tar" if kind == "tar" else "zip"
    if kind in DECOMPRESSORS:
        if is_packed_tar_name(label):
            return "packed tar"
        content.seek(0)
        return "packed tar" if find_packing(_read_unpacked_start(content, kind)) == "tar" else "file"
    # A tar without members is zeros only.
    return "tar" if label.lower().endswith(".tar") and start and not start.strip(b"\x00") else "file"


def _read_unpacked_start(content: IO[bytes], kind: str) -> bytes:
    """The first bytes of the unpacked content; empty if it is damaged, which its unpacking will show."""
    try:
        return next(read_content_chunks(content, kind), b"")
    except DAMAGE_ERRORS:
        return b""
