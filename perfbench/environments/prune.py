"""List and prune cached environments."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from perfbench.environments import cache
from perfbench.model import Package
from perfbench.util import paths

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True, slots=True)
class CachedEnvironment:
    """An environment in the cache. Times are in UTC, ``python`` is a full version; ``spec`` is the first that it was built for."""

    spec: str
    python: str
    recipe: str
    packages: tuple[Package, ...]
    size_bytes: int
    created: datetime
    last_used: datetime
    path: str


@dataclass(frozen=True, slots=True)
class PruneResult:
    """The removed environments and the bytes that this freed on the disk; those ``in_use`` were not removed."""

    removed: tuple[CachedEnvironment, ...]
    in_use: tuple[CachedEnvironment, ...]
    freed_bytes: int


def list_cached_environments() -> tuple[CachedEnvironment, ...]:
    """Every finished environment in the cache, the most recently used first."""
    environments = [cached for path in _list_folders() if (cached := _describe_cached(path)) is not None]
    return tuple(sorted(environments, key=lambda environment: environment.last_used, reverse=True))


def prune_environments(older_than_days: float | None = None) -> PruneResult:
    """Remove the environments not used for this many days, else all, and what killed builds left; except those in use.

    Their resolutions are removed too, so that the next build takes the newest versions that its spec allows.
    """
    before = time.time() - older_than_days * 86400 if older_than_days is not None else None
    removed, in_use, freed = [], [], 0
    for path in _list_folders():
        environment = _describe_cached(path)
        if environment and before is not None and environment.last_used.timestamp() > before:
            continue
        size = _measure_disk_usage(path)
        if not _remove_unused(path.name):
            in_use += [environment] if environment else []
            continue
        freed += size
        removed += [environment] if environment else []
    for kind in ("resolved", "picked", "learned", "wheels", "logs", "bytecode"):
        freed += _remove_stale_files(paths.environment_cache_folder() / kind, before)
    return PruneResult(tuple(removed), tuple(in_use), freed)


def _list_folders() -> list[Path]:
    return [lock.with_suffix("") for lock in sorted(paths.environment_cache_folder().glob("*.lock"))]


def _describe_cached(path: Path) -> CachedEnvironment | None:
    try:
        built = msgspec.json.decode((path / cache.MARKER_FILE).read_bytes(), type=cache.EnvironmentMarker)
        last_used = datetime.fromtimestamp((path / cache.MARKER_FILE).stat().st_mtime, timezone.utc)
    except (OSError, msgspec.MsgspecError):
        return None
    created = datetime.fromisoformat(built.created)
    return CachedEnvironment(
        built.spec,
        built.python.label,
        built.recipe,
        built.packages,
        _measure_disk_usage(path),
        created,
        last_used,
        str(path),
    )


def _measure_disk_usage(path: Path) -> int:
    """Bytes on the disk of a file, or of a folder with its files."""
    total = 0
    for file in (path, *path.rglob("*")):
        with suppress(OSError):
            total += _count_allocated_bytes(file.lstat())
    return total


def _count_allocated_bytes(status: os.stat_result) -> int:
    return status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size


def _remove_unused(key: str) -> bool:
    """Remove an environment unless its lock is held; returns whether it was removed."""
    try:
        descriptor = os.open(paths.environment_cache_folder() / f"{key}.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cache.remove_environment(key)
        return not cache.environment_folder(key).exists()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _remove_stale_files(folder: Path, before: float | None) -> int:
    freed = 0
    for file in sorted(folder.rglob("*"), reverse=True):
        with suppress(OSError):
            status = file.lstat()
            if file.is_dir() and not file.is_symlink():
                file.rmdir()
            elif before is None or status.st_mtime <= before:
                file.unlink()
                freed += _count_allocated_bytes(status)
    return freed
