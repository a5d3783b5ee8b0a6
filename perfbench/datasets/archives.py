"""Unpack compressed files and archives into a workspace by streaming, bounded and without trust in their names.

The kind is detected from the first bytes, never from the name. A member with a path outside of the archive is refused. Expansion
is limited, over all layers of a nested archive.
"""

from __future__ import annotations

import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from perfbench.datasets.compressed_file import CHUNK_SIZE, DECOMPRESSORS, read_chunks
from perfbench.datasets.file_kinds import START_BYTES, find_foreign_packer, find_packing
from perfbench.datasets.tar_archive import CheckedArchive, list_members
from perfbench.datasets.workspace import Workspace
from perfbench.datasets.zip_archive import explain_header, explain_member, find_damage, is_folder
from perfbench.errors import DataProblem
from perfbench.util.files import build_read_problem
from perfbench.util.formatting import make_printable

MAX_NESTING = 4
MAX_NAME = 200
"""Characters of a name in a message."""

COMPRESSION_SUFFIXES = (".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz")

DAMAGE_ERRORS = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    struct.error,
    OSError,
    RuntimeError,
    ValueError,
    MemoryError,
    ArithmeticError,
    LookupError,
)
"""Errors of Python's unpackers for truncated and damaged input. RuntimeError includes unknown and recursive formats."""

DAMAGE_HINT = "download it again"


@dataclass(frozen=True, slots=True)
class PlainFile:
    """One file that is neither compressed nor an archive.

    ``packing`` names the formats that it was packed in, ``packed_bytes`` its packed size. ``is_member``: of an archive.
    """

    name: str
    path: Path
    packing: str
    packed_bytes: int
    is_member: bool = False


Unpacked = Iterator[PlainFile | DataProblem]


def unpack_files(path: Path, name: str, workspace: Workspace, packing: str = "", depth: int = 0) -> Unpacked:
    """Every plain file in a file, or a DataProblem for one that cannot be unpacked."""
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
        kind = find_packing(start)
        if packer := find_foreign_packer(start):
            command = f"{packer.command} {name}"
            yield DataProblem(
                f"{name} is packed with {packer.name}, which is not supported", hint=f"unpack it: {command}"
            )
        elif not kind:
            yield PlainFile(name, path, packing or "plain", path.stat().st_size)
        elif depth == MAX_NESTING:
            yield DataProblem(f"{name} is packed {MAX_NESTING} times over", hint="unpack it yourself")
        elif kind in DECOMPRESSORS:
            yield from _unpack_compressed(path, name, kind, workspace, packing, depth)
        else:
            yield from (_unpack_zip if kind == "zip" else _unpack_tar)(path, name, workspace, depth)
    except DataProblem as problem:
        yield problem
    except DAMAGE_ERRORS as error:
        yield build_damage_problem(name, error)


def _unpack_compressed(path: Path, name: str, kind: str, workspace: Workspace, packing: str, depth: int) -> Unpacked:
    plain = workspace.store(read_chunks(path, kind))
    kinds = f"{packing} {kind}".strip()
    size = path.stat().st_size
    for unpacked in unpack_files(plain, strip_suffix(name), workspace, kinds, depth + 1):
        if isinstance(unpacked, PlainFile) and unpacked.path == plain:
            unpacked = replace(unpacked, packing=kinds, packed_bytes=size)  # noqa: PLW2901
        yield unpacked


def _unpack_zip(path: Path, name: str, workspace: Workspace, depth: int) -> Unpacked:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if is_folder(member) or not is_wanted(member.filename):
                if damage := explain_header(archive, member):
                    yield DataProblem(f"{name} is damaged ({make_readable(damage)})", hint=DAMAGE_HINT)
                continue
            unpack = partial(_Member(name, member.filename, "zip", member.compress_size).unpack, workspace, depth)
            yield from unpack(partial(archive.open, member), explain_member(member))
        if damage := find_damage(archive):
            yield DataProblem(f"{name} is damaged ({damage})", hint=DAMAGE_HINT)


def _unpack_tar(path: Path, name: str, workspace: Workspace, depth: int) -> Unpacked:
    last = ""
    with CheckedArchive(path) as archive:
        for member in list_members(archive):
            if member.isdir() or not is_wanted(member.name):
                continue
            refusal = "" if member.isreg() else "is a link or a device, not a file"
            last = make_readable(member.name)
            unpack = partial(_Member(name, member.name, "tar", member.size).unpack, workspace, depth)
            yield from unpack(partial(_open_tar_member, archive, member), refusal)
        if damage := archive.find_damage():
            place = f"after member {last}" if last else "at its beginning"
            yield DataProblem(f"{name} is damaged or cut off {place} ({damage})", hint=DAMAGE_HINT)


def _open_tar_member(archive: CheckedArchive, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive."""

    archive: str
    path: str
    kind: str
    size: int

    def unpack(self, workspace: Workspace, depth: int, open_content: Callable[[], IO[bytes]], refusal: str) -> Unpacked:
        label = f"{self.archive}: member {make_readable(self.path)}"
        refusal = refusal or explain_path(self.path)
        if refusal:
            yield DataProblem(f"{label} {refusal}", hint="repack the archive without it")
            return
        try:
            with open_content() as content:
                stored = workspace.store(iter(partial(content.read, CHUNK_SIZE), b""))
        except DAMAGE_ERRORS as error:
            yield build_damage_problem(label, error)
            return
        for unpacked in unpack_files(stored, make_readable(get_file_name(self.path)), workspace, self.kind, depth + 1):
            if isinstance(unpacked, PlainFile):
                own = {"packing": self.kind, "packed_bytes": self.size} if unpacked.path == stored else {}
                unpacked = replace(unpacked, is_member=True, **own)  # type: ignore[arg-type] # noqa: PLW2901
            yield unpacked


def make_readable(name: str) -> str:
    r"""A name that can be saved and printed: bytes that are not UTF-8 as escapes (``\udce9``), and not endless."""
    readable = make_printable(name)
    return readable if len(readable) <= MAX_NAME else f"{readable[: MAX_NAME // 2]}…{readable[-MAX_NAME // 2 :]}"


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or made by an archiver for itself."""
    return (name.startswith(".") and name not in (".", "..")) or name == "__MACOSX"


def _split_path(member: str) -> tuple[str, ...]:
    """The parts of a path in an archive, which Windows writes with backslashes."""
    return tuple(member.replace("\\", "/").split("/"))


def get_file_name(member: str) -> str:
    """The last part of a path in an archive, whichever way its slashes lean."""
    return PurePosixPath(*_split_path(member)).name


def is_wanted(member: str) -> bool:
    """Whether no part of a path in an archive is hidden."""
    return not any(map(is_hidden, _split_path(member)))


def explain_path(member: str) -> str:
    """Why a path in an archive is refused: it leads out of the folder to unpack into; empty if it does not."""
    parts = _split_path(member)
    return "points outside the archive" if ".." in parts or parts[0] == "" or ":" in parts[0] else ""


def strip_suffix(name: str) -> str:
    """A file name without the suffix of its compression."""
    return next((name[: -len(suffix)] for suffix in COMPRESSION_SUFFIXES if name.lower().endswith(suffix)), name)


def build_damage_problem(name: str, error: BaseException) -> DataProblem:
    """The problem of a file that an unpacker of Python refuses with one of ``DAMAGE_ERRORS``."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DataProblem(
            f"{name} cannot be unpacked ({error.strerror})", hint="free some space or set TMPDIR to another disk"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return build_read_problem(DataProblem, name, error)
    return DataProblem(f"{name} is damaged or truncated ({_describe_error(error)})", hint=DAMAGE_HINT)


def _describe_error(error: BaseException) -> str:
    return make_readable(" ".join(str(error).split()).rstrip(".")) or type(error).__name__
