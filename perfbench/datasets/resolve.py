"""From what the user names (file, folder, archive, known name) to market files that can be replayed."""

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
from perfbench.util.suggest import suggest_name

SPECIAL_FILE_TYPES = {
    stat.S_ISFIFO: "is a pipe that may never end",
    stat.S_ISCHR: "is a device",
    stat.S_ISBLK: "is a device",
    stat.S_ISSOCK: "is a socket",
}


def choose_default_market() -> str:
    """The name of the market that is measured when nobody names one: the real one if it was pulled, else a sample."""
    known = load_manifest()
    pulled = next((file for file in known.files if file.name == known.default), None)
    return known.default if pulled is not None and is_available(pulled) else known.fallback


def describe_default_market() -> str:
    """What to tell somebody who named no file while the real one is not here; nothing if it is."""
    known = load_manifest()
    if choose_default_market() == known.default:
        return ""
    return f"{known.default} is not here yet (perfbench data pull fetches it): measuring the bundled {known.fallback}"


def open_markets(spec: str, workspace: Path) -> tuple[list[Market], list[DataProblem]]:
    """The markets that a spec stands for, ready to be replayed, and what is wrong with the rest."""
    described, problems = describe_markets(spec, workspace)
    return [description.market for description in described], problems


def describe_markets(spec: str, workspace: Path) -> tuple[list[MarketDescription], list[DataProblem]]:
    """The market files that a spec stands for, each described, and what is wrong with the rest.

    :param spec: a path, or a known name; a path that exists goes first.
    :param workspace: compressed files and archives are unpacked into this folder.
    """
    described: list[MarketDescription] = []
    problems: list[DataProblem] = []
    try:
        for path, name, known in _resolve_files(spec):
            for found in _unpack_plain_files(path.absolute(), name, workspace):
                try:
                    if isinstance(found, DataProblem):
                        raise found
                    description = inspect_market(found.path, found.name, found.packing, found.packed_bytes)
                    _require_genuine(description, path, known)
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
        yield _build_read_problem(name, error)


def _resolve_files(spec: str) -> Iterator[tuple[Path, str, KnownFile | None]]:
    """Paths with the names to show, and the entry of the manifest for a known one."""
    path = Path(spec).expanduser()
    try:
        there = os.path.lexists(path)
        kind = path.stat().st_mode if there else 0
    except OSError as error:
        raise _build_read_problem(spec, error) from error
    except ValueError as error:
        raise DataProblem(f"{spec!r} is no path: {error}") from error
    if not there:
        known = _find_known(spec)
        yield locate_file(known), known.name, known
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
        remedy = "perfbench data pull fetches it" if not chosen[0].bundled else "install perfbench again"
        raise DataProblem(f"{chosen[0].name} is not here yet; {remedy}")
    return chosen[0]


def _list_folder(folder: Path, spec: str) -> list[Path]:
    """The files below a folder, in order, without hidden ones and without notes. Raises DataProblem if there is none."""

    def complain(error: OSError) -> None:
        raise _build_read_problem(str(error.filename), error)

    found = []
    for top, folders, files in os.walk(folder, onerror=complain):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(top) / n for n in sorted(files) if not n.startswith(".") and not n.endswith(archives.IGNORED_SUFFIXES)
        ]
    if not found:
        raise DataProblem(f"{spec} is a folder without market files; choose another")
    return found


def _require_regular_file(path: Path, name: str) -> None:
    mode = path.stat().st_mode
    for test, what in SPECIAL_FILE_TYPES.items():
        if test(mode):
            raise DataProblem(f"{name} {what}, not a file; write it to a file first")


def _require_genuine(description: MarketDescription, path: Path, known: KnownFile | None) -> None:
    """Raises DataProblem if a known file is not what the manifest says."""
    if known is None:
        return
    packed = description.packing != "plain"
    given = hashlib.sha256(path.read_bytes()).hexdigest() if packed else description.sha256
    if given != known.sha256:
        raise DataProblem(
            f"{known.name} is not the file that the manifest names (SHA-256 differs); perfbench data pull mends it"
        )


def _build_read_problem(name: str, error: OSError) -> DataProblem:
    return DataProblem(f"{name} cannot be read: {error.strerror}; check the path and its permissions")
