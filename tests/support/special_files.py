"""Things that are no plain files, in a folder of the test's own: pipes with a reader, device nodes, sockets."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NULL = (1, 3)
"""The numbers of Linux's null device."""

FULL = (1, 7)
"""The numbers of Linux's device that is always full."""

NOWHERE = (240, 251)
"""Numbers for local use, which no driver serves: opening such a device fails, and nothing is written anywhere."""


class Reader:
    """Reads a new pipe to its end in a thread."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._content = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self._content = self._path.read_bytes()

    def content(self) -> bytes:
        """All that was written until the writer closed the pipe."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "nobody wrote into the pipe and closed it"
        return self._content


def make_device(path: Path, numbers: tuple[int, int], kind: int = stat.S_IFCHR) -> None:
    """A device node of the test's own; skips the test where it may not be made or opened."""
    try:
        os.mknod(path, 0o600 | kind, os.makedev(*numbers))
        if numbers != NOWHERE:
            os.close(os.open(path, os.O_WRONLY))
    except OSError:
        pytest.skip("making a device node takes root and a file system that has devices")


@contextmanager
def bound_socket(path: Path) -> Iterator[None]:
    """A socket at a path, which has to be short."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        yield


def is_fifo(path: Path) -> bool:
    """Whether a pipe itself lies at the path, and no link to one."""
    return stat.S_ISFIFO(path.lstat().st_mode)


def device_numbers(path: Path) -> tuple[int, int] | None:
    """The numbers of the character device at the path, None if nothing such is there."""
    status = path.lstat()
    return (os.major(status.st_rdev), os.minor(status.st_rdev)) if stat.S_ISCHR(status.st_mode) else None
