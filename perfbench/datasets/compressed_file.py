"""The content of a gz, bz2 or xz file, stream after stream.

Python's own readers end without a word at a damaged second stream of a bz2 or xz file, as parallel compressors write them.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, Protocol

CHUNK_SIZE = 1 << 20
MEMORY_LIMIT = 512 << 20
"""Bytes that an xz file may make its decoder allocate; ``xz -9`` takes 65 MiB."""


class Decompressor(Protocol):
    """What the decompressors of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class GzipDecompressor:
    """zlib's decompressor of one gzip member, which checks its checksum and length, used like those of bz2 and lzma."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to get without new data."""
        return not self._stream.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes of the content; ``data`` is empty unless ``needs_input``. Raises zlib.error."""
        content = self._stream.decompress(data or self._stream.unconsumed_tail, max_length)
        self._full = len(content) == max_length
        return content


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gz": GzipDecompressor,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_LIMIT),
}


def read_chunks(path: Path, kind: str) -> Iterator[bytes]:
    """The content in pieces of at most 1 MiB.

    Raises EOFError, OSError, zlib.error and lzma.LZMAError for a file that ends early, is damaged, or continues with
    anything but another stream or zeros.
    """
    with path.open("rb") as file:
        yield from read_content_chunks(file, kind)


def read_content_chunks(file: IO[bytes], kind: str) -> Iterator[bytes]:
    """As ``read_chunks``, of an open file that may be read forwards only."""
    rest = file.read(CHUNK_SIZE)
    while rest:
        rest = yield from _read_stream(file, DECOMPRESSORS[kind](), rest)
        while not rest.strip(b"\x00") and (more := file.read(CHUNK_SIZE)):
            rest = more
        rest = rest.lstrip(b"\x00")


def _read_stream(file: IO[bytes], stream: Decompressor, data: bytes) -> Generator[bytes, None, bytes]:
    """Yield the content of one stream; returns what was read beyond it."""
    while True:
        content = stream.decompress(data, CHUNK_SIZE)
        if content:
            yield content
        if stream.eof:
            return stream.unused_data
        data = b""
        if stream.needs_input:
            data = file.read(CHUNK_SIZE)
            if not data:
                raise EOFError("it ends before its end mark")
