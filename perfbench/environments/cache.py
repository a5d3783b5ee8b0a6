"""The cache of environments: resolutions, finished environments, and the locks of builders and users.

An environment is built in its final folder, since a virtual environment contains its own path. It is valid only with its
marker, which is written last and synced: what a killed build leaves has none. A builder holds the environment's lock
exclusively, a user shares it until perfbench ends, so that nobody rebuilds or prunes the environment meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from perfbench.environments.interpreters import Interpreter
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout, Package
from perfbench.util import paths
from perfbench.util.files import build_cache_problem, open_atomically

if sys.platform != "win32":
    import fcntl

CACHE_FORMAT = 1
"""Part of every key: a cache of another format is ignored."""

MARKER_FILE = "complete.json"

Note = TypeVar("Note")


@dataclass(frozen=True, slots=True)
class EnvironmentMarker:
    """The marker of a finished environment. ``stamp`` changes when its interpreter is replaced; ``created`` is in UTC."""

    spec: str
    recipe: str
    python: Interpreter
    stamp: str
    created: str
    packages: tuple[Package, ...]
    sources: tuple[Checkout, ...]


def compute_key(*parts: Any) -> str:
    """A cache key: the same for equal parts."""
    return hashlib.sha256(msgspec.json.encode((CACHE_FORMAT, *parts))).hexdigest()[:24]


def environment_folder(key: str) -> Path:
    """The folder of the environment with this key, whether it exists or not."""
    return paths.environment_cache_folder() / key


def locate_python(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def compute_stamp(python: str) -> str:
    """A text that changes when the file of an interpreter does; empty if it is missing."""
    try:
        status = os.stat(python)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


# Notes: small files about resolutions, chosen interpreters and preferred versions -----------------------------------------


def load_note(kind: str, key: str, shape: type[Note]) -> Note | None:
    """The note under this key; None without one, and for one of another shape."""
    try:
        return msgspec.json.decode(_note_path(kind, key).read_bytes(), type=shape)
    except (OSError, msgspec.MsgspecError):
        return None


def save_note(kind: str, key: str, value: Any) -> None:
    """Save a note under this key. A cache that cannot be written costs only time."""
    with suppress(OSError), open_atomically(_note_path(kind, key)) as file:
        file.write(msgspec.json.encode(value))


def _note_path(kind: str, key: str) -> Path:
    return paths.environment_cache_folder() / kind / f"{key}.json"


def save_log(name: str, text: str) -> str:
    """Write a log file with this text and return its path; empty if it cannot be written."""
    path = paths.environment_cache_folder() / "logs" / f"{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        return ""
    return str(path)


# Environments ------------------------------------------------------------------------------------------------------------


def load_marker(key: str) -> EnvironmentMarker | None:
    """The marker of a finished environment whose interpreter was not replaced; else None."""
    try:
        built = msgspec.json.decode((environment_folder(key) / MARKER_FILE).read_bytes(), type=EnvironmentMarker)
    except (OSError, msgspec.MsgspecError):
        return None
    is_whole = locate_python(environment_folder(key)).exists() and compute_stamp(built.python.path) == built.stamp
    return built if is_whole else None


def write_marker(key: str, built: EnvironmentMarker) -> None:
    """Write the marker: from now on the environment is valid. Raises OSError."""
    with open_atomically(environment_folder(key) / MARKER_FILE) as file:
        file.write(msgspec.json.encode(built))


def record_use(key: str) -> None:
    """Record the use of an environment in the modification time of its marker."""
    with suppress(OSError):
        os.utime(environment_folder(key) / MARKER_FILE)


def remove_environment(key: str) -> None:
    """Remove an environment, the marker first, so that a partly removed one is invalid."""
    with suppress(OSError):
        (environment_folder(key) / MARKER_FILE).unlink(missing_ok=True)
    shutil.rmtree(environment_folder(key), ignore_errors=True)


_shared_locks: dict[str, int] = {}
_thread_locks: dict[str, threading.Lock] = {}


def get_thread_lock(key: str) -> threading.Lock:
    """The lock of an environment between threads of this process, which would else wait for each other's shared file lock."""
    return _thread_locks.setdefault(key, threading.Lock())


def acquire_build_lock(key: str) -> int | None:
    """Lock an environment exclusively; returns the descriptor, which the caller closes. None if it is locked now.

    Raises EnvironmentProblem if the cache cannot be written.
    """
    descriptor = _open_lock_file(key)
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
    return descriptor


def acquire_shared_lock(key: str) -> bool:
    """Share the lock of an environment until perfbench ends; False if it is being built now."""
    if key in _shared_locks or sys.platform == "win32":
        return True
    descriptor = _open_lock_file(key)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _shared_locks[key] = descriptor
    return True


def release_shared_lock(key: str) -> None:
    """Release the share of the lock."""
    if key in _shared_locks:
        os.close(_shared_locks.pop(key))


def _open_lock_file(key: str) -> int:
    path = paths.environment_cache_folder() / f"{key}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise build_cache_problem(EnvironmentProblem, path.parent, error) from error
