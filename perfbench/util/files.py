"""Atomic file writes and the errors of files that cannot be written."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from perfbench.errors import StorageProblem, UsageProblem

BUFFER_SIZE = 1 << 20
READER_TIMEOUT = 10.0
"""Seconds to wait for somebody who reads a pipe."""

UNWRITABLE_REASONS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFBLK: "it is a block device",
    stat.S_IFSOCK: "it is a socket",
}


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` once it is on the disk.

    Only plain files are replaced: of a link the target is, and a pipe, a device or the process's own standard output is written
    into. Missing folders are made. Raises OSError, and leaves a plain file as it was then.
    """
    status = _read_status(path)
    if status is not None and (stream := _find_standard_stream(status)) is not None:
        with os.fdopen(os.dup(stream), "wb", buffering=BUFFER_SIZE) as file:
            yield file
    elif status is None or stat.S_ISREG(status.st_mode):
        with _open_replacement(Path(os.path.realpath(path))) as file:
            yield file
    elif reason := UNWRITABLE_REASONS.get(stat.S_IFMT(status.st_mode)):
        raise OSError(errno.EINVAL, reason, str(path))
    else:
        with os.fdopen(_open_special(path, stat.S_ISFIFO(status.st_mode)), "wb", buffering=BUFFER_SIZE) as file:
            yield file


def find_obstacle(path: Path) -> str:
    """The reason why nothing can be written to this path, found without opening it; empty if there is none in sight."""
    try:
        status = _read_status(path)
    except OSError as error:
        return error.strerror or str(error)
    if status is not None:
        return UNWRITABLE_REASONS.get(stat.S_IFMT(status.st_mode), "")
    return "" if Path(os.path.realpath(path)).parent.is_dir() else f"there is no folder {path.parent}"


def _read_status(path: Path) -> os.stat_result | None:
    """What lies at the end of all links; None if nothing does."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _find_standard_stream(status: os.stat_result) -> int | None:
    """The descriptor of the standard stream that writes to this very file, which a replacement would cut off."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            descriptor = stream.fileno()
            if os.path.samestat(os.fstat(descriptor), status):
                stream.flush()
                return descriptor
    return None


@contextmanager
def _open_replacement(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".perfbench-{secrets.token_hex(8)}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("xb", buffering=BUFFER_SIZE) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _open_special(path: Path, is_pipe: bool) -> int:
    """Open a pipe or a device for writing. Raises OSError, also if nobody reads the pipe."""
    # Without O_CREAT, which Linux denies for the pipes of others in a shared folder (fs.protected_fifos).
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    deadline = time.monotonic() + READER_TIMEOUT
    while True:
        try:
            descriptor = os.open(path, flags)
            break
        except OSError as error:
            if not is_pipe or error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline:
                raise OSError(errno.ENXIO, "nobody reads the pipe", str(path)) from error
        time.sleep(0.01)
    os.set_blocking(descriptor, True)
    return descriptor


RESULTS_CHOICE = "--results folder"
DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, content: bytes, choice: str = RESULTS_CHOICE) -> None:
    """Write a plain file whole or not at all, and into anything else that is there. Raises StorageProblem.

    :param choice: what the user has to choose differently if it fails, such as ``--export file``.
    """
    try:
        with open_atomically(path) as file:
            file.write(content)
    except OSError as error:
        raise build_write_problem(path, error, choice) from error


def build_write_problem(path: Path, error: OSError, choice: str = RESULTS_CHOICE) -> StorageProblem:
    """The error of a file that cannot be written; ``choice`` is what the user has to choose differently."""
    remedy = "free some space or " if error.errno in DISK_FULL_ERRORS else ""
    return StorageProblem(
        f"{path} cannot be written ({error.strerror or error})", hint=f"{remedy}choose another {choice}"
    )


def check_destination(option: str, path: Path) -> None:
    """Refuse a file that is to be written but cannot be. Raises UsageProblem, before anything is measured.

    :param option: the option that names it, as it was typed.
    """
    reason = find_obstacle(path)
    if reason:
        raise UsageProblem(f"{option}: {reason}", hint="name another file")
