"""The files below a folder, with links followed once, and the members of the archives among them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from perfbench.datasets.archives import is_hidden, make_readable, strip_suffix
from perfbench.datasets.corpus import archive_members, names
from perfbench.datasets.corpus.builder import HIDDEN, LISTED_ALREADY, SPECIAL, ListingBuilder
from perfbench.datasets.corpus.content import ContentKind, detect_kind
from perfbench.datasets.corpus.members import Source
from perfbench.errors import DataProblem
from perfbench.util.files import build_read_problem

NO_MARKETS = "archives without market files"

Identity = tuple[int, int]
"""Device and inode."""


def list_folder(folder: Path, label: str, builder: ListingBuilder) -> None:
    """Add the files below a folder, then those in its archives. Raises DataProblem if there is none."""
    before = len(builder.members), len(builder.problems), builder.further_problems
    skipped = builder.skipped.total()
    builder.begin(Source("folder", str(folder.absolute()), label))
    tree = _FolderTree(builder, os.path.realpath(folder))
    tree.add_folder(str(folder.absolute()), "")
    tree.add_links()
    for path, kind in sorted(tree.archives):
        _list_archive(Source(kind, os.path.join(folder.absolute(), path), make_readable(path)), builder)
    if (len(builder.members), len(builder.problems), builder.further_problems) == before:
        count = builder.skipped.total() - skipped
        rest = f" (skipped: {count})" if count else ""
        raise DataProblem(f"{label} is a folder without market files{rest}", hint="choose another folder")


def _list_archive(source: Source, builder: ListingBuilder) -> None:
    before = len(builder.members), len(builder.problems), builder.further_problems
    try:
        archive_members.list_archive(source, builder)
    except DataProblem as problem:
        builder.add_problem(problem)
    if (len(builder.members), len(builder.problems), builder.further_problems) == before:
        builder.skipped[NO_MARKETS] += 1


@dataclass(slots=True)
class _FolderTree:
    """A walk through folders: links are followed after all else, and nothing is listed twice."""

    builder: ListingBuilder
    root: str
    archives: list[tuple[str, ContentKind]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    folders: set[Identity] = field(default_factory=set)
    files: set[Identity] = field(default_factory=set)
    """Of files with several names."""

    def add_folder(self, top: str, inside: str) -> None:
        """Add what lies below a folder; ``inside`` is its path in the corpus."""
        waiting = [(top, inside)]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                entries = sorted(_scan(folder), key=lambda entry: entry.name)
                status = os.stat(folder)
            except OSError as error:
                self.builder.add_problem(build_read_problem(DataProblem, make_readable(prefix or folder), error))
                continue
            if (status.st_dev, status.st_ino) in self.folders:
                self.builder.skipped[LISTED_ALREADY] += 1
                continue
            self.folders.add((status.st_dev, status.st_ino))
            for entry in entries:
                path = f"{prefix}/{entry.name}" if prefix else entry.name
                if is_hidden(entry.name):
                    self.builder.skipped[HIDDEN] += 1
                elif entry.is_symlink():
                    self.links.append((entry.path, path))
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, path))
                else:
                    self.add_file(entry.path, path)

    def add_links(self) -> None:
        """Follow the links that were met, and those behind them."""
        while self.links:
            links, self.links = self.links, []
            for target, path in links:
                if os.path.isdir(target):
                    self.add_folder(target, path)
                else:
                    self.add_file(target, path, linked=True)

    def add_file(self, place: str, path: str, *, linked: bool = False) -> None:
        """Add a file, or note it as an archive."""
        try:
            status = os.stat(place)
            if not stat.S_ISREG(status.st_mode):
                self.builder.skipped[SPECIAL] += 1
                return
            identity = status.st_dev, status.st_ino
            if linked or status.st_nlink > 1:
                if identity in self.files or (linked and self._is_inside(place)):
                    self.builder.skipped[LISTED_ALREADY] += 1
                    return
                self.files.add(identity)
            kind = _detect_kind(place, path) if status.st_size else "file"
        except OSError as error:
            self.builder.add_problem(build_read_problem(DataProblem, make_readable(path), error))
            return
        except DataProblem as problem:
            self.builder.add_problem(problem)
            return
        if kind == "file":
            self.builder.add(path, status.st_size)
        else:
            self.archives.append((path, kind))

    def _is_inside(self, place: str) -> bool:
        """Whether a link leads to a file that is listed by its own name."""
        inside = os.path.relpath(os.path.realpath(place), self.root)
        return not any(map(is_hidden, inside.split(os.sep))) and not inside.startswith("..")


def _scan(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def _detect_kind(place: str, path: str) -> ContentKind:
    """The kind of a file; one that is named like a market or an event is not opened. Raises OSError and DataProblem."""
    name = os.path.basename(path)
    stem = strip_suffix(name)
    if names.is_market_name(stem) or names.is_event_name(stem):
        return "file"
    with open(place, "rb") as content:
        return detect_kind(content, make_readable(path))
