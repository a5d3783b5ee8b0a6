"""The scratch folder of a program: what it writes goes there, and what it reads is where it was.

Its working directory is a folder with links to everything in the user's working directory, in a tree like that around it, so that
relative paths are read as before and new files are written into the scratch folder. Files that are opened for writing elsewhere,
and folders that are made there, are redirected to a mirror of their path, from which the program reads them again. The folder for
temporary files is left alone.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import Any, Iterator, List, Optional

from perfbench.kit.child_processes import folder_until_the_end

WRITING_MODES = frozenset("wax+")

CONTENT_MODES = frozenset("ar")
"""Modes that keep the content of an existing file."""

MAX_PARENT_ENTRIES = 1000
"""Entries of a folder around the working directory, such as one for temporary files, above which they are not linked."""


class Scratch:
    """The folders of a program in this process: ``work`` is its working directory, ``records`` is for what perfbench notes.

    ``is_used``: this process has written to the mirror.
    """

    def __init__(self, folder: str, working: str, protected: List[str]) -> None:
        """:param working: the user's working directory.
        :param protected: folders of the user, in which nothing is written even if they are among temporary files.
        """
        folder = os.path.realpath(folder)
        self.folder = folder
        self.is_used = False
        self.records = os.path.join(folder, "records")
        self._mirror = os.path.join(folder, "mirror")
        self.work = self._link_tree(os.path.join(folder, "work"), os.path.realpath(working))
        temporary = os.path.realpath(tempfile.gettempdir())
        self._writable = [folder, temporary, "/dev", "/proc/self"]
        self._protected = [
            path for path in map(os.path.realpath, protected) if is_inside(path, temporary, strictly=True)
        ]
        for path in (self.records, self._mirror):
            os.mkdir(path)

    @staticmethod
    def _link_tree(root: str, working: str) -> str:
        """Make a tree of folders like that around the working directory, linked to what is in each; returns the innermost.

        A path with ``..`` then leads to where it would lead.
        """
        os.mkdir(root)
        parts = working.strip(os.sep).split(os.sep) if working.strip(os.sep) else []
        real, made = os.sep, root
        for part in parts:
            link_entries(real, made, but=part, limit=MAX_PARENT_ENTRIES)
            real, made = os.path.join(real, part), os.path.join(made, part)
            os.mkdir(made)
        link_entries(real, made)
        return made

    def may_write(self, path: str, follow: bool = True) -> bool:
        """Whether a program may write there itself: in the scratch folder, or among temporary files.

        :param follow: False for an operation on the entry itself, such as its removal, which does not follow a link.
        """
        real = os.path.realpath(path) if follow else resolve_entry(path)
        if is_inside(real, self.folder):
            return True
        if any(is_inside(real, folder) for folder in self._protected):
            return False
        return any(is_inside(real, folder) for folder in self._writable)

    def is_in_work(self, path: str) -> bool:
        """Whether an absolute path is in the tree of the working directory."""
        return is_inside(path, os.path.join(self.folder, "work"))

    def find_mirrored(self, path: Any) -> Optional[str]:
        """What the program wrote for a path outside of the scratch folder; None if it wrote nothing there."""
        text = decode_path(path)
        if text is None or self.may_write(text):
            return None
        mirrored = self.mirror_path(text)
        return mirrored if os.path.lexists(mirrored) else None

    def redirect(self, path: Any, mode: str) -> Any:
        """The path to open in place of this one. Raises FileNotFoundError for a new file in a folder that does not exist."""
        text = decode_path(path)
        if text is None:
            return path
        if not WRITING_MODES.intersection(mode):
            return self.find_mirrored(text) or path
        if self.may_write(text) or ("x" in mode and os.path.lexists(text)):
            return path
        mirrored = self.make_mirror(text)
        if CONTENT_MODES.intersection(mode) and os.path.isfile(text) and not os.path.lexists(mirrored):
            shutil.copyfile(text, mirrored)
        return mirrored

    def make_mirror(self, path: str) -> str:
        """The place of a path in the mirror, in which its folder is made. Raises FileNotFoundError if there is no such folder."""
        mirrored = self.mirror_path(path)
        parent = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(parent) and not os.path.isdir(os.path.dirname(mirrored)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        os.makedirs(os.path.dirname(mirrored), exist_ok=True)
        self.is_used = True
        return mirrored

    def mirror_path(self, path: str) -> str:
        """The place in the scratch folder that stands for a path outside of it."""
        return os.path.join(self._mirror, os.path.realpath(path).lstrip(os.sep))


def link_entries(source: str, target: str, but: str = "", limit: Optional[int] = None) -> None:
    """Link everything in a folder into another one; nothing of a folder that cannot be read, or has more entries than a limit."""
    with suppress(OSError):
        names = os.listdir(source)
        if limit is not None and len(names) > limit:
            return
        for name in names:
            if name != but:
                os.symlink(os.path.join(source, name), os.path.join(target, name))


def resolve_entry(path: str) -> str:
    """The absolute path of an entry of a folder: links on the way are followed, the entry itself is not."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def is_inside(path: str, folder: str, strictly: bool = False) -> bool:
    """Whether a path is in a folder, or is that folder unless ``strictly``; both are real paths."""
    return path.startswith(folder.rstrip(os.sep) + os.sep) or (path == folder and not strictly)


def decode_path(path: Any) -> Optional[str]:
    """A path as text; None for what is no path, such as the number of an open file."""
    if isinstance(path, int):
        return None
    try:
        return os.fsdecode(path)
    except TypeError:
        return None


_shared: List[Scratch] = []
"""The scratch folder of this process, once for every set-up that uses it: a pass over several markets has several."""


@contextmanager
def share_scratch(program_folder: str) -> Iterator[Scratch]:
    """The scratch folder of this process, which is made if there is none and removed when its last user leaves it."""
    with folder_until_the_end() if not _shared else _no_folder() as folder:
        scratch = Scratch(folder, os.getcwd(), [program_folder, os.getcwd()]) if folder else _shared[0]
        _shared.append(scratch)
        try:
            yield scratch
        finally:
            _shared.pop()


@contextmanager
def _no_folder() -> Iterator[str]:
    yield ""
