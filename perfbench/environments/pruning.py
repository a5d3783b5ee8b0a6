"""The environments that are in the cache, and how to free them."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from perfbench import bundle
from perfbench.environments import keeping
from perfbench.model import Package

if sys.platform != "win32":
    import fcntl


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
        built = msgspec.json.decode((path / keeping.MARKER).read_bytes(), type=keeping.Built)
        last_used = datetime.fromtimestamp((path / keeping.MARKER).stat().st_mtime, timezone.utc)
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
        keeping.discard(key)
        return not keeping.folder(key).exists()
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
