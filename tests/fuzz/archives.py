"""Mutated archives: seeded damage of compressed files, tars and zips, and the check of what becomes of them.

An archive that does not give every one of its markets gives a problem: nothing vanishes without a word.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from fuzz.market_files import check_problem
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.resolve import describe_markets

Random = random.Random

MARKETS = 3
"""Markets of each archive."""

MEMBER_NAMES = (
    "1.90000010{}",
    "2020/Apr/1/1.90000010{}",
    "dir\\1.90000010{}",
    "caf\udce9-{}",
    "x" * 120 + "/1.90000010{}",
    "./m{}",
    "é{}",
)


@cache
def build_market(number: int) -> bytes:
    """A market with an id of its own."""
    text = "".join(stream_lines(Recipe(seed=number + 1, runners=2, updates=40)))
    return text.encode()


def pack_gzip(data: bytes) -> bytes:
    """Compressed data without the time of day."""
    return gzip.compress(data, mtime=0)


def build_tar(draw: Random) -> bytes:
    """A tar of markets, packed or not, in a format of its own."""
    file = io.BytesIO()
    form = draw.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    name = draw.choice(MEMBER_NAMES)
    pack = draw.choice((bytes, bytes, pack_gzip, bz2.compress))
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as archive:
        for number in range(MARKETS):
            content = pack(build_market(number))
            member = tarfile.TarInfo(name.format(number))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def build_zip(draw: Random) -> bytes:
    """A zip of markets."""
    file = io.BytesIO()
    name = draw.choice(MEMBER_NAMES).encode("utf-8", "replace").decode()
    method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(file, "w", method) as archive:
        for number in range(MARKETS):
            archive.writestr(zipfile.ZipInfo(name.format(number)), build_market(number), method)
    return file.getvalue()


def build_compressed(draw: Random) -> bytes:
    """The markets one after the other, each a compressed stream of its own."""
    pack: Callable[[bytes], bytes] = draw.choice((pack_gzip, bz2.compress, lzma.compress))
    return b"".join(pack(build_market(number)) for number in range(MARKETS))


def build_packed_tar(draw: Random) -> bytes:
    """A compressed tar."""
    pack: Callable[[bytes], bytes] = draw.choice((pack_gzip, bz2.compress, lzma.compress))
    return pack(build_tar(draw))


BUILDERS = (build_tar, build_tar, build_zip, build_zip, build_compressed, build_packed_tar)


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many damaged archives, the same for the same seed."""
    draw = Random(seed)
    for _ in range(count):
        data = draw.choice(BUILDERS)(draw)
        for _ in range(draw.choice((1, 1, 1, 2))):
            data = draw.choice(MUTATIONS)(data, draw)
        yield data


def _flip_bits(data: bytes, draw: Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(draw.choice((1, 1, 3, 30))):
        if damaged:
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def _damage_headers(data: bytes, draw: Random) -> bytes:
    """Damage where headers are: blocks of a tar that begin with text, local and central headers of a zip."""
    places = [at for at in range(0, len(data), tarfile.BLOCKSIZE) if data[at + 257 : at + 262] == b"ustar"]
    for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"):
        at = data.find(mark)
        while at >= 0:
            places.append(at)
            at = data.find(mark, at + 1)
    if not places:
        return _flip_bits(data, draw)
    damaged = bytearray(data)
    at = draw.choice(places)
    for _ in range(draw.choice((1, 1, 4))):
        offset = at + draw.randrange(draw.choice((4, 46, 345)))
        if offset < len(damaged):
            damaged[offset] = draw.choice((0, 0xFF, draw.randrange(256)))
    return bytes(damaged)


def _forge_tar_header(data: bytes, draw: Random) -> bytes:
    """A header with an odd field and a right checksum."""
    # With a right checksum before, too: a damaged name that begins with a dot would be a sound header of a hidden file.
    places = [
        at for at in range(0, len(data), tarfile.BLOCKSIZE) if _is_sound_header(data[at : at + tarfile.BLOCKSIZE])
    ]
    if not places:
        return data
    damaged = bytearray(data)
    at = draw.choice(places)
    first, length = draw.choice(((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (345, 155)))
    # Types that make a member part of the next header are left out: such an archive is sound.
    odd = draw.choice((b"\0", b"\xff", b"7", b"-", b"S", b"\x80", b"../", bytes([draw.randrange(48, 56)])))
    damaged[at + first : at + first + length] = (odd * length)[:length]
    damaged[at + 148 : at + 156] = b" " * 8
    checksum = sum(damaged[at : at + tarfile.BLOCKSIZE])
    damaged[at + 148 : at + 156] = b"%06o\0 " % checksum
    return bytes(damaged)


def _is_sound_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _cut(data: bytes, draw: Random) -> bytes:
    block = draw.choice((1, tarfile.BLOCKSIZE))
    return data[: draw.randrange(len(data) // block + 1) * block]


def _cut_inside(data: bytes, draw: Random) -> bytes:
    first, last = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    return data[:first] + data[last:]


def _append(data: bytes, draw: Random) -> bytes:
    other = draw.choice(
        (data, bytes(1024), bytes(7), b"garbage", build_tar(draw), build_zip(draw), draw.randbytes(600))
    )
    return draw.choice((data + other, other + data))


def _pack_again(data: bytes, draw: Random) -> bytes:
    pack: Callable[[bytes], bytes] = draw.choice((pack_gzip, bz2.compress, lzma.compress, zlib.compress))
    return pack(data)


def _zero_block(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data) // tarfile.BLOCKSIZE + 1) * tarfile.BLOCKSIZE
    return data[:at] + bytes(len(data[at : at + tarfile.BLOCKSIZE])) + data[at + tarfile.BLOCKSIZE :]


Mutation = Callable[[bytes, Random], bytes]
MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits, _damage_headers, _damage_headers, _forge_tar_header, _cut, _cut_inside, _append, _pack_again, _zero_block,
)  # fmt: skip


def check(data: bytes) -> str:
    """Describe the markets of an archive and return the exit code, with ``+`` if some of its markets can be used.

    Raises AssertionError for a wrong outcome, and whatever is no DataProblem.
    """
    outcome = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "data")
        workspace = Path(name, "workspace")
        folder.mkdir()
        workspace.mkdir()
        path = folder / "archive"
        path.write_bytes(data)
        for spec in (path, folder):
            notes: list[str] = []
            described, problems = describe_markets(str(spec), workspace, notes.append)
            for problem in problems:
                check_problem(problem)
            for description in described:
                description.name.encode()
                assert Path(description.path).is_file()
            updates = sum(description.updates for description in described)
            assert problems or notes or updates >= 40 * MARKETS, "a market vanished without a word"
            assert all(Path(description.path).parent in (workspace, folder) for description in described)
            outcome = ("5+" if described else "5") if problems else "0"
        assert [file.name for file in folder.iterdir()] == ["archive"], "something was written beside the archive"
        assert path.read_bytes() == data, "the archive was changed"
    return outcome
