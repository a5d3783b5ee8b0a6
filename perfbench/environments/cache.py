"""What is kept of environments in the user's cache: what was resolved, what was built, and who uses it.

An environment is built in its final place, for a virtual environment knows its own path. It counts only when its marker, which
is written last and synced, is there: what a killed build leaves has none. Who builds holds the environment's lock alone, who
uses it shares the lock until perfbench ends, so that nobody builds over it or prunes it meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from perfbench.environments.interpreters import Interpreter
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout, Package
from perfbench.util import paths
from perfbench.util.files import open_atomically

if sys.platform != "win32":
    import fcntl

CACHE_FORMAT = 1
"""Part of every key: what was kept by a perfbench that kept it differently is not found."""

MARKER_FILE = "complete.json"

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class EnvironmentMarker:
    """The marker of a finished environment. ``stamp`` tells whether its interpreter was replaced since; ``created`` is in UTC."""

    spec: str
    recipe: str
    python: Interpreter
    stamp: str
    created: str
    packages: tuple[Package, ...]
    sources: tuple[Checkout, ...]


def compute_key(*parts: Any) -> str:
    """A name for the cache that is the same whenever the parts are."""
    return hashlib.sha256(msgspec.json.encode((CACHE_FORMAT, *parts))).hexdigest()[:24]


def environment_folder(key: str) -> Path:
    """Where the environment with this key is, or will be."""
    return paths.environment_cache_folder() / key


def locate_python(place: Path) -> Path:
    """The interpreter of a virtual environment."""
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def compute_stamp(python: str) -> str:
    """Changes when the file of an interpreter does, empty if it is gone."""
    try:
        found = os.stat(python)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


# Small files: what was resolved, which interpreter was picked, which versions were taken before --------------------------


def load_note(kind: str, key: str, shape: type[Kind]) -> Kind | None:
    """What was noted under this key, None if nothing was or it cannot be read any more."""
    try:
        return msgspec.json.decode(_note_path(kind, key).read_bytes(), type=shape)
    except (OSError, msgspec.MsgspecError):
        return None


def save_note(kind: str, key: str, value: Any) -> None:
    """Keep it under this key. A cache that cannot be written costs time later, nothing else."""
    with suppress(OSError), open_atomically(_note_path(kind, key)) as file:
        file.write(msgspec.json.encode(value))


def _note_path(kind: str, key: str) -> Path:
    return paths.environment_cache_folder() / kind / f"{key}.json"


def save_log(name: str, text: str) -> str:
    """The path of a file with this text; empty if it could not be written."""
    path = paths.environment_cache_folder() / "logs" / f"{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        return ""
    return str(path)


# Environments ------------------------------------------------------------------------------------------------------------


def load_marker(key: str) -> EnvironmentMarker | None:
    """The marker of an environment that is complete and whose interpreter is still the one that it was built for."""
    try:
        built = msgspec.json.decode((environment_folder(key) / MARKER_FILE).read_bytes(), type=EnvironmentMarker)
    except (OSError, msgspec.MsgspecError):
        return None
    is_whole = locate_python(environment_folder(key)).exists() and compute_stamp(built.python.path) == built.stamp
    return built if is_whole else None


def write_marker(key: str, built: EnvironmentMarker) -> None:
    """Write the marker: from now on the environment counts. Raises OSError."""
    with open_atomically(environment_folder(key) / MARKER_FILE) as file:
        file.write(msgspec.json.encode(built))


def record_use(key: str) -> None:
    """Note that it was used; the marker's time is the time of the last use."""
    with suppress(OSError):
        os.utime(environment_folder(key) / MARKER_FILE)


def remove_environment(key: str) -> None:
    """Remove it, the marker first, so that what is half removed does not count."""
    with suppress(OSError):
        (environment_folder(key) / MARKER_FILE).unlink(missing_ok=True)
    shutil.rmtree(environment_folder(key), ignore_errors=True)


_shared_locks: dict[str, int] = {}
_thread_locks: dict[str, threading.Lock] = {}


def get_thread_lock(key: str) -> threading.Lock:
    """Two threads that want the same environment would wait for each other's share of its lock for ever."""
    return _thread_locks.setdefault(key, threading.Lock())


@contextmanager
def hold_build_lock(key: str, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold the lock of an environment alone; yields its descriptor. ``waiting`` is called if somebody builds or uses it now.

    Raises EnvironmentProblem if the cache cannot be written.
    """
    descriptor = _open_lock_file(key)
    try:
        if sys.platform != "win32":
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def acquire_shared_lock(key: str) -> bool:
    """Hold the lock together with other users until perfbench ends; False if somebody builds the environment now."""
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
    """Use it no longer."""
    if key in _shared_locks:
        os.close(_shared_locks.pop(key))


def _open_lock_file(key: str) -> int:
    path = paths.environment_cache_folder() / f"{key}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise EnvironmentProblem(f"{path.parent} cannot be written ({error.strerror}); set PERFBENCH_CACHE") from error
