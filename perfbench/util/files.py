"""Atomic file writes, and the errors of files that cannot be read or written."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from perfbench.errors import PerfbenchError, StorageProblem, UsageProblem

Problem = TypeVar("Problem", bound=PerfbenchError)

BUFFER_SIZE = 1 << 20
READER_TIMEOUT = 10.0
"""Seconds to wait for the reader of a pipe."""

UNWRITABLE_REASONS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFBLK: "it is a block device",
    stat.S_IFSOCK: "it is a socket",
}


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` once it is written and on the disk.

    Only plain files are replaced: for a link its target, and a pipe, a device or the process's own standard output is written
    into. Missing folders are created. Raises OSError, and then leaves a plain file unchanged.
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


def find_obstacle(path: Path, *, probe: bool = False) -> str:
    """The reason why nothing can be written to this path, without opening it; empty if none is apparent.

    :param probe: whether to try out whether its folder takes a file, which an unnamed temporary file shows.
    """
    try:
        status = _read_status(path)
    except OSError as error:
        return error.strerror or str(error)
    if status is not None and not stat.S_ISREG(status.st_mode):
        return UNWRITABLE_REASONS.get(stat.S_IFMT(status.st_mode), "")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        return f"there is no folder {path.parent}"
    return _find_folder_obstacle(folder) if probe else ""


def _find_folder_obstacle(folder: Path) -> str:
    """The reason why no file can be made in a folder; empty if one can. Permissions alone do not tell for root and for /proc."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"no file can be written in {folder} ({error.strerror or error})"


def check_results_folder(folder: Path) -> None:
    """Check that runs can be saved in a folder, before anything is measured. Raises StorageProblem."""
    existing = next((path for path in (folder, *folder.absolute().parents) if os.path.lexists(path)), folder)
    reason = _find_folder_obstacle(existing) if existing.is_dir() else f"{existing} is not a folder"
    if reason:
        raise StorageProblem(f"--results {folder}: {reason}", hint=f"choose another {RESULTS_CHOICE}")


def _read_status(path: Path) -> os.stat_result | None:
    """Status of the file behind all links; None without one."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _find_standard_stream(status: os.stat_result) -> int | None:
    """The descriptor of the standard stream that writes to this very file, which a replacement would disconnect."""
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
    """Open a pipe or a device for writing. Raises OSError, also for a pipe without a reader."""
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
    """Write a plain file as a whole or not at all, and into anything else. Raises StorageProblem.

    :param choice: what the user can change if it fails, such as ``--export file``.
    """
    try:
        with open_atomically(path) as file:
            file.write(content)
    except OSError as error:
        raise build_write_problem(path, error, choice) from error


def build_write_problem(path: Path, error: OSError, choice: str = RESULTS_CHOICE) -> StorageProblem:
    """The error of a file that cannot be written; ``choice`` is what the user can change."""
    return _build_write_problem(StorageProblem, path, error, choice)


def build_cache_problem(kind: type[Problem], path: Path, error: OSError) -> Problem:
    """The error of a file or folder of the cache that cannot be written."""
    return _build_write_problem(kind, path, error, "cache folder (PERFBENCH_CACHE)")


def _build_write_problem(kind: type[Problem], path: Path, error: OSError, choice: str) -> Problem:
    remedy = "free some space or " if error.errno in DISK_FULL_ERRORS else ""
    return kind(f"{path} cannot be written ({error.strerror or error})", hint=f"{remedy}choose another {choice}")


def build_read_problem(kind: type[Problem], path: Path | str, error: OSError) -> Problem:
    """The error of a file or folder that cannot be read."""
    return kind(f"{path} cannot be read ({error.strerror or error})", hint="check the path and its permissions")


def check_destination(option: str, path: Path, *, probe: bool = True) -> None:
    """Check that a file can be written, before anything is measured. Raises UsageProblem.

    :param option: the option with the file, as it was typed; :param probe: as of ``find_obstacle``.
    """
    reason = find_obstacle(path, probe=probe)
    if reason:
        raise UsageProblem(f"{option}: {reason}", hint="name another file")
