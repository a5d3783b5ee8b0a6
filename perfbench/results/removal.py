"""The files that belong to the name of a saved run, and their removal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbench.errors import StorageProblem
from perfbench.util.formatting import format_plural


@dataclass(frozen=True, slots=True)
class RemovableItem:
    """A file, or a folder with ``files`` files in it, and their bytes; ``files`` is 0 for a file or a link."""

    path: Path
    size_bytes: int
    files: int = 0

    @property
    def label(self) -> str:
        """``results/first.json``, ``results/first/ (7 files)``."""
        return f"{self.path}/ ({format_plural(self.files, 'file')})" if self.files else str(self.path)


def find_items(name: str, folder: Path, suffixes: Sequence[str], owners: Sequence[str]) -> list[RemovableItem]:
    """The files of a name, which is a plain file name, and the folder of this name; empty if there are no files.

    :param suffixes: those of the files. :param owners: those of the files that a folder belongs to: without one of them a folder of
        this name is somebody else's, and stays.
    """
    paths = [folder / f"{name}{suffix}" for suffix in suffixes]
    present = [path for path in paths if path.is_symlink() or path.is_file()]
    owned = any(path.name == f"{name}{suffix}" for path in present for suffix in owners)
    beside = folder / name
    items = [RemovableItem(path, path.lstat().st_size) for path in present]
    if owned and beside.is_dir() and not beside.is_symlink():
        files = [Path(root, file) for root, _, names in os.walk(beside) for file in names]
        items.append(RemovableItem(beside, sum(file.lstat().st_size for file in files), max(1, len(files))))
    return items


def remove_items(items: Sequence[RemovableItem]) -> None:
    """Remove these files and folders; links are removed, not what they lead to.

    Raises StorageProblem, which names what could not be removed, after everything else is.
    """
    failures = []
    for item in items:
        try:
            if item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink(missing_ok=True)
        except OSError as error:
            failures.append(f"{item.path} ({error.strerror or error})")
    if failures:
        raise StorageProblem(f"cannot remove {', '.join(failures)}", hint="check the permissions of the folder")
