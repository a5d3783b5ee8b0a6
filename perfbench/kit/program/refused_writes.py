"""Recognise an error that the confinement of a program causes: which file of the user's it would have changed.

The kernel only says that the permission is missing; the path is in an attribute of the exception, in its text, in the text that a
child process left, or nowhere.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
from typing import Any, Iterator, List

from perfbench.kit.program import databases
from perfbench.worker import confinement

REFUSED_NUMBERS = frozenset((errno.EACCES, errno.EXDEV))
"""What Landlock answers; EXDEV where a file would be moved or linked between folders."""

REFUSED_TEXT = re.compile(r"permission denied|os error 13|errno = 13|cross-device link", re.IGNORECASE)

DATABASE_TEXT = re.compile(r"readonly database|unable to open database file|disk I/O error")
"""SQLite's words, which name no file."""

PATH_PATTERNS = (
    re.compile(r"'([^'\n]+)'"),
    re.compile(r'"([^"\n]+)"'),
    re.compile(r"(?:^|[\s:])(/[^\s:'\",;]+)"),
    re.compile(r": ([^:\n]+)$", re.MULTILINE),
)
"""Paths in a text, the surest first."""

MAX_ERRORS = 20
TAIL_BYTES = 2000


def find_refused_file(error: BaseException) -> str:
    """The real path of the file that this error, or one that led to it, is about; empty if the confinement is not its cause."""
    if not confinement.is_confined():
        return ""
    for each in _iterate_chain(error):
        for path in _iterate_paths(each):
            if confinement.is_refused(path):
                return os.path.realpath(path)
    return ""


def _iterate_chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from or after."""
    seen: List[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < MAX_ERRORS:
        each = waiting.pop(0)
        if each not in seen:
            seen.append(each)
            yield each
            waiting += [cause for cause in (each.__cause__, each.__context__) if cause is not None]


def _iterate_paths(error: BaseException) -> Iterator[str]:
    """The paths that an error may be about, if it is one of those that a refusal causes."""
    if isinstance(error, OSError) and error.errno in REFUSED_NUMBERS:
        named = [name for name in (error.filename2, error.filename) if isinstance(name, (str, bytes))]
        yield from map(os.fsdecode, named)
    text = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        text = _read_child_output(error)
    if REFUSED_TEXT.search(text):
        yield from _find_paths(text)
    elif DATABASE_TEXT.search(text):
        yield from reversed(databases.opened)


def _find_paths(text: str) -> Iterator[str]:
    for pattern in PATH_PATTERNS:
        yield from (path.strip() for path in pattern.findall(text))


def _read_child_output(error: Any) -> str:
    """What a child process that failed has printed: what was captured, else the end of this process's own standard error."""
    captured = [part for part in (error.stderr, error.output) if part]
    if captured:
        return "\n".join(part if isinstance(part, str) else os.fsdecode(part) for part in captured)
    try:
        status = os.fstat(2)
        if not stat.S_ISREG(status.st_mode):
            return ""
        return os.fsdecode(os.pread(2, TAIL_BYTES, max(0, status.st_size - TAIL_BYTES)))
    except OSError:
        return ""
