"""One streaming pass over a plain stream file: is it one, and what is in it?

betfairlightweight 2.24 skips a line that it cannot decode without a word, so a damaged file would be the fastest of all: here
it is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.summary import FileSummary, StreamMessage
from perfbench.errors import DataProblem
from perfbench.model import Market

MAX_LINE_BYTES = 64 * 1024 * 1024
BINARY_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b")) + b"\x7f"
EXCERPT_LENGTH = 40
BLOCK_SIZE = 1 << 20


def inspect_market(path: Path, name: str, packing: str = "plain", packed_bytes: int | None = None) -> MarketDescription:
    """Read the file once and describe it. Raises DataProblem, in one line, if it is no stream file that can be replayed."""
    tally, checksum, lines, size = FileSummary(), hashlib.sha256(), 0, 0
    try:
        with path.open("rb") as file:
            for lines, raw in enumerate(_read_lines(file, name), 1):
                checksum.update(raw)
                size += len(raw)
                tally.add(lines, _decode_line(raw, lines, name), name)
    except OSError as error:
        raise DataProblem(f"{name} cannot be read: {error.strerror}; check the file and its permissions") from error
    if lines == 0:
        raise DataProblem(f"{name} is empty; choose a file with stream lines")
    return tally.description(
        name=name,
        path=str(path),
        sha256=checksum.hexdigest(),
        packing=packing,
        packed_bytes=size if packed_bytes is None else packed_bytes,
        size_bytes=size,
        lines=lines,
    )


def is_unchanged(market: Market) -> bool:
    """Whether the file is still the one that was described."""
    checksum = hashlib.sha256()
    try:
        with Path(market.path).open("rb") as file:
            while block := file.read(BLOCK_SIZE):
                checksum.update(block)
    except OSError:
        return False
    return checksum.hexdigest() == market.sha256


def _read_lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    while raw := file.readline(MAX_LINE_BYTES):
        if len(raw) == MAX_LINE_BYTES:
            raise DataProblem(f"{name} has a line of more than {MAX_LINE_BYTES >> 20} MiB; that is no stream file")
        yield raw


_LINE_DECODER = msgspec.json.Decoder(StreamMessage)


def _decode_line(raw: bytes, number: int, name: str) -> StreamMessage | None:
    """The line; None if there is nothing in it. Raises DataProblem for anything that is not one JSON object."""
    try:
        return _LINE_DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        if not raw.strip():
            return None
        return _decode_leniently(raw, number, name, str(error))


def _decode_leniently(raw: bytes, number: int, name: str, complaint: str) -> StreamMessage:
    """What Python's json takes beyond the standard (NaN, Infinity) is taken here too, because the libraries take it."""
    try:
        return msgspec.convert(json.loads(raw), StreamMessage)
    except msgspec.ValidationError as error:
        raise DataProblem(f"{name}, line {number} is no stream message ({error}); choose a stream file") from error
    except ValueError:
        raise DataProblem(_describe_content(raw, number, name, complaint)) from None
    except RecursionError:
        raise DataProblem(f"{name}, line {number} is nested without end; choose a stream file") from None


def _describe_content(raw: bytes, number: int, name: str, complaint: str) -> str:
    if b"\x00" in raw and raw.strip(b"\x00\r\n") == b"":
        return f"{name}, line {number} is NUL bytes, as a recorder leaves them that lost its power; delete the line"
    if raw.translate(None, BINARY_BYTES) != raw:
        where = f"{name} is binary" if number == 1 else f"{name}, line {number} has NUL or control bytes"
        return f"{where}, not a stream file; record or fetch it again"
    if number == 1 and raw.lstrip()[:1] not in (b"{", b"["):
        start = raw[:EXCERPT_LENGTH].decode("utf-8", "replace").strip()
        kind = "a table (CSV)" if b"," in raw else "text"
        return f"{name} is {kind}, not a stream file: it begins with {start!r}; choose the JSON lines that Betfair delivers"
    if not raw.endswith(b"\n"):
        return f"{name}, line {number} is cut off in the middle; fetch the file again, or delete its last line"
    return f"{name}, line {number} is not JSON ({complaint}); mend or delete the line: a replay would skip it silently"
