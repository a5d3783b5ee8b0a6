"""The sources of a checkout: which files they are, their digest, and a copy to build from."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from perfbench.environments import git, git_command
from perfbench.errors import EnvironmentProblem
from perfbench.util.files import BUFFER_SIZE, DISK_FULL_ERRORS, build_read_problem
from perfbench.util.formatting import format_bytes, format_plural, make_printable

IGNORED_FOLDERS = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        ".tox",
        ".nox",
        ".venv",
        "venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
        "node_modules",
        ".eggs",
    )
)
IGNORED_TOP_FOLDERS = frozenset(("build", "dist", "env"))

LARGE_BYTES = 100e6
"""Sources of this size are copied with a word about it."""


def list_sources(folder: Path) -> list[Path]:
    """The sources, relative to the folder: in git those that are tracked or not ignored; else all but caches.

    Only files and links: a pipe, a socket or a device is left out. Raises EnvironmentProblem if git fails.
    """
    if git_command.is_in_git(folder) and (paths_in_git := git.list_unignored_files(folder)):
        listed = [file for path in paths_in_git for file in _expand_submodule(folder, path)]
    else:
        listed = walk_sources(folder)
    return [path for path in listed if _is_file_or_link(folder / path)]


def _expand_submodule(folder: Path, path: Path) -> list[Path]:
    """A file, or the files of a submodule, which git lists as one entry."""
    full = folder / path
    return [path / file for file in walk_sources(full)] if full.is_dir() and not full.is_symlink() else [path]


def walk_sources(folder: Path) -> list[Path]:
    """Every file and link below a folder except caches and virtual environments, relative to it."""
    sources = []
    for top, folders, files in os.walk(folder):
        parent = Path(top)
        links = [name for name in folders if (parent / name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name not in IGNORED_FOLDERS
            and name not in links
            and not (parent == folder and name in IGNORED_TOP_FOLDERS)
            and not name.endswith(".egg-info")
            and not (parent / name / "pyvenv.cfg").exists()
        )
        linked = [name for name in links if name not in IGNORED_FOLDERS]
        sources += [(parent / name).relative_to(folder) for name in (*files, *linked) if not name.endswith(".pyc")]
    return [path for path in sources if _is_file_or_link(folder / path)]


def _is_file_or_link(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:  # removed since it was listed
        return False
    except OSError as error:
        raise build_read_problem(EnvironmentProblem, path, error) from error
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def digest_files(folder: Path, files: Sequence[Path]) -> str:
    """SHA-256 of the names, modes and contents of the files. Raises EnvironmentProblem for one that cannot be read."""
    digest = hashlib.sha256()
    try:
        for file in sorted(files):
            path = folder / file
            status = path.lstat()
            name = b"%s\0%d" % (os.fsencode(file.as_posix()), bool(status.st_mode & 0o100))
            if stat.S_ISLNK(status.st_mode):
                target = os.fsencode(os.readlink(path))
                digest.update(b"%s %d\0" % (name, len(target)) + target)
            else:
                digest.update(b"%s %d\0" % (name, status.st_size) + _digest_content(path))
    except OSError as error:
        raise build_read_problem(EnvironmentProblem, error.filename or folder, error) from error
    return digest.hexdigest()


def _digest_content(path: Path) -> bytes:
    """SHA-256 of a file, read in parts: a checkout may hold files that are larger than the memory."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while part := file.read(BUFFER_SIZE):
            digest.update(part)
    return digest.digest()


def describe_large_sources(folder: Path, files: Sequence[Path]) -> str:
    """A sentence about sources of more than 100 MB that names the largest file; empty for smaller ones."""
    sizes = []
    for file in files:
        try:
            sizes.append(((folder / file).lstat().st_size, file.as_posix()))
        except OSError:  # removed since it was listed; copying reports anything else
            continue
    total = sum(size for size, _ in sizes)
    if total < LARGE_BYTES:
        return ""
    size, largest = max(sizes)
    return (
        f"copying {format_bytes(total)} in {format_plural(len(sizes), 'file')}, the largest is "
        f"{make_printable(largest)} ({format_bytes(size)}); files in .gitignore are left out"
    )


def copy_files(folder: Path, files: Sequence[Path], target: Path) -> None:
    """Copy the files with their times and modes, links as links. Raises EnvironmentProblem."""
    try:
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / file, target / file, follow_symlinks=False)
    except OSError as error:
        hint = "free some space or choose another folder (TMPDIR)" if error.errno in DISK_FULL_ERRORS else ""
        raise EnvironmentProblem(f"cannot copy {folder}: {error.strerror or error}", hint=hint) from error


@contextmanager
def make_temporary_folder() -> Iterator[Path]:
    """A temporary folder, removed at the end. Raises EnvironmentProblem if there can be none."""
    try:
        with tempfile.TemporaryDirectory(prefix="perfbench-", ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()
    except OSError as error:
        raise EnvironmentProblem(f"cannot unpack sources: {error}") from error
