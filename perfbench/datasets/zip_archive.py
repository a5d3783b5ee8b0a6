"""The members of a zip, as Windows and damage make them."""

from __future__ import annotations

import stat
import zipfile

ENCRYPTED = 0x1 | 0x40
"""Flags of an encrypted member (PKWARE, APPNOTE 4.4.4)."""

END_BYTES = 22 + 0xFFFF
"""The end record of a zip with its longest comment."""

ZIP64_COUNT = 0xFFFF
"""The number of members where a larger record has it."""


def is_folder(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a folder, by its name, which Windows ends with a backslash."""
    return member.filename.endswith(("/", "\\"))


def explain_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """What is wrong with the header of a member that is not unpacked; empty if nothing is. Damage may have changed its name."""
    try:
        archive.open(member).close()
    except zipfile.BadZipFile as error:
        return " ".join(str(error).split()).rstrip(".")
    except (
        RuntimeError
    ):  # the header is right, but the content is encrypted, or of an unknown kind (NotImplementedError)
        return ""
    return ""


def explain_member(member: zipfile.ZipInfo) -> str:
    """Why a member cannot be unpacked; empty if it can."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link or a device, not a file"
    return "is encrypted" if member.flag_bits & ENCRYPTED else ""


def find_damage(archive: zipfile.ZipFile) -> str:
    """What is wrong with the directory of a zip: damage there hides members from Python's reader; empty if nothing is."""
    assert archive.fp is not None
    size = archive.fp.seek(0, 2)
    archive.fp.seek(max(0, size - END_BYTES))
    end = archive.fp.read()
    at = end.rfind(b"PK\x05\x06")
    announced = int.from_bytes(end[at + 10 : at + 12], "little") if at >= 0 else ZIP64_COUNT
    listed = len(archive.infolist())
    return "" if announced in (listed, ZIP64_COUNT) else f"its directory lists {listed} of {announced} members"
