"""Files that a program needs on another machine: its modules, and the data files that it names."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perfbench.errors import DataProblem
from perfbench.util import formatting
from perfbench.worker.files import is_read_only_data
from perfbench.worker.program_source import ProgramSource
from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import ScenarioError

MAX_WALKED = 20_000
"""Entries of a folder and those below it that are looked at."""

MARKET_NAME = re.compile(r"\d+\.\d{6,}(\.|$)|BASIC-|PRO-")
"""Names of market files: a draw brings its own."""

KEPT_FOLDERS = frozenset(("node_modules", "__pycache__", "site-packages"))

WORKING_FOLDER = "working"
"""Where the working directory is put that is not around the program."""


@dataclass(frozen=True, slots=True)
class ProgramFiles:
    """The files of a program with their paths on another machine, the program first.

    ``working`` is the path of the working directory there; ``left_out`` are named files that are too large.
    """

    files: tuple[tuple[Path, str], ...]
    working: str
    left_out: tuple[Path, ...] = ()


def find_program_files(program: ProgramSpec, arguments: Iterable[str], working: Path, limit: int) -> ProgramFiles:
    """The files to be sent of a program, of ``limit`` bytes at most.

    A data file is named where its name, a pattern for it, or the name of its folder is a text in the program or an argument; it is
    in the folder of the program or in the working directory. Raises DataProblem if the modules are too large or cannot be read.
    """
    path = Path(os.path.abspath(program.path))
    try:
        source = ProgramSource(program)
        modules = [Path(file) for file in source.list_files()]
        names = _Names([*source.list_texts(), *arguments])
    except (ScenarioError, SyntaxError) as error:
        raise DataProblem(f"{program.name} cannot be sent: {error}") from error
    size = sum(file.stat().st_size for file in modules)
    if size > limit:
        raise DataProblem(
            f"{path.name} and the modules beside it are too large to be sent ({formatting.format_bytes(size)})",
            hint="move the scenario to a folder of its own",
        )
    roots = [working] if path.is_relative_to(working) else [path.parent, working]
    named = {file for root in roots for file in _find_named(root, names)} - set(modules)
    sent: list[Path] = []
    left_out: list[Path] = []
    for file in sorted(named, key=lambda each: (each.stat().st_size, each)):
        size += file.stat().st_size
        (sent if size <= limit else left_out).append(file)
    place = _Layout(path.parent, working).place
    ordered = [path, *(file for file in modules if file != path), *sorted(sent)]
    return ProgramFiles(tuple((file, place(file)) for file in ordered), place(working), tuple(sorted(left_out)))


class _Names:
    """The last parts of paths that the texts of a program may be, and patterns of file names."""

    def __init__(self, texts: Iterable[str]) -> None:
        parts = {text.rstrip("/").rpartition("/")[2] for text in texts if "\n" not in text}
        self._patterns = [part for part in parts if re.search(r"[*?\[]", part) and re.search(r"[^*?.]", part)]
        self._exact = {part for part in parts if part and part not in (".", "..")}

    def have_file(self, name: str) -> bool:
        """Whether a file of this name is meant."""
        return name in self._exact or any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)

    def have_folder(self, name: str) -> bool:
        """Whether all files in a folder of this name are meant."""
        return name in self._exact


def _find_named(root: Path, names: _Names) -> Iterator[Path]:
    """The files below a folder that are named, but for market files, and packed files that only their folder names."""
    left = MAX_WALKED
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in KEPT_FOLDERS)
        left -= len(folders) + len(files)
        if left < 0:
            return
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        in_named = any(names.have_folder(part) for part in Path(folder).relative_to(root).parts)
        for name in files:
            path = Path(folder, name)
            if MARKET_NAME.match(name) or not path.is_file() or not os.access(path, os.R_OK):
                continue
            if names.have_file(name) or (in_named and not is_read_only_data(str(path))):
                yield path


class _Layout:
    """Paths on another machine: as here where one of both folders is in the other, else each in a folder of its own."""

    def __init__(self, own: Path, working: Path) -> None:
        shared = next((outer for outer, inner in ((working, own), (own, working)) if inner.is_relative_to(outer)), None)
        self._roots = [(shared, shared.name or "root")] if shared else [(own, own.name), (working, WORKING_FOLDER)]

    def place(self, path: Path) -> str:
        """The path of a file or folder there, relative and with slashes."""
        root, name = next((root, name) for root, name in self._roots if path.is_relative_to(root))
        return Path(name, path.relative_to(root)).as_posix()
