"""Resolve ``--data`` (file, folder, archive, known name) to market files that can be replayed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.datasets import archives
from perfbench.datasets.archives import PlainFile, is_hidden, make_readable
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.file_kinds import START_BYTES, describe_other_content
from perfbench.datasets.inspection import inspect_market
from perfbench.datasets.manifest import KnownFile, is_available, list_known_files, load_manifest, locate_file
from perfbench.datasets.workspace import Workspace
from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util import formatting
from perfbench.util.files import build_read_problem
from perfbench.util.suggest import suggest_name

SPECIAL_FILE_TYPES = {
    stat.S_ISFIFO: "is a pipe that may never end",
    stat.S_ISCHR: "is a device",
    stat.S_ISBLK: "is a device",
    stat.S_ISSOCK: "is a socket",
}


LISTED_OTHERS = 5
"""Other files that are listed by name."""

Observer = Callable[[str], None]


def ignore(_line: str) -> None:
    """Leave a line out."""


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


def open_markets(spec: str, workspace: Path, observe: Observer = ignore) -> tuple[list[Market], list[DataProblem]]:
    """The market files of a spec, ready to be replayed, and the problems of the others. See ``describe_markets``."""
    described, problems = describe_markets(spec, workspace, observe)
    return [description.market for description in described], problems


def describe_markets(
    spec: str, workspace: Path, observe: Observer = ignore
) -> tuple[list[MarketDescription], list[DataProblem]]:
    """The descriptions of the market files of a spec, and the problems of the others.

    :param spec: a path, or a known name; an existing path takes precedence.
    :param workspace: folder for the content of compressed files and archives.
    :param observe: receives a line about the files of folders and archives that are no recordings of markets.
    """
    content = _Content(workspace)
    label = make_readable(spec)
    try:
        sources = _resolve_files(spec)
        for source in sources:
            content.add(source)
        content.finish(label, observe, in_folder=sources[0].in_folder)
    except DataProblem as problem:
        content.problems.append(problem)
    return content.described, content.problems


@dataclass(frozen=True, slots=True)
class _Source:
    """A file of a spec: its path, the name to show, and the entry of the manifest for a known file."""

    path: Path
    name: str
    entry: KnownFile | None = None
    in_folder: bool = False


@dataclass(slots=True)
class _Content:
    """What the files of a spec contain. ``others`` are names of files that are no recordings of markets."""

    workspace: Path
    described: list[MarketDescription] = field(default_factory=list)
    problems: list[DataProblem] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def add(self, source: _Source) -> None:
        """Unpack and inspect a file. A folder with archives of other files tells of the archives only."""
        before = len(self.described), len(self.problems), len(self.others)
        for unpacked in _unpack_plain_files(source.path.absolute(), source.name, self.workspace):
            try:
                if isinstance(unpacked, DataProblem):
                    raise unpacked
                self._add_file(unpacked, source)
            except DataProblem as problem:
                self.problems.append(problem)
        if (len(self.described), len(self.problems)) == before[:2] and source.in_folder:
            inside = self.others[before[2] :]
            self.others[before[2] :] = inside if len(inside) == 1 else [f"{source.name} (no market file inside)"]

    def _add_file(self, file: PlainFile, source: _Source) -> None:
        if source.in_folder or file.is_member:
            kind = describe_other_content(_read_start(file), file.name)
            if kind:
                self.others.append(f"{file.name} ({kind})")
                if file.path.parent == self.workspace:
                    file.path.unlink()
                return
        description = inspect_market(file.path, file.name, file.packing, file.packed_bytes)
        _require_genuine(description, source.path, source.entry)
        self.described.append(description)

    def finish(self, label: str, observe: Observer, *, in_folder: bool) -> None:
        """Report the other files. Raises DataProblem if there is nothing else."""
        count = len(self.others)
        listed = ", ".join(self.others[:LISTED_OTHERS]) + (", …" if count > LISTED_OTHERS else "")
        if not self.described and not self.problems:
            what = "is a folder without market files" if in_folder else "contains no market file"
            rest = f"; it has {formatting.format_plural(count, 'other file')}: {listed}" if count else ""
            raise DataProblem(f"{label} {what}", hint=f"choose another {'folder' if in_folder else 'file'}{rest}")
        if count:
            are = "is no recording of a market" if count == 1 else "are no recordings of markets"
            observe(f"{label}: {formatting.format_plural(count, 'file')} {are}: {listed}")


def _read_start(file: PlainFile) -> bytes:
    try:
        with file.path.open("rb") as content:
            return content.read(START_BYTES)
    except OSError as error:
        raise build_read_problem(DataProblem, file.name, error) from error


def _unpack_plain_files(path: Path, name: str, folder: Path) -> Iterator[PlainFile | DataProblem]:
    """The plain files of a file, each with a path whose name misleads no reader."""
    try:
        _require_regular_file(path, name)
        workspace = Workspace.for_file(folder, path, name)
        for unpacked in archives.unpack_files(path, name, workspace):
            if isinstance(unpacked, PlainFile) and unpacked.path == path:
                yield replace(unpacked, path=workspace.give_neutral_name(path))
            else:
                yield unpacked
    except DataProblem as problem:
        yield problem
    except OSError as error:
        yield build_read_problem(DataProblem, name, error)


def _resolve_files(spec: str) -> list[_Source]:
    if spec == "-":
        raise DataProblem("standard input is no market file", hint="write its content to a file first")
    label = make_readable(spec)
    try:
        path = Path(spec).expanduser()
        exists = os.path.lexists(path)
        kind = path.stat().st_mode if exists else 0
    except OSError as error:
        raise build_read_problem(DataProblem, label, error) from error
    except (ValueError, RuntimeError) as error:
        raise DataProblem(f"{label!r} is not a path: {error}", hint="correct the path") from error
    if not exists:
        entry = _find_known(spec)
        return [_Source(locate_file(entry), entry.name, entry)]
    if stat.S_ISDIR(kind):
        return [_Source(file, make_readable(file.name), in_folder=True) for file in _list_folder(path, label)]
    return [_Source(path, make_readable(path.name))]


def _find_known(spec: str) -> KnownFile:
    files = list_known_files()
    label = make_readable(spec)
    if os.sep in spec:
        raise DataProblem(f"{label}: no such file", hint="correct the path")
    chosen = [file for file in files if spec == file.name] or [f for f in files if spec == f.name.rpartition("-")[2]]
    if len(chosen) != 1:
        raise DataProblem(
            f"{label}: no such file, and no known name{suggest_name(spec, (file.name for file in files))}"
        )
    if not is_available(chosen[0]):
        remedy = "reinstall perfbench" if chosen[0].bundled else "run `perfbench data pull`"
        raise DataProblem(f"{chosen[0].name} is not available", hint=remedy)
    return chosen[0]


def _list_folder(folder: Path, label: str) -> list[Path]:
    """The files below a folder, sorted, without hidden ones. Raises DataProblem if there is none."""

    def raise_problem(error: OSError) -> None:
        raise build_read_problem(DataProblem, make_readable(str(error.filename)), error)

    files_below = []
    for top, folders, files in os.walk(folder, onerror=raise_problem):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        files_below += [Path(top, name) for name in sorted(files) if not is_hidden(name)]
    if not files_below:
        raise DataProblem(f"{label} is a folder without market files", hint="choose another folder")
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
