"""The members of a tar or zip: their headers for a listing, and the content of one."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import IO, cast

from perfbench.datasets.archives import DAMAGE_ERRORS, DAMAGE_HINT, build_damage_problem, make_readable
from perfbench.datasets.compressed_file import CHUNK_SIZE
from perfbench.datasets.corpus.builder import LINKS, SPECIAL, ListingBuilder
from perfbench.datasets.corpus.content import open_content, open_forwards, read_plain_chunks
from perfbench.datasets.corpus.forward_reader import ForwardReader
from perfbench.datasets.corpus.members import Member, Source
from perfbench.datasets.file_kinds import START_BYTES
from perfbench.datasets.tar_archive import CheckedArchive, list_members
from perfbench.datasets.zip_archive import explain_header, explain_member, find_damage, is_folder
from perfbench.errors import DataProblem

NO_ENTRIES = b"PK\x05\x06" + bytes(18)
"""The end record of a zip without members (PKWARE, APPNOTE 4.3.16)."""


def list_archive(source: Source, builder: ListingBuilder) -> None:
    """Add the members of an archive, and the problem of a damaged one. Raises DataProblem for a URL."""
    builder.begin(source)
    try:
        _list_members(source, builder)
    except DAMAGE_ERRORS as error:
        builder.add_problem(build_damage_problem(source.label, error))


def _list_members(source: Source, builder: ListingBuilder) -> None:
    if source.kind == "packed tar":
        builder.observe(
            f"{source.label} can only be read from its beginning: it is read to the end for the listing, and up to each file "
            "that is drawn; unpack it to a plain tar if that takes long"
        )
        with open_forwards(source.location) as file:
            _list_tar(_open_tar_forwards(file), source, builder)
        return
    with open_content(source.location) as content:
        (_list_zip if source.kind == "zip" else _list_tar)(content, source, builder)


def read_member(member: Member) -> Iterator[bytes]:
    """The content of a member in pieces. Raises DataProblem, OSError and ``archives.DAMAGE_ERRORS``."""
    if member.source.kind == "packed tar":
        with open_forwards(member.source.location) as file:
            yield from _read_tar_member(_open_tar_forwards(file), member)
        return
    with open_content(member.source.location) as archive:
        yield from (_read_zip_member if member.source.kind == "zip" else _read_tar_member)(archive, member)


def _open_tar_forwards(file: IO[bytes]) -> IO[bytes]:
    """A tar that is read forwards, unpacked if it is compressed."""
    head = io.BufferedReader(file, START_BYTES) if isinstance(file, io.RawIOBase) else file
    start = head.peek(START_BYTES) if isinstance(head, io.BufferedReader) else b""
    return cast("IO[bytes]", ForwardReader(read_plain_chunks(head, start)))


def _list_tar(content: IO[bytes], source: Source, builder: ListingBuilder) -> None:
    last = ""
    with CheckedArchive(None, content) as archive:
        for member in list_members(archive):
            archive.forget_members()
            if member.isdir():
                continue
            last = member.name
            if member.isreg():
                builder.add(member.name, member.size, member.offset)
            else:
                builder.add_special(member.name, LINKS if member.islnk() or member.issym() else SPECIAL)
        if damage := archive.find_damage():
            place = f"after member {make_readable(last)}" if last else "at its beginning"
            builder.add_problem(
                DataProblem(f"{source.label} is damaged or cut off {place} ({damage})", hint=DAMAGE_HINT)
            )


def _read_tar_member(content: IO[bytes], member: Member) -> Iterator[bytes]:
    content.seek(member.position)
    with CheckedArchive(None, content) as archive:
        header = archive.next()
        if header is None or (header.name, header.size) != (member.path, member.packed_bytes):
            raise DataProblem(f"{member.label} has changed since it was listed", hint="do not change it during a run")
        file = archive.extractfile(header)
        assert file is not None
        yield from iter(partial(file.read, CHUNK_SIZE), b"")


def _list_zip(content: IO[bytes], source: Source, builder: ListingBuilder) -> None:
    with zipfile.ZipFile(content) as archive:
        for member in archive.infolist():
            label = f"{source.label}: member {make_readable(member.filename)}"
            if is_folder(member):
                if damage := explain_header(archive, member):
                    builder.add_problem(DataProblem(f"{label} is damaged ({make_readable(damage)})", hint=DAMAGE_HINT))
            elif stat.S_ISLNK(member.external_attr >> 16):
                builder.add_special(member.filename, LINKS)
            elif refusal := explain_member(member):
                builder.add_problem(DataProblem(f"{label} {refusal}", hint="repack the archive without it"))
            else:
                fields = (member.compress_type, member.flag_bits, member.CRC, member.file_size)
                size = member.file_size and (member.compress_size or member.file_size)
                builder.add(member.orig_filename, size, member.header_offset, fields)
        if damage := find_damage(archive):
            builder.add_problem(DataProblem(f"{source.label} is damaged ({damage})", hint=DAMAGE_HINT))


class _WithoutDirectory(io.RawIOBase):
    """A zip followed by an empty directory, so that opening it reads none: that of a large zip takes longer than a member."""

    def __init__(self, content: IO[bytes]) -> None:
        super().__init__()
        self._content = content
        self._end = content.seek(0, io.SEEK_END)
        self._position = 0

    def seekable(self) -> bool:
        """Whether it can be read at any place: yes."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end + len(NO_ENTRIES)}[whence]
        if base + offset < 0:
            raise ValueError("the position of a member is before the file")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most this many bytes."""
        end = self._end + len(NO_ENTRIES)
        size = end - self._position if size < 0 else size
        if self._position >= self._end:
            at = self._position - self._end
            part = NO_ENTRIES[at : at + size]
        else:
            self._content.seek(self._position)
            part = self._content.read(min(size, self._end - self._position))
        self._position += len(part)
        return part


def _read_zip_member(content: IO[bytes], member: Member) -> Iterator[bytes]:
    header = zipfile.ZipInfo(member.path)
    header.compress_type, header.flag_bits, header.CRC, header.file_size = member.zip_fields
    header.compress_size, header.header_offset = member.packed_bytes, member.position
    with zipfile.ZipFile(cast("IO[bytes]", _WithoutDirectory(content))) as archive, archive.open(header) as file:
        yield from iter(partial(file.read, CHUNK_SIZE), b"")
