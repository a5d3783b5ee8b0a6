"""Unpack compressed files and archives into a workspace by streaming, bounded and without trust in their names.

The kind is detected from the first bytes, never from the name. Unpacked files get generated names in the workspace, so no
member can be written outside of it; a member with such a path is refused as well. Expansion is limited, over all layers of a
nested archive.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import itertools
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from perfbench.errors import DataProblem
from perfbench.util.files import build_read_problem

CHUNK_SIZE = 1 << 20
MAX_EXPANSION_FACTOR = 200
MIN_UNPACKED_LIMIT = 64 * 1000 * 1000
MAX_NESTING = 4
DISK_RESERVE = 100 * 1000 * 1000

IGNORED_SUFFIXES = (".toml", ".md", ".txt", ".rst", ".py", ".pyc")
"""Suffixes of files in folders and archives that are not market files."""

MAGIC_NUMBERS = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {"gz": gzip.GzipFile, "bz2": bz2.BZ2File, "xz": lzma.LZMAFile}  # type: ignore[dict-item]
COMPRESSION_SUFFIXES = (".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz")

DAMAGE_ERRORS = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    OSError,
    NotImplementedError,
    ValueError,
)
"""Errors of Python's unpackers for truncated and damaged input."""

FILE_NUMBERS = itertools.count()
"""Numbers of all unpacked files of a process: the files of a folder share a workspace, and each is read again later."""


@dataclass(frozen=True, slots=True)
class PlainFile:
    """One file that is neither compressed nor an archive.

    ``packing`` names the formats that it was packed in, ``packed_bytes`` its packed size.
    """

    name: str
    path: Path
    packing: str
    packed_bytes: int


@dataclass(slots=True)
class Workspace:
    """Folder for the content of one file, and the bytes that it may still take."""

    folder: Path
    allowed: int
    origin: str

    @classmethod
    def for_file(cls, folder: Path, path: Path) -> Workspace:
        """A workspace for 200 times the file, at least 64 MB, and never the last 100 MB of the disk."""
        bound = max(MIN_UNPACKED_LIMIT, MAX_EXPANSION_FACTOR * path.stat().st_size)
        return cls(folder, min(bound, shutil.disk_usage(folder).free - DISK_RESERVE), path.name)

    def store(self, source: IO[bytes]) -> Path:
        """Copy a stream to a new file. Raises DataProblem above the limit."""
        with self._new_file() as file:
            while part := source.read(CHUNK_SIZE):
                self.allowed -= len(part)
                if self.allowed < 0:
                    raise DataProblem(
                        f"{self.origin} unpacks to more than {MAX_EXPANSION_FACTOR} times its size or the free disk space",
                        hint="if you trust it, unpack it yourself and use its files",
                    )
                file.write(part)
        return Path(file.name)

    def _new_file(self) -> IO[bytes]:
        """Create a new file: one that another market is replayed from is never written to."""
        while True:
            try:
                return (self.folder / f"unpacked-{next(FILE_NUMBERS)}").open("xb")
            except FileExistsError:
                continue


def unpack_files(
    path: Path, name: str, workspace: Workspace, packing: str = "", depth: int = 0
) -> Iterator[PlainFile | DataProblem]:
    """Every plain file in a file, or a DataProblem for one that cannot be unpacked."""
    try:
        kind = _detect_kind(path)
        if kind == "plain":
            yield PlainFile(name, path, packing or "plain", path.stat().st_size)
        elif depth == MAX_NESTING:
            yield DataProblem(f"{name} is packed {MAX_NESTING} times over", hint="unpack it yourself")
        elif kind == "zip":
            yield from _unpack_zip(path, name, workspace, depth)
        elif kind == "tar":
            yield from _unpack_tar(path, name, workspace, depth)
        else:
            yield from _unpack_compressed(path, name, kind, workspace, packing, depth)
    except DataProblem as problem:
        yield problem
    except DAMAGE_ERRORS as error:
        yield _build_damage_problem(name, error)


def _detect_kind(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    for magic, kind in MAGIC_NUMBERS.items():
        if start.startswith(magic):
            return kind
    return "tar" if start[257:262] == b"ustar" else "plain"


def _unpack_compressed(
    path: Path, name: str, kind: str, workspace: Workspace, packing: str, depth: int
) -> Iterator[PlainFile | DataProblem]:
    with OPENERS[kind](path) as stream:
        plain = workspace.store(stream)
    kinds = f"{packing} {kind}".strip()
    size = path.stat().st_size
    for unpacked in unpack_files(plain, _strip_suffix(name), workspace, kinds, depth + 1):
        if isinstance(unpacked, PlainFile) and unpacked.path == plain:
            unpacked = replace(unpacked, packing=kinds, packed_bytes=size)  # noqa: PLW2901
        yield unpacked


def _unpack_zip(path: Path, name: str, workspace: Workspace, depth: int) -> Iterator[PlainFile | DataProblem]:
    is_empty = True
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir() or not _is_wanted(member.filename):
                continue
            is_empty = False
            refusal = _explain_refusal(member.filename, linked=stat.S_ISLNK(member.external_attr >> 16))
            if refusal or member.flag_bits & 1:
                yield _build_member_problem(name, member.filename, refusal or "is encrypted")
                continue
            yield from _unpack_member(
                archive.open(member), member.filename, name, "zip", member.compress_size, workspace, depth
            )
    if is_empty:
        yield DataProblem(f"{name} contains no market file", hint="choose another archive")


def _unpack_tar(path: Path, name: str, workspace: Workspace, depth: int) -> Iterator[PlainFile | DataProblem]:
    is_empty = True
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if member.isdir() or not _is_wanted(member.name):
                continue
            is_empty = False
            refusal = _explain_refusal(member.name, linked=not member.isreg())
            if refusal:
                yield _build_member_problem(name, member.name, refusal)
                continue
            content = archive.extractfile(member)
            assert content is not None
            yield from _unpack_member(content, member.name, name, "tar", member.size, workspace, depth)
    if is_empty:
        yield DataProblem(f"{name} contains no market file", hint="choose another archive")


def _unpack_member(
    content: IO[bytes], member: str, archive: str, kind: str, size: int, workspace: Workspace, depth: int
) -> Iterator[PlainFile | DataProblem]:
    own_name = PurePosixPath(member).name
    try:
        with content:
            stored = workspace.store(content)
    except DAMAGE_ERRORS as error:
        yield _build_damage_problem(f"{archive}: member {member}", error)
        return
    for unpacked in unpack_files(stored, own_name, workspace, kind, depth + 1):
        if isinstance(unpacked, PlainFile) and unpacked.path == stored:
            unpacked = replace(unpacked, packing=kind, packed_bytes=size)  # noqa: PLW2901
        yield unpacked


def _is_wanted(member: str) -> bool:
    name = PurePosixPath(member).name
    return not name.startswith(".") and not name.endswith(IGNORED_SUFFIXES)


def _explain_refusal(member: str, *, linked: bool) -> str:
    parts = member.replace("\\", "/").split("/")
    if ".." in parts or member.startswith(("/", "\\")) or ":" in parts[0]:
        return "points outside the archive"
    return "is a link or a device, not a file" if linked else ""


def _build_member_problem(archive: str, member: str, reason: str) -> DataProblem:
    return DataProblem(f"{archive}: member {member} {reason}", hint="repack the archive without it")


def _strip_suffix(name: str) -> str:
    return next((name[: -len(suffix)] for suffix in COMPRESSION_SUFFIXES if name.lower().endswith(suffix)), name)


def _build_damage_problem(name: str, error: BaseException) -> DataProblem:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DataProblem(
            f"{name} cannot be unpacked ({error.strerror})", hint="free some space or set TMPDIR to another disk"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return build_read_problem(DataProblem, name, error)
    return DataProblem(f"{name} is damaged or truncated ({_describe_error(error)})", hint="download it again")


def _describe_error(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
