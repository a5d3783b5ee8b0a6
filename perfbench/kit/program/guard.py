"""Refuse what a program must not do while it is measured: change files of the user, or connect to other machines.

By an audit hook (PEP 578), in passes that are not timed only: every import and every attribute of an exception would call it.
Writes by ``open`` do not come here: they are redirected into the scratch folder. In a confined process the kernel looks after the
files (worker/confinement.py), so that a program may catch the error as it would elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from perfbench.kit.program.databases import READ_ONLY_WORDS, split_database
from perfbench.kit.program.redirection import WRITING_FLAGS
from perfbench.kit.program.refusals import refuse
from perfbench.kit.program.scratch import Scratch, decode_path, resolve_entry
from perfbench.worker import confinement
from perfbench.worker.bytecode import FOLDER_VARIABLE
from perfbench.worker.scenario_api import ProgramError

NO_FOLDER = -1
"""The number of the folder of a path that is not relative to an open one."""

BYTECODE = re.compile(r"(?:^|/)__pycache__(?:/|$)|\.pyc(?:\.\d+)?$")
"""Paths of bytecode, which importing a module writes."""

LOOPBACK_NAMES = ("localhost", "ip6-localhost", "", "::1")
WRITE_HINT = "write with open(), which perfbench redirects, or below the working directory"
NETWORK_HINT = "a backtest that is measured must read files: download what it needs beforehand"
DATABASE_HINT = 'open it read-only: sqlite3.connect("file:PATH?mode=ro", uri=True), or below the working directory'

_guarding: List[Tuple[Scratch, str]] = []
"""The scratch folder and the name of the program that runs guarded."""

_hooked: List[bool] = []


@contextmanager
def guarded(scratch: Scratch, name: str) -> Iterator[None]:
    """Inside the context, the program is refused at the first thing that it must not do, with ProgramError.

    :param name: the name of the program in messages.
    """
    if not _hooked and hasattr(sys, "addaudithook"):  # not in every PyPy
        _hooked.append(True)
        sys.addaudithook(_audit)
    _guarding.append((scratch, name))
    try:
        yield
    finally:
        _guarding.pop()


def _audit(event: str, arguments: Tuple[Any, ...]) -> None:
    if not _guarding or event not in _CHECKS:
        return
    cause = _CHECKS[event](*arguments)
    if cause is not None:
        raise refuse(ProgramError(*cause))


Cause = Optional[Tuple[str, str]]
"""Why a program is refused, with a hint; None if it is not."""


def _check_path(verb: str, path: Any, folder: int = NO_FOLDER, follow: bool = False, hint: str = WRITE_HINT) -> Cause:
    text = decode_path(path)
    if text is None or confinement.is_confined():
        return None
    if isinstance(folder, int) and folder >= 0:
        with suppress(OSError):
            text = os.path.join(os.readlink("/proc/self/fd/{}".format(folder)), text)
    scratch, name = _guarding[-1]
    if scratch.may_write(text, follow) or _is_bytecode(text):
        return None
    shown = os.path.realpath(text) if follow else resolve_entry(text)
    return "{} {} {}, outside of its scratch folder".format(name, verb, shown), hint


def _is_bytecode(path: str) -> bool:
    folder = os.environ.get(FOLDER_VARIABLE, "")
    return bool(BYTECODE.search(path)) or bool(folder and os.path.abspath(path).startswith(os.path.abspath(folder)))


def _check_open(path: Any, mode: Any, flags: Any = 0) -> Cause:
    return _check_path("writes", path, follow=True) if isinstance(flags, int) and flags & WRITING_FLAGS else None


def _check_removal(path: Any, folder: int = NO_FOLDER) -> Cause:
    return _check_path("removes", path, folder)


def _check_folder(path: Any, mode: Any = None, folder: int = NO_FOLDER) -> Cause:
    return _check_path("makes the folder", path, folder)


def _check_rename(source: Any, target: Any, folder: int = NO_FOLDER, target_folder: int = NO_FOLDER) -> Cause:
    return _check_path("renames", source, folder) or _check_path("overwrites", target, target_folder)


def _check_link(source: Any, target: Any, *folders: Any) -> Cause:
    return _check_path("makes the link", target)


def _check_change(path: Any, *values: Any) -> Cause:
    return _check_path("changes", path, follow=True)


def _check_database(database: Any) -> Cause:
    path, rest = split_database(database)
    if path in ("", ":memory:") or any(word in rest for word in READ_ONLY_WORDS):
        return None
    return _check_path("opens the database", path, follow=True, hint=DATABASE_HINT)


def _check_address(_socket: Any, address: Any) -> Cause:
    return _check_host(address[0]) if isinstance(address, tuple) and address else None


def _check_host(host: Any, *rest: Any) -> Cause:
    text = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""
    if text in LOOPBACK_NAMES or text.startswith("127."):
        return None
    return "{} connects to {}".format(_guarding[-1][1], text), NETWORK_HINT


_CHECKS: Dict[str, Callable[..., Cause]] = {
    "open": _check_open,
    "os.remove": _check_removal,
    "os.rmdir": _check_removal,
    "os.mkdir": _check_folder,
    "os.rename": _check_rename,
    "os.link": _check_link,
    "os.symlink": _check_link,
    "os.truncate": _check_change,
    "os.chmod": _check_change,
    "os.chown": _check_change,
    "sqlite3.connect": _check_database,
    "socket.connect": _check_address,
    "socket.sendto": _check_address,
    "socket.getaddrinfo": _check_host,
    "socket.gethostbyname": _check_host,
}
