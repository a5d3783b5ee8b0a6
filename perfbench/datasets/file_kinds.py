"""The kind of a file by its content, never by its name: compressed, an archive, a stream, or something else."""

from __future__ import annotations

import re
import tarfile
import zlib
from dataclasses import dataclass

from perfbench.datasets.line_problem import BINARY_BYTES

START_BYTES = 1 << 16
TAR_MARK = slice(257, 262)

MAGIC_NUMBERS = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PK\x07\x08": "zip",
}


@dataclass(frozen=True, slots=True)
class ForeignPacker:
    """A packer whose files perfbench does not unpack, and the command that does."""

    name: str
    command: str


FOREIGN_PACKERS = {
    b"\x28\xb5\x2f\xfd": ForeignPacker("zstd", "zstd -d"),
    b"7z\xbc\xaf\x27\x1c": ForeignPacker("7z", "7z x"),
    b"Rar!\x1a\x07": ForeignPacker("rar", "unrar x"),
    b"\x04\x22\x4d\x18": ForeignPacker("lz4", "lz4 -d"),
    b"\x02\x21\x4c\x18": ForeignPacker("lz4 (legacy)", "lz4 -d"),
    b"\x5d\x00\x00": ForeignPacker("lzma", "xz -d --format=lzma"),
    b"LZIP": ForeignPacker("lzip", "lzip -d"),
    b"\x89LZO": ForeignPacker("lzop", "lzop -d"),
    b"\x1f\x9d": ForeignPacker("compress (.Z)", "gzip -d"),
    b"\xff\x06\x00\x00sNaPpY": ForeignPacker("snappy", "snzip -d"),
    b"MSCF": ForeignPacker("a Windows cabinet", "cabextract"),
}
ZLIB = ForeignPacker("zlib", "pigz -d -z")
ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")

STREAM_FIELDS = re.compile(rb'"op"\s*:\s*"(?:mcm|connection|status)"|"mc"\s*:')
ORDER_FIELDS = re.compile(rb'"op"\s*:\s*"ocm"')
MARKET_ID = re.compile(r"(?:[A-Za-z]+-)?\d\.\d{6,}")
"""A file name that Betfair and recorders give to markets."""


def find_packing(start: bytes) -> str:
    """The format that a file is packed in, from its first bytes: a key of ``OPENERS``, ``zip``, ``tar``, or empty."""
    for magic, kind in MAGIC_NUMBERS.items():
        if start.startswith(magic):
            return kind
    mark = start[TAR_MARK]
    # One damaged byte of the mark does not make it another file.
    similar = sum(here == there for here, there in zip(mark, b"ustar", strict=False))
    return "tar" if similar >= 4 or _is_old_tar(start) else ""


def _is_old_tar(start: bytes) -> bool:
    """Whether the first block is a header with a right checksum, which tars without a mark have too."""
    try:
        header = tarfile.TarInfo.frombuf(start[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return bool(header.name)


def find_foreign_packer(start: bytes) -> ForeignPacker | None:
    """The packer of a file that perfbench does not unpack; None for any other file."""
    if ZSTD_SKIPPABLE.match(start):
        return FOREIGN_PACKERS[b"\x28\xb5\x2f\xfd"]
    for magic, packer in FOREIGN_PACKERS.items():
        if start.startswith(magic):
            return packer
    if start[:1] == b"\x78" and int.from_bytes(start[:2], "big") % 31 == 0:
        try:
            zlib.decompressobj().decompress(start, START_BYTES)
        except zlib.error:
            return None
        return ZLIB
    return None


def describe_other_content(start: bytes, name: str) -> str:
    """What a file is that is certainly no recording of a market; empty if it may be one.

    A file named after a market is one, even if nothing of its content is left.
    """
    text = start.replace(b"\x00", b"")
    if STREAM_FIELDS.search(text):
        return ""
    if ORDER_FIELDS.search(text):
        return "an order stream"
    if start.lstrip()[:1] in (b"{", b"["):
        return "other JSON"
    if MARKET_ID.fullmatch(name):
        return ""
    if not start.strip():
        return "empty"
    return "binary" if start.translate(None, BINARY_BYTES) != start else "text"
