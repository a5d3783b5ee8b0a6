"""The content of one ``--data``: its files, unpacked, distinguished from other files, and inspected."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.datasets import archives
from perfbench.datasets.archives import PlainFile
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.file_kinds import START_BYTES, describe_other_content
from perfbench.datasets.inspection import inspect_market
from perfbench.datasets.line_problem import shorten
from perfbench.datasets.manifest import KnownFile
from perfbench.datasets.workspace import Workspace
from perfbench.errors import DataProblem
from perfbench.util import formatting
from perfbench.util.files import build_read_problem

SPECIAL_FILE_TYPES = {
    stat.S_ISFIFO: "is a pipe that may never end",
    stat.S_ISCHR: "is a device",
    stat.S_ISBLK: "is a device",
    stat.S_ISSOCK: "is a socket",
}


LISTED_OTHERS = 5
"""Other files that are listed by name."""

SILENT_SECONDS = 10.0
"""Seconds of unpacking and inspecting until a line says how far it is."""

Observer = Callable[[str], None]


def ignore(_line: str) -> None:
    """Leave a line out."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a spec: its path, the name to show, and the entry of the manifest for a known file."""

    path: Path
    name: str
    entry: KnownFile | None = None
    in_folder: bool = False


@dataclass(slots=True)
class SpecContent:
    """What the files of a spec contain. ``others`` are names of files that are no recordings of markets."""

    workspace: Path
    observe: Observer
    described: list[MarketDescription] = field(default_factory=list)
    problems: list[DataProblem] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    observed_at: float = field(default_factory=time.monotonic)

    def add(self, source: Source) -> None:
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

    def _add_file(self, file: PlainFile, source: Source) -> None:
        if source.in_folder or file.is_member:
            kind = describe_other_content(read_start(file), file.name)
            if kind:
                self.others.append(f"{file.name} ({kind})")
                if file.path.parent == self.workspace:
                    file.path.unlink()
                return
        description = inspect_market(file.path, file.name, file.packing, file.packed_bytes)
        require_genuine(description, source.path, source.entry)
        self.described.append(description)
        if time.monotonic() - self.observed_at > SILENT_SECONDS:
            self.observed_at = time.monotonic()
            self.observe(f"{len(self.described):,} market files inspected, the last one {description.name}")

    def finish(self, label: str, *, in_folder: bool) -> None:
        """Report the other files. Raises DataProblem if there is nothing else."""
        count = len(self.others)
        listed = ", ".join(self.others[:LISTED_OTHERS]) + (", …" if count > LISTED_OTHERS else "")
        if not self.described and not self.problems:
            what = "is a folder without market files" if in_folder else "contains no market file"
            rest = f"; it has {formatting.format_plural(count, 'other file')}: {listed}" if count else ""
            raise DataProblem(f"{label} {what}", hint=f"choose another {'folder' if in_folder else 'file'}{rest}")
        self._report_shared_markets(label)
        if count:
            are = "is no recording of a market" if count == 1 else "are no recordings of markets"
            self.observe(f"{label}: {formatting.format_plural(count, 'file')} {are}: {listed}")

    def _report_shared_markets(self, label: str) -> None:
        """Report a market in files of different content, such as an event file beside its market files."""
        files: dict[str, dict[str, str]] = {}
        for description in self.described:
            for market in description.market_ids:
                files.setdefault(market, {})[description.sha256] = description.name
        shared = {market: names for market, names in files.items() if len(names) > 1}
        if shared:
            market, names = next(iter(shared.items()))
            more = f", and {len(shared) - 1} more in several files" if len(shared) > 1 else ""
            listed = formatting.format_plural(len(names), "file") + ": " + ", ".join(names.values())
            self.observe(f"{label}: market {shorten(market)} is in {listed}{more}; each is measured")


def read_start(file: PlainFile) -> bytes:
    """The first bytes of a plain file, which show what it is. Raises DataProblem."""
    try:
        with file.path.open("rb") as content:
            return content.read(START_BYTES)
    except OSError as error:
        raise build_read_problem(DataProblem, file.name, error) from error


def _unpack_plain_files(path: Path, name: str, folder: Path) -> Iterator[PlainFile | DataProblem]:
    """The plain files of a file, each with a path whose name misleads no reader."""
    try:
        require_regular_file(path, name)
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


def require_regular_file(path: Path, name: str) -> None:
    """Check that a path leads to a file that ends. Raises DataProblem for a pipe, a device or a socket, and OSError."""
    mode = path.stat().st_mode
    for test, kind in SPECIAL_FILE_TYPES.items():
        if test(mode):
            raise DataProblem(f"{name} {kind}, not a file", hint="write its content to a file first")


def require_genuine(description: MarketDescription, path: Path, entry: KnownFile | None) -> None:
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
