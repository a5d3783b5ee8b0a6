"""The reason why a line of a file is no stream message, with the file and the number of the line."""

from __future__ import annotations

import codecs
import re

from perfbench.errors import DataProblem
from perfbench.util.formatting import make_printable

BINARY_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b")) + b"\x7f"
"""Control characters that no text has."""

EXCERPT_LENGTH = 40
CHOOSE_HINT = "choose a file of JSON lines as Betfair delivers them"
NON_FINITE_NUMBER = re.compile(rb"(?<![\w\"])-?(?:NaN|Infinity)(?![\w\"])")
LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

WIDE_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks, the longer ones first."""


def find_encoding(start: bytes) -> str:
    """The encoding of text that is not UTF-8, from its first bytes, with or without a byte order mark; else empty."""
    for mark, encoding in WIDE_ENCODINGS.items():
        if start.startswith(mark):
            return encoding
    zeros = [byte == 0 for byte in start[:4]]
    if zeros in ([True, True, True, False], [False, True, True, True]):
        return "UTF-32"
    return "UTF-16" if zeros in ([True, False, True, False], [False, True, False, True]) else ""


def require_plain_text(line: bytes, number: int, name: str) -> None:
    """Raises DataProblem for a line that is no UTF-8, begins with a byte order mark, or has a carriage return inside."""
    place = f"{name}, line {number}"
    if line.startswith(codecs.BOM_UTF8):
        raise DataProblem(
            f"{place} begins with a byte order mark, at which readers skip the line",
            hint="save the file as UTF-8 without a byte order mark (BOM)",
        )
    if encoding := find_encoding(line):
        raise _build_encoding_problem(name, number, encoding)
    try:
        line.decode()
    except UnicodeDecodeError as error:
        if line.translate(None, BINARY_BYTES) != line:
            raise _build_binary_problem(number, name) from None
        raise DataProblem(
            f"{place} is not UTF-8 (byte 0x{line[error.start]:02x} at {error.start + 1})", hint="save the file as UTF-8"
        ) from None
    if b"\r" in line:
        raise DataProblem(
            f"{place} has a carriage return inside, which readers take for the end of a line",
            hint="let the lines end with LF or CR LF",
        )


def explain_line(raw: bytes, number: int, name: str, reason: str) -> DataProblem:
    """The error of a line that is not JSON. ``reason``: the decoder's."""
    line = f"{name}, line {number}"
    if raw.strip(b"\x00\r\n") == b"":
        return DataProblem(f"{line} is NUL bytes, as left by a recorder that lost power", hint="delete the line")
    if encoding := find_encoding(raw):
        return _build_encoding_problem(name, number, encoding)
    if raw.translate(None, BINARY_BYTES) != raw:
        return _build_binary_problem(number, name)
    if number == 1 and raw.lstrip()[:1] not in (b"{", b"["):
        start = raw.decode("utf-8", "replace").strip()[:EXCERPT_LENGTH]
        kind = "a table (CSV)" if b"," in raw else "text"
        return DataProblem(f"{name} is {kind}, not a stream file: it begins with {start!r}", hint=CHOOSE_HINT)
    if not raw.endswith(b"\n"):
        return DataProblem(f"{line} is truncated", hint="download the file again, or delete its last line")
    if odd := NON_FINITE_NUMBER.search(raw) or LONE_SURROGATE.search(raw):
        reason = f"{odd.group().decode('ascii')}, which only some readers take"
    return DataProblem(f"{line} is not JSON ({reason})", hint="fix or delete the line; a replay would silently skip it")


def shorten(text: str) -> str:
    """The beginning of foreign text, without characters that command a terminal."""
    return make_printable(text[:EXCERPT_LENGTH])


def _build_encoding_problem(name: str, number: int, encoding: str) -> DataProblem:
    place = name if number == 1 else f"{name}, line {number}"
    return DataProblem(f"{place} is {encoding}; readers expect UTF-8", hint="save the file as UTF-8")


def _build_binary_problem(number: int, name: str) -> DataProblem:
    cause = f"{name} is binary" if number == 1 else f"{name}, line {number} has NUL or control bytes"
    return DataProblem(f"{cause}, not a stream file", hint="record or download it again")
