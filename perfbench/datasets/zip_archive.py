"""The members of a zip, as Windows and damage make them."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator

ENCRYPTED = 0x1 | 0x40
"""Flags of an encrypted member (PKWARE, APPNOTE 4.4.4)."""


def list_files(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The members that are no folders. Windows ends the name of a folder with a backslash."""
    return (member for member in archive.infolist() if not member.filename.endswith(("/", "\\")))


def explain_member(member: zipfile.ZipInfo) -> str:
    """Why a member cannot be unpacked; empty if it can."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link or a device, not a file"
    return "is encrypted" if member.flag_bits & ENCRYPTED else ""
