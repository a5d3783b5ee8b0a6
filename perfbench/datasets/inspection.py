"""Validate and describe a plain stream file in one streaming pass.

betfairlightweight 2.24 silently skips a line that it cannot decode, so that a damaged file would be the fastest: here it is
rejected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.line_problem import CHOOSE_HINT
from perfbench.datasets.stream_message import decode_message
from perfbench.datasets.summary import FileSummary
from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util.activity import doing
from perfbench.util.files import build_read_problem

MAX_LINE_BYTES = 64 * 1024 * 1024
BLOCK_SIZE = 1 << 20


def inspect_market(path: Path, name: str, packing: str = "plain", packed_bytes: int | None = None) -> MarketDescription:
    """Read a file once and describe it. Raises DataProblem if it is not a stream file that can be replayed."""
    summary, checksum, lines, size = FileSummary(), hashlib.sha256(), 0, 0
    try:
        with doing(f"inspecting {name}"), path.open("rb") as file:
            for lines, raw in enumerate(_read_lines(file, name), 1):
                checksum.update(raw)
                size += len(raw)
                summary.add(lines, decode_message(raw, lines, name), name)
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
