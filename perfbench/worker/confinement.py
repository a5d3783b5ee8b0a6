"""Confine a process to a few folders: the kernel refuses changes elsewhere, whoever asks for them, C code and children included.

By Landlock (https://docs.kernel.org/userspace-api/landlock.html), for which a process needs no rights: Linux 5.13 or newer, if it
is switched on. It cannot be undone, so that only a worker may confine itself, before it runs a program. Reading and executing
stay free. Modes, owners and times of files are not what the kernel looks at.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from contextlib import suppress
from typing import Any, Iterable, List, Tuple

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls, which are the same on these machines."""

MACHINES = frozenset(("x86_64", "aarch64", "i686", "armv7l", "ppc64le", "riscv64", "s390x"))

VERSION_FLAG = 1
PATH_BENEATH = 1
SET_NO_NEW_PRIVS = 38
"""Option of prctl(2): setuid programs that the process starts run without their rights."""

WRITE_FILE = 1 << 1
CHANGE_ENTRIES = sum(1 << bit for bit in range(4, 13))
"""Remove and make entries of a folder, of whatever kind."""

REFER, TRUNCATE = 1 << 13, 1 << 14
"""Rename and link between folders; truncate a file by its path. Landlock knows them since its versions 2 and 3."""

FILE_RIGHTS = WRITE_FILE | TRUNCATE
FOLDER_RIGHTS = FILE_RIGHTS | CHANGE_ENTRIES | REFER

O_PATH = getattr(os, "O_PATH", 0o10000000)  # not in every PyPy

DEVICES = ("/dev", "/proc")
"""Folders whose files are written to and are none of the user's; in them none can be made or removed."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - semaphores and shared memory of multiprocessing

_allowed: List[Tuple[str, ...]] = []
"""The real paths to which this process is confined, if it is."""


def read_version() -> int:
    """The version of Landlock that the kernel has; 0 without."""
    if not sys.platform.startswith("linux") or os.uname().machine not in MACHINES:
        return 0
    return max(0, _call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG)))


def confine(folders: Iterable[str], files: Iterable[str] = ()) -> bool:
    """Confine this process and its future children to these folders and files, which exist; returns whether the kernel does it.

    Those of devices and of shared memory are added. Call it before the process has other threads.
    """
    version = read_version()
    if not version:
        return False
    everything = FOLDER_RIGHTS & ~(REFER if version < 2 else 0) & ~(TRUNCATE if version < 3 else 0)
    ruleset = _call(CREATE_RULESET, struct.pack("=Q", everything), ctypes.c_size_t(8), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    folders = [SHARED_MEMORY, *folders]
    try:
        for path in folders:
            _allow(ruleset, path, everything)
        for path in (*DEVICES, *files):
            _allow(ruleset, path, everything & FILE_RIGHTS)
        return _restrict(ruleset, (*folders, *DEVICES, *files))
    finally:
        os.close(ruleset)


def _restrict(ruleset: int, paths: Iterable[str]) -> bool:
    flag = ctypes.c_ulong
    _libc().prctl(SET_NO_NEW_PRIVS, flag(1), flag(0), flag(0), flag(0))
    if _call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
        return False
    _allowed.append(tuple(map(os.path.realpath, paths)))
    return True


def is_confined() -> bool:
    """Whether this process is confined."""
    return bool(_allowed)


def is_refused(path: str) -> bool:
    """Whether the confinement, and nothing else, keeps this process from changing a file, or making it where there is none."""
    real = os.path.realpath(path)
    if not _allowed or any(real == allowed or real.startswith(allowed + os.sep) for allowed in _allowed[-1]):
        return False
    if os.path.lexists(real):
        return os.access(real, os.W_OK)
    return os.access(os.path.dirname(real), os.W_OK | os.X_OK)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow a path; nothing for one that does not exist."""
    with suppress(OSError):
        opened = os.open(path, O_PATH | os.O_CLOEXEC)
        try:
            rule = struct.pack("=Qi", rights, opened)
            _call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), rule, ctypes.c_uint32(0))
        finally:
            os.close(opened)


def _call(number: int, *arguments: Any) -> int:
    """The result of a system call, negative for an error."""
    return int(_libc().syscall(ctypes.c_long(number), *arguments))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
