"""Resolve ``--data`` (file, folder, archive, known name) to market files that can be replayed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from perfbench.datasets import archives
from perfbench.datasets.archives import PlainFile, Workspace
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.inspection import inspect_market
from perfbench.datasets.manifest import KnownFile, is_available, list_known_files, load_manifest, locate_file
from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util.files import build_read_problem
from perfbench.util.suggest import suggest_name

SPECIAL_FILE_TYPES = {
    stat.S_ISFIFO: "is a pipe that may never end",
    stat.S_ISCHR: "is a device",
    stat.S_ISBLK: "is a device",
    stat.S_ISSOCK: "is a socket",
}


def choose_default_market() -> str:
    """The name of the market that is measured without ``--data``: the real one if it was pulled, else a sample."""
    manifest = load_manifest()
    pulled = next((file for file in manifest.files if file.name == manifest.default), None)
    return manifest.default if pulled is not None and is_available(pulled) else manifest.fallback


def describe_default_market() -> str:
    """A note that the bundled sample is measured instead of the real file; empty if the real one is available."""
    manifest = load_manifest()
    if choose_default_market() == manifest.default:
        return ""
    return f"measuring the bundled {manifest.fallback}; run `perfbench data pull` to get {manifest.default}"


def open_markets(spec: str, workspace: Path) -> tuple[list[Market], list[DataProblem]]:
    """The market files of a spec, ready to be replayed, and the problems of the others."""
    described, problems = describe_markets(spec, workspace)
    return [description.market for description in described], problems


def describe_markets(spec: str, workspace: Path) -> tuple[list[MarketDescription], list[DataProblem]]:
    """The descriptions of the market files of a spec, and the problems of the others.

    :param spec: a path, or a known name; an existing path takes precedence.
    :param workspace: folder for the content of compressed files and archives.
    """
    described: list[MarketDescription] = []
    problems: list[DataProblem] = []
    try:
        for path, name, entry in _resolve_files(spec):
            for unpacked in _unpack_plain_files(path.absolute(), name, workspace):
                try:
                    if isinstance(unpacked, DataProblem):
                        raise unpacked
                    description = inspect_market(unpacked.path, unpacked.name, unpacked.packing, unpacked.packed_bytes)
                    _require_genuine(description, path, entry)
                    described.append(description)
                except DataProblem as problem:
                    problems.append(problem)
    except DataProblem as problem:
        problems.append(problem)
    return described, problems


def _unpack_plain_files(path: Path, name: str, workspace: Path) -> Iterator[PlainFile | DataProblem]:
    try:
        _require_regular_file(path, name)
        yield from archives.unpack_files(path, name, Workspace.for_file(workspace, path))
    except DataProblem as problem:
        yield problem
    except OSError as error:
        yield build_read_problem(DataProblem, name, error)


def _resolve_files(spec: str) -> Iterator[tuple[Path, str, KnownFile | None]]:
    """Paths with the names to show, and the entry of the manifest for a known file."""
    path = Path(spec).expanduser()
    try:
        exists = os.path.lexists(path)
        kind = path.stat().st_mode if exists else 0
    except OSError as error:
        raise build_read_problem(DataProblem, spec, error) from error
    except ValueError as error:
        raise DataProblem(f"{spec!r} is not a path: {error}") from error
    if not exists:
        entry = _find_known(spec)
        yield locate_file(entry), entry.name, entry
    elif stat.S_ISDIR(kind):
        yield from ((file, file.name, None) for file in _list_folder(path, spec))
    else:
        yield path, path.name, None


def _find_known(spec: str) -> KnownFile:
    files = list_known_files()
    chosen = [file for file in files if spec == file.name] or [f for f in files if spec == f.name.rpartition("-")[2]]
    if len(chosen) != 1:
        raise DataProblem(f"{spec}: no such file, and no known name{suggest_name(spec, (file.name for file in files))}")
    if not is_available(chosen[0]):
        remedy = "reinstall perfbench" if chosen[0].bundled else "run `perfbench data pull`"
        raise DataProblem(f"{chosen[0].name} is not available", hint=remedy)
    return chosen[0]


def _list_folder(folder: Path, spec: str) -> list[Path]:
    """The files below a folder, sorted, without hidden files and documents. Raises DataProblem if there is none."""

    def raise_problem(error: OSError) -> None:
        raise build_read_problem(DataProblem, str(error.filename), error)

    files_below = []
    for top, folders, files in os.walk(folder, onerror=raise_problem):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files_below += [
            Path(top) / n for n in sorted(files) if not n.startswith(".") and not n.endswith(archives.IGNORED_SUFFIXES)
        ]
    if not files_below:
        raise DataProblem(f"{spec} is a folder without market files", hint="choose another folder")
    return files_below


def _require_regular_file(path: Path, name: str) -> None:
    mode = path.stat().st_mode
    for test, kind in SPECIAL_FILE_TYPES.items():
        if test(mode):
            raise DataProblem(f"{name} {kind}, not a file", hint="write its content to a file first")


def _require_genuine(description: MarketDescription, path: Path, entry: KnownFile | None) -> None:
    """Check a known file against the manifest. Raises DataProblem if its checksum differs."""
    if entry is None:
        return
    packed = description.packing != "plain"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if packed else description.sha256
    if sha256 != entry.sha256:
        raise DataProblem(
            f"{entry.name} is damaged (its SHA-256 differs from the manifest)",
            hint="run `perfbench data pull` to repair it",
        )
