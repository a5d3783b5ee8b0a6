"""The working directory of a program: a tree of folders like the user's, with links to files and copies of small ones.

What a program writes in place, such as a database, is often small: it writes to the copy then, also in C code, which follows links.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import deque
from contextlib import suppress
from typing import Any, Deque, List, Optional, Tuple

from perfbench.worker.files import is_read_only_data

MAX_PARENT_ENTRIES = 1000
"""Entries of a folder around the working directory, such as one for temporary files, above which they are not linked."""

MAX_ENTRIES = 2000
"""Entries of all folders in the working directory that are made again, and files that are looked into; those beyond are links."""

MAX_COPIES = 500
MAX_COPY_BYTES = 16_000_000
MAX_COPIED_BYTES = 64_000_000
"""Files that are copied, bytes of each, and bytes of all of them; files beyond are links."""

KEPT_SUFFIXES = frozenset((".py", ".pyc", ".so", ".bz2", ".gz", ".tgz", ".xz", ".zst", ".lz4", ".7z", ".zip", ".tar"))
"""Suffixes of files that nothing writes in place: modules, and packed files."""

LOCK_SUFFIX = "-shm"
"""Suffix of the shared memory of a SQLite database, which belongs to its processes: SQLite makes another one for a copy."""

KEPT_FOLDERS = frozenset(("node_modules", "__pycache__", "site-packages"))
ENVIRONMENT_FILE = "pyvenv.cfg"


def make_tree(root: str, working: str) -> str:
    """Make a folder ``root`` with a tree like that around the working directory; returns the innermost folder.

    A path with ``..`` then leads to where it would lead.

    :param working: the user's working directory, a real path.
    """
    os.mkdir(root)
    parts = working.strip(os.sep).split(os.sep) if working.strip(os.sep) else []
    real, made = os.sep, root
    for part in parts:
        link_entries(real, made, but=part, limit=MAX_PARENT_ENTRIES)
        real, made = os.path.join(real, part), os.path.join(made, part)
        os.mkdir(made)
    if parts:
        _Filler(os.path.realpath(root)).fill(real, made)
    else:
        link_entries(real, made)
    return made


def link_entries(source: str, target: str, but: str = "", limit: Optional[int] = None) -> None:
    """Link everything in a folder into another one; nothing of a folder that cannot be read, or has more entries than a limit."""
    with suppress(OSError):
        names = os.listdir(source)
        if limit is not None and len(names) > limit:
            return
        for name in names:
            if name != but:
                os.symlink(os.path.join(source, name), os.path.join(target, name))


class _Filler:
    """Fills a folder with what is in the user's: folders again, copies, and links. It stops copying and entering at its limits."""

    def __init__(self, root: str) -> None:
        """:param root: the tree, a real path: a folder that contains it is not entered, as it would have no end."""
        self._root = root
        self._entries = MAX_ENTRIES
        self._looks = MAX_ENTRIES
        self._copies = MAX_COPIES
        self._bytes = MAX_COPIED_BYTES
        self._waiting: Deque[Tuple[str, str]] = deque()

    def fill(self, source: str, target: str) -> None:
        """Fill a folder, and then those in it, level by level."""
        self._waiting.append((source, target))
        while self._waiting:
            folder, made = self._waiting.popleft()
            for entry in _list_entries(folder):
                self._add(entry, os.path.join(made, entry.name))

    def _add(self, entry: Any, target: str) -> None:
        if entry.name.endswith(LOCK_SUFFIX):
            return
        if self._is_entered(entry):
            os.mkdir(target)
            self._waiting.append((entry.path, target))
        elif not (self._is_copied(entry) and self._copy(entry.path, target)):
            os.symlink(entry.path, target)

    def _is_entered(self, entry: Any) -> bool:
        if entry.name.startswith(".") or entry.name in KEPT_FOLDERS or not entry.is_dir(follow_symlinks=False):
            return False
        if self._root.startswith(entry.path + os.sep) or os.path.ismount(entry.path):
            return False
        if os.path.exists(os.path.join(entry.path, ENVIRONMENT_FILE)):
            return False
        count = _count_entries(entry.path, self._entries)
        if count is None or count > self._entries:
            return False
        self._entries -= count
        return True

    def _is_copied(self, entry: Any) -> bool:
        if self._copies <= 0 or self._looks <= 0 or not entry.is_file(follow_symlinks=False):
            return False
        if os.path.splitext(entry.name)[1].lower() in KEPT_SUFFIXES:
            return False
        if entry.stat(follow_symlinks=False).st_size > min(MAX_COPY_BYTES, self._bytes):
            return False
        self._looks -= 1
        return not is_read_only_data(entry.path)

    def _copy(self, source: str, target: str) -> bool:
        """Copy a file with its times and its mode; returns False if it cannot be read."""
        try:
            shutil.copyfile(source, target)
        except OSError:
            with suppress(OSError):
                os.remove(target)
            return False
        with suppress(OSError):
            shutil.copystat(source, target)
        self._copies -= 1
        self._bytes -= os.path.getsize(target)
        return True


def _list_entries(folder: str) -> List[Any]:
    """The entries of a folder by name; none of one that cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _count_entries(folder: str, limit: int) -> Optional[int]:
    """The entries of a folder, counted up to one above the limit; None for one that cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in itertools.islice(entries, limit + 1))
    except OSError:
        return None
