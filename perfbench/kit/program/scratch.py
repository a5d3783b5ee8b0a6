"""The scratch folder of a program: what it writes goes there, and what it reads is where it was.

Its working directory is a tree of folders like the user's, with links to files and copies of small ones (work_tree.py), so that
relative paths are read as before and new files are written into the scratch folder. Files that are opened for writing elsewhere,
and folders that are made there, are redirected: to the place in that tree, or to a mirror of their path, from which the program
reads them again. A confined process has its folder for temporary files in the scratch folder; that of others is left alone.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import Any, Iterator, List, Optional

from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.program.work_tree import MAX_COPIED_BYTES, make_tree

WRITING_MODES = frozenset("wax+")

CONTENT_MODES = frozenset("ar")
"""Modes that keep the content of an existing file."""


class Scratch:
    """The folders of a program in this process: ``work`` is its working directory, ``records`` is for what perfbench notes.

    ``temporary`` is the folder for temporary files. ``is_used``: it may have written what stands for a file of the user's.
    """

    def __init__(self, folder: str, working: str, protected: List[str], *, own_temporary: bool = False) -> None:
        """:param working: the user's working directory.
        :param protected: folders of the user, in which nothing is written even if they are among temporary files.
        :param own_temporary: the program gets a folder for temporary files in the scratch folder.
        """
        folder = os.path.realpath(folder)
        self.folder = folder
        self.is_used = False
        self.records = os.path.join(folder, "records")
        self._mirror = os.path.join(folder, "mirror")
        self._tree = os.path.join(folder, "work")
        self.work = make_tree(self._tree, os.path.realpath(working))
        self.temporary = os.path.join(folder, "tmp") if own_temporary else os.path.realpath(tempfile.gettempdir())
        self._writable = [folder, self.temporary, "/dev", "/proc"]
        self._protected = [
            path for path in map(os.path.realpath, protected) if is_inside(path, self.temporary, strictly=True)
        ]
        for path in (self.records, self._mirror, *((self.temporary,) if own_temporary else ())):
            os.mkdir(path)

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
        return is_inside(path, self._tree)

    def find_mirrored(self, path: Any) -> Optional[str]:
        """What the program wrote for a path outside of the scratch folder, or what was copied; None if it is not there."""
        text = decode_path(path)
        if text is None or self.may_write(text):
            return None
        mirrored = self.mirror_path(text)
        return mirrored if os.path.lexists(mirrored) and not self._is_link(mirrored) else None

    def redirect(self, path: Any, mode: str) -> Any:
        """The path to open in place of this one. Raises FileNotFoundError for a new file in a folder that does not exist."""
        text = decode_path(path)
        if text is None:
            return path
        if not WRITING_MODES.intersection(mode):
            mirrored = self.find_mirrored(text)
            is_folder = mirrored is not None and os.path.isdir(mirrored) and os.path.lexists(os.path.realpath(text))
            return path if mirrored is None or is_folder else mirrored
        self.is_used = True
        if self.may_write(text) or ("x" in mode and os.path.lexists(text)):
            return path
        real = os.path.realpath(text)
        mirrored = self.make_mirror(real)
        if CONTENT_MODES.intersection(mode) and os.path.isfile(real) and not os.path.lexists(mirrored):
            shutil.copyfile(real, mirrored)
        return mirrored

    def copy_for_change(self, path: Any) -> Any:
        """The copy of what a path names, which is made where there is none, to be changed in its place; None for what is too large.

        The path itself for what the program may change, or is not there.
        """
        text = decode_path(path)
        if text is None or self.may_write(text):
            return path
        self.is_used = True
        real = os.path.realpath(text)
        mirrored = self.find_mirrored(real)
        if mirrored is not None or not os.path.lexists(real):
            return mirrored or path
        if not os.path.isfile(real) or os.path.getsize(real) > MAX_COPIED_BYTES:
            return None
        mirrored = self.make_mirror(real)
        shutil.copyfile(real, mirrored)
        with suppress(OSError):
            shutil.copystat(real, mirrored)
        return mirrored

    def make_mirror(self, path: str) -> str:
        """The place of a path in the scratch folder, whose folder is made, without a link to what the user has there.

        Raises FileNotFoundError if there is no such folder.
        """
        mirrored = self.mirror_path(path)
        parent = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(parent) and not os.path.isdir(os.path.dirname(mirrored)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        os.makedirs(os.path.dirname(mirrored), exist_ok=True)
        if self._is_link(mirrored):
            os.remove(mirrored)
        self.is_used = True
        return mirrored

    def mirror_path(self, path: str) -> str:
        """The place in the scratch folder that stands for a path outside of it: in the tree, unless a link is on the way."""
        real = os.path.realpath(path).lstrip(os.sep)
        inside = os.path.join(self._tree, real)
        parent = os.path.dirname(inside)
        return inside if os.path.realpath(parent) == parent else os.path.join(self._mirror, real)

    def _is_link(self, path: str) -> bool:
        """Whether a path is a link of the tree, to what the user has there."""
        return self.is_in_work(path) and not is_inside(os.path.realpath(path), self.folder)


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
def share_scratch(program_folder: str, working: str = "", *, own_temporary: bool = False) -> Iterator[Scratch]:
    """The scratch folder of this process, which is made if there is none and removed when its last user leaves it.

    :param working: the user's working directory; that of this process if it is empty.
    """
    working = working or os.getcwd()
    with folder_until_the_end() if not _shared else _no_folder() as folder:
        protected = [program_folder, working]
        scratch = Scratch(folder, working, protected, own_temporary=own_temporary) if folder else _shared[0]
        _shared.append(scratch)
        try:
            yield scratch
        finally:
            _shared.pop()


@contextmanager
def _no_folder() -> Iterator[str]:
    yield ""
