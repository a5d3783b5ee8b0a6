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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
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


@dataclass(frozen=True, slots=True)
class Kept:
    """An environment in the cache. Times are in UTC, ``python`` is a full version; ``spec`` is what it was built for first."""

    spec: str
    python: str
    recipe: str
    packages: tuple[Package, ...]
    size_bytes: int
    created: datetime
    last_used: datetime
    path: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning removed and how many bytes that freed on the disk; ``in_use`` was left alone."""

    removed: tuple[Kept, ...]
    in_use: tuple[Kept, ...]
    freed_bytes: int


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


# List and prune ----------------------------------------------------------------------------------------------------------


def kept() -> tuple[Kept, ...]:
    """Every finished environment in the cache, the one used last first."""
    found = [one for path in _places() if (one := _describe(path)) is not None]
    return tuple(sorted(found, key=lambda one: one.last_used, reverse=True))


def prune(older_than_days: float | None = None) -> Pruned:
    """Remove what was not used for so many days, else everything, and what killed builds left; not what is in use now.

    With it goes what was resolved, so that the next build takes the newest versions that its spec allows.
    """
    before = time.time() - older_than_days * 86400 if older_than_days is not None else None
    removed, in_use, freed = [], [], 0
    for path in _places():
        one = _describe(path)
        if one and before is not None and one.last_used.timestamp() > before:
            continue
        size = _size(path)
        if not _remove_unused(path.name):
            in_use += [one] if one else []
            continue
        freed += size
        removed += [one] if one else []
    for kind in ("resolved", "picked", "learned", "wheels", "logs"):
        freed += _remove_files(bundle.environment_cache() / kind, before)
    return Pruned(tuple(removed), tuple(in_use), freed)


def _places() -> list[Path]:
    return [lock.with_suffix("") for lock in sorted(bundle.environment_cache().glob("*.lock"))]


def _describe(path: Path) -> Kept | None:
    try:
        built = msgspec.json.decode((path / MARKER).read_bytes(), type=Built)
        last_used = datetime.fromtimestamp((path / MARKER).stat().st_mtime, timezone.utc)
    except (OSError, msgspec.MsgspecError):
        return None
    created = datetime.fromisoformat(built.created)
    return Kept(
        built.spec, built.python.version, built.recipe, built.packages, _size(path), created, last_used, str(path)
    )


def _size(path: Path) -> int:
    """Bytes that the files of a folder, or one file, take on the disk."""
    total = 0
    for file in (path, *path.rglob("*")):
        with suppress(OSError):
            total += _on_disk(file.lstat())
    return total


def _on_disk(found: os.stat_result) -> int:
    return found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size


def _remove_unused(key: str) -> bool:
    """Remove it with its lock unless somebody holds that."""
    try:
        descriptor = os.open(bundle.environment_cache() / f"{key}.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        discard(key)
        return not folder(key).exists()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _remove_files(place: Path, before: float | None) -> int:
    freed = 0
    for file in sorted(place.rglob("*"), reverse=True):
        with suppress(OSError):
            found = file.lstat()
            if file.is_dir() and not file.is_symlink():
                file.rmdir()
            elif before is None or found.st_mtime <= before:
                file.unlink()
                freed += _on_disk(found)
    return freed
