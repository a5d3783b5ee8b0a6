"""The members of a tar, to its very end: what Python's reader takes for the end may be damage with members behind it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

HEADER_ERRORS = {"InvalidHeaderError": "a damaged header", "TruncatedHeaderError": "half a header"}
"""Errors of ``tarfile`` by name, since they are not public, that it hides after the first member."""


class CheckedHeader(tarfile.TarInfo):
    """A header that notes in its archive what ``tarfile`` skips."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> CheckedHeader:
        """The header at the position of the archive."""
        assert isinstance(archive, CheckedArchive)
        try:
            header = super().fromtarfile(archive)
        except Exception as error:
            archive.note(type(error).__name__)
            raise
        archive.has_end = False
        return header


class CheckedArchive(tarfile.TarFile):
    """A tar whose headers are sought to the end of the file, over damage and over the end marks of joined archives.

    ``damage`` is what was first found to be wrong; ``has_end``: whether an end mark follows the last header.
    """

    def __init__(self, path: Path | None, content: IO[bytes] | None = None) -> None:
        """:param content: an open tar, read from its position on, instead of the file at the path."""
        self.damage = ""
        self.has_end = False
        super().__init__(path, fileobj=content, ignore_zeros=True, tarinfo=CheckedHeader)

    def note(self, error: str) -> None:
        """Note why there is no header at the position of the archive."""
        self.has_end |= error == "EOFHeaderError"
        if error in HEADER_ERRORS and not self.damage:
            self.damage = f"{HEADER_ERRORS[error]} at byte {self.offset:,}"

    def forget_members(self) -> None:
        """Forget the headers that were read: those of a large archive do not fit into memory."""
        self.members: list[tarfile.TarInfo] = []

    def find_damage(self) -> str:
        """What is wrong with the archive, after its members have been read; empty if nothing is."""
        return self.damage or ("" if self.has_end else "it ends without an end mark")


def list_members(archive: CheckedArchive) -> Iterator[tarfile.TarInfo]:
    """The members in the order of the file; ``archive.find_damage()`` tells afterwards whether they are all."""
    while True:
        try:
            member = archive.next()
        except (tarfile.TarError, ValueError) as error:
            archive.damage = archive.damage or str(error)
            return
        if member is None:
            return
        yield member
