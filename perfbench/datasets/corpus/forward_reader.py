"""A file that can only be read forwards, such as the content of a compressed tar, with the seeking that ``tarfile`` needs."""

from __future__ import annotations

import io
from collections.abc import Iterator

REMEMBERED_BYTES = 1 << 16
"""Bytes before the position that may be read again: those that show the kind, and one before each header of a tar."""


class ForwardReader(io.RawIOBase):
    """Chunks of bytes as a file. Raises what the iterator raises, and io.UnsupportedOperation for a position too far back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._buffer = b""
        self._start = 0
        """Position of the first byte of the buffer."""
        self._position = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most this many bytes, fewer only at the end; all that is left for -1."""
        parts, missing = [], size
        while missing:
            part = self._take(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
            missing = max(missing, -1)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Skip to a position from the beginning, not beyond the end. Raises io.UnsupportedOperation."""
        if whence != io.SEEK_SET or offset < self._start:
            raise io.UnsupportedOperation("read forwards only")
        self._position = min(self._position, offset)
        while self._position < offset and self._take(offset - self._position):
            pass
        return self._position

    def _take(self, size: int) -> bytes:
        """The next bytes of the buffer, refilled if it is empty; at most this many, all for a negative size."""
        at = self._position - self._start
        if at == len(self._buffer):
            chunk = next(self._chunks, b"")
            if not chunk:
                return b""
            before = self._buffer[-REMEMBERED_BYTES:]
            self._start = self._position - len(before)
            self._buffer = before + chunk
            at = len(before)
        part = self._buffer[at : at + size] if size >= 0 else self._buffer[at:]
        self._position += len(part)
        return part
