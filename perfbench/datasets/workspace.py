"""The folder for unpacked files: bounded, with generated names, so that nothing is written outside of it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from perfbench.errors import DataProblem
from perfbench.util.activity import doing

MAX_EXPANSION_FACTOR = 200
MIN_UNPACKED_LIMIT = 64 * 1000 * 1000
DISK_RESERVE = 100 * 1000 * 1000

FILE_NUMBERS = itertools.count()
"""Numbers of all unpacked files of a process: the files of a folder share a workspace, and each is read again later."""

NEUTRAL_NAME = re.compile(r"[^.]+|.*\d\.\d{9}")
"""Names from which no reader concludes how a file is packed (smart_open and betfair_data look at the suffix)."""


@dataclass(slots=True)
class Workspace:
    """Folder for the content of one file, and the bytes that it may still take."""

    folder: Path
    allowed: int
    origin: str

    @classmethod
    def for_file(cls, folder: Path, path: Path, name: str) -> Workspace:
        """A workspace for 200 times the file, at least 64 MB, and never the last 100 MB of the disk."""
        return cls.for_size(folder, path.stat().st_size, name)

    @classmethod
    def for_size(cls, folder: Path, packed_bytes: int, name: str) -> Workspace:
        """A workspace for content of this packed size, with the limits of ``for_file``."""
        bound = max(MIN_UNPACKED_LIMIT, MAX_EXPANSION_FACTOR * packed_bytes)
        return cls(folder, min(bound, shutil.disk_usage(folder).free - DISK_RESERVE), name)

    def store(self, content: Iterable[bytes]) -> Path:
        """Write content to a new file. Raises DataProblem above the limit; what fails leaves no file."""
        with doing(f"unpacking {self.origin}"), self._create_file() as file:
            try:
                for chunk in content:
                    self.allowed -= len(chunk)
                    if self.allowed < 0:
                        raise DataProblem(
                            f"{self.origin} unpacks to more than {MAX_EXPANSION_FACTOR} times its size or the free disk "
                            "space",
                            hint="if you trust it, unpack it yourself and use its files",
                        )
                    file.write(chunk)
            except BaseException:
                self.discard(Path(file.name))
                raise
        return Path(file.name)

    def give_neutral_name(self, path: Path) -> Path:
        """A path to the same file that says nothing about its packing and that every process can spell."""
        if NEUTRAL_NAME.fullmatch(path.name) and str(path).isprintable():
            return path
        with self._create_file() as file:
            link = Path(file.name)
        link.unlink()
        try:
            link.symlink_to(path)
        except OSError:  # Windows allows links to administrators only
            shutil.copyfile(path, link)
        return link

    def discard(self, path: Path) -> None:
        """Remove a file of this workspace; any other stays."""
        if path.parent == self.folder:
            with suppress(OSError):
                path.unlink()

    def _create_file(self) -> IO[bytes]:
        """Create a new file: one that another market is replayed from is never written to."""
        while True:
            try:
                return (self.folder / f"unpacked-{next(FILE_NUMBERS)}").open("xb")
            except FileExistsError:
                continue
