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

from perfbench import bundle
from perfbench.atomic import replacing
from perfbench.environments.interpreters import Interpreter
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout, Package

if sys.platform != "win32":
    import fcntl

FORMAT = 1
"""Part of every key: what was kept by a perfbench that kept it differently is not found."""

MARKER = "complete.json"

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Built:
    """The marker of a finished environment. ``stamp`` tells whether its interpreter was replaced since; ``created`` is in UTC."""

    spec: str
    recipe: str
    python: Interpreter
    stamp: str
    created: str
    packages: tuple[Package, ...]
    sources: tuple[Checkout, ...]


def key_of(*parts: Any) -> str:
    """A name for the cache that is the same whenever the parts are."""
    return hashlib.sha256(msgspec.json.encode((FORMAT, *parts))).hexdigest()[:24]


def folder(key: str) -> Path:
    """Where the environment with this key is, or will be."""
    return bundle.environment_cache() / key


def python_of(place: Path) -> Path:
    """The interpreter of a virtual environment."""
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def stamp_of(python: str) -> str:
    """Changes when the file of an interpreter does, empty if it is gone."""
    try:
        found = os.stat(python)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


# Small files: what was resolved, which interpreter was picked, which versions were taken before --------------------------


def recall(kind: str, key: str, shape: type[Kind]) -> Kind | None:
    """What was noted under this key, None if nothing was or it cannot be read any more."""
    try:
        return msgspec.json.decode(_note(kind, key).read_bytes(), type=shape)
    except (OSError, msgspec.MsgspecError):
        return None


def note(kind: str, key: str, value: Any) -> None:
    """Keep it under this key. A cache that cannot be written costs time later, nothing else."""
    with suppress(OSError), replacing(_note(kind, key)) as file:
        file.write(msgspec.json.encode(value))


def _note(kind: str, key: str) -> Path:
    return bundle.environment_cache() / kind / f"{key}.json"


def keep_log(name: str, text: str) -> str:
    """The path of a file with this text; empty if it could not be written."""
    path = bundle.environment_cache() / "logs" / f"{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        return ""
    return str(path)


# Environments ------------------------------------------------------------------------------------------------------------


def finished(key: str) -> Built | None:
    """The marker of an environment that is complete and whose interpreter is still the one that it was built for."""
    try:
        built = msgspec.json.decode((folder(key) / MARKER).read_bytes(), type=Built)
    except (OSError, msgspec.MsgspecError):
        return None
    is_whole = python_of(folder(key)).exists() and stamp_of(built.python.path) == built.stamp
    return built if is_whole else None


def finish(key: str, built: Built) -> None:
    """Write the marker: from now on the environment counts. Raises OSError."""
    with replacing(folder(key) / MARKER) as file:
        file.write(msgspec.json.encode(built))


def used_now(key: str) -> None:
    """Note that it was used; the marker's time is the time of the last use."""
    with suppress(OSError):
        os.utime(folder(key) / MARKER)


def discard(key: str) -> None:
    """Remove it, the marker first, so that what is half removed does not count."""
    with suppress(OSError):
        (folder(key) / MARKER).unlink(missing_ok=True)
    shutil.rmtree(folder(key), ignore_errors=True)


_shared: dict[str, int] = {}
_threads: dict[str, threading.Lock] = {}


def alone_in_this_process(key: str) -> threading.Lock:
    """Two threads that want the same environment would wait for each other's share of its lock for ever."""
    return _threads.setdefault(key, threading.Lock())


@contextmanager
def building(key: str, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold the lock of an environment alone; yields its descriptor. ``waiting`` is called if somebody builds or uses it now.

    Raises EnvironmentProblem if the cache cannot be written.
    """
    descriptor = _open_lock(key)
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


def share(key: str) -> bool:
    """Hold the lock together with other users until perfbench ends; False if somebody builds the environment now."""
    if key in _shared or sys.platform == "win32":
        return True
    descriptor = _open_lock(key)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _shared[key] = descriptor
    return True


def release(key: str) -> None:
    """Use it no longer."""
    if key in _shared:
        os.close(_shared.pop(key))


def _open_lock(key: str) -> int:
    path = bundle.environment_cache() / f"{key}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise EnvironmentProblem(f"{path.parent} cannot be written ({error.strerror}); set PERFBENCH_CACHE") from error
