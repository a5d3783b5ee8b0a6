"""Links of the working directory of a program look like what they stand for: recursive searches do not follow links."""

from __future__ import annotations

import os
from typing import Any, Iterator

from perfbench.kit.program.scratch import Scratch, decode_path, resolve_entry


class LinkedEntry:
    """An entry of a folder (``os.DirEntry``) that is a link of perfbench's, and shows itself as its target."""

    def __init__(self, entry: Any) -> None:
        self._entry = entry
        self.name = entry.name
        self.path = entry.path

    def __fspath__(self) -> Any:
        """The path of the entry."""
        return self.path

    def inode(self) -> int:
        """The number of the target."""
        return int(self._entry.stat().st_ino)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether the target is a folder."""
        return bool(self._entry.is_dir())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether the target is a file."""
        return bool(self._entry.is_file())

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def is_junction(self) -> bool:
        """Never."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """The status of the target."""
        return self._entry.stat()


class LinkedEntries:
    """The entries of a folder of links, as ``os.scandir`` returns them."""

    def __init__(self, entries: Any, scratch: Scratch) -> None:
        self._entries = entries
        self._scratch = scratch

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """The next entry."""
        entry = next(self._entries)
        return LinkedEntry(entry) if is_own_link(self._scratch, entry.path) else entry

    def __enter__(self) -> LinkedEntries:
        return self

    def __exit__(self, *error: Any) -> None:
        self._entries.close()

    def close(self) -> None:
        """Close the folder."""
        self._entries.close()


def is_own_link(scratch: Scratch, path: Any) -> bool:
    """Whether a path is a link that perfbench made, to something that is no link itself."""
    text = decode_path(path)
    if text is None or not scratch.is_in_work(resolve_entry(text)):
        return False
    try:
        return not _is_link(os.readlink(text))
    except OSError:
        return False


def _is_link(path: str) -> bool:
    try:
        os.readlink(path)
    except OSError:
        return False
    return True
