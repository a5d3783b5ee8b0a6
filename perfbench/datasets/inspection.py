"""Validate and describe a plain stream file in one streaming pass.

betfairlightweight 2.24 silently skips a line that it cannot decode, so that a damaged file would be the fastest: here it is
rejected.
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
from perfbench.util.files import build_read_problem

MAX_LINE_BYTES = 64 * 1024 * 1024
BINARY_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b")) + b"\x7f"
EXCERPT_LENGTH = 40
CHOOSE_HINT = "choose a file of JSON lines as Betfair delivers them"
BLOCK_SIZE = 1 << 20


def inspect_market(path: Path, name: str, packing: str = "plain", packed_bytes: int | None = None) -> MarketDescription:
    """Read a file once and describe it. Raises DataProblem if it is not a stream file that can be replayed."""
    summary, checksum, lines, size = FileSummary(), hashlib.sha256(), 0, 0
    try:
        with path.open("rb") as file:
            for lines, raw in enumerate(_read_lines(file, name), 1):
                checksum.update(raw)
                size += len(raw)
                summary.add(lines, _decode_line(raw, lines, name), name)
    except OSError as error:
        raise build_read_problem(DataProblem, name, error) from error
    if lines == 0:
        raise DataProblem(f"{name} is empty", hint=CHOOSE_HINT)
    return summary.build_description(
        name=name,
        path=str(path),
        sha256=checksum.hexdigest(),
        packing=packing,
        packed_bytes=size if packed_bytes is None else packed_bytes,
        size_bytes=size,
        lines=lines,
    )


def is_unchanged(market: Market) -> bool:
    """Whether the file still has the content that was described."""
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
            raise DataProblem(f"{name} has a line of more than {MAX_LINE_BYTES >> 20} MiB", hint=CHOOSE_HINT)
        yield raw


_LINE_DECODER = msgspec.json.Decoder(StreamMessage)


def _decode_line(raw: bytes, number: int, name: str) -> StreamMessage | None:
    """Decode a line; None if it is blank. Raises DataProblem for anything that is not a stream message."""
    try:
        return _LINE_DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        if not raw.strip():
            return None
        return _decode_leniently(raw, number, name, str(error))


def _decode_leniently(raw: bytes, number: int, name: str, reason: str) -> StreamMessage:
    """Decode with Python's json, which like the measured libraries accepts NaN and Infinity."""
    try:
        return msgspec.convert(json.loads(raw), StreamMessage)
    except msgspec.ValidationError as error:
        raise DataProblem(f"{name}, line {number} is not a stream message ({error})", hint=CHOOSE_HINT) from error
    except ValueError:
        raise _build_content_problem(raw, number, name, reason) from None
    except RecursionError:
        raise DataProblem(f"{name}, line {number} is nested too deeply", hint=CHOOSE_HINT) from None


def _build_content_problem(raw: bytes, number: int, name: str, reason: str) -> DataProblem:
    """The error of a line that is not JSON."""
    line = f"{name}, line {number}"
    if b"\x00" in raw and raw.strip(b"\x00\r\n") == b"":
        return DataProblem(f"{line} is NUL bytes, as left by a recorder that lost power", hint="delete the line")
    if raw.translate(None, BINARY_BYTES) != raw:
        cause = f"{name} is binary" if number == 1 else f"{line} has NUL or control bytes"
        return DataProblem(f"{cause}, not a stream file", hint="record or download it again")
    if number == 1 and raw.lstrip()[:1] not in (b"{", b"["):
        start = raw[:EXCERPT_LENGTH].decode("utf-8", "replace").strip()
        kind = "a table (CSV)" if b"," in raw else "text"
        return DataProblem(f"{name} is {kind}, not a stream file: it begins with {start!r}", hint=CHOOSE_HINT)
    if not raw.endswith(b"\n"):
        return DataProblem(f"{line} is truncated", hint="download the file again, or delete its last line")
    return DataProblem(f"{line} is not JSON ({reason})", hint="fix or delete the line; a replay would silently skip it")
