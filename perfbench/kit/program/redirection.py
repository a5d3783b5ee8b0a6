"""Functions of the standard library that open, make, find and remove files, redirected into the scratch folder of a program."""

from __future__ import annotations

import builtins
import errno
import glob
import io
import os
import pathlib
import shutil
import sys
from contextlib import ExitStack, contextmanager
from stat import S_ISDIR
from typing import Any, Callable, Iterator, List, Optional, Tuple

from perfbench.kit.program.databases import redirect_databases
from perfbench.kit.program.links import LinkedEntries, is_own_link
from perfbench.kit.program.refusals import build_refusal, refuse
from perfbench.kit.program.scratch import Scratch, decode_path
from perfbench.worker import confinement

Function = Callable[..., Any]

REAL_OPEN = builtins.open

WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

READING_NAMES = ("access", "listxattr", "getxattr")
CHANGING_NAMES = ("chmod", "chown", "utime", "truncate", "setxattr", "removexattr")
REMOVING_NAMES = ("remove", "unlink", "rmdir")
MOVING_NAMES = ("rename", "replace")
"""Redirected functions of ``os`` by what they do."""

_active: List[Scratch] = []
"""The scratch folder of the program that runs; files are redirected only while there is one."""

_installed: List[ExitStack] = []
"""The patches that are in place, once for every user."""


@contextmanager
def install_redirection() -> Iterator[None]:
    """Have the functions in place inside the context. Libraries that are imported in it keep them; they redirect while active."""
    patches = _installed[0] if _installed else ExitStack()
    if not _installed:
        for owner, name, value in _list_patches():
            patches.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, value)
        patches.enter_context(redirect_databases(lambda: _active[-1] if _active else None))
    _installed.append(patches)
    try:
        yield
    finally:
        _installed.pop()
        if not _installed:
            patches.close()


@contextmanager
def redirected_to(scratch: Scratch) -> Iterator[None]:
    """Inside the context, files are redirected into this scratch folder, and its ``work`` is the working directory."""
    folder = os.getcwd()
    os.chdir(scratch.work)
    _active.append(scratch)
    try:
        yield
    finally:
        _active.pop()
        os.chdir(folder)


def _list_patches() -> Iterator[Tuple[Any, str, Any]]:
    """Objects, each with the name and the new value of an attribute."""
    functions = {
        "open": _redirect_numbered(os.open),
        "mkdir": _redirect_mkdir(os.mkdir),
        "makedirs": _redirect_makedirs(os.makedirs),
        "stat": _redirect_stat(os.stat),
        "listdir": _redirect_finding(os.listdir),
        "scandir": _show_targets(_redirect_finding(os.scandir)),
    }
    for names, make in ((READING_NAMES, _redirect_reading), (CHANGING_NAMES, _redirect_changing)):
        functions.update((name, make(getattr(os, name))) for name in names if hasattr(os, name))
    functions.update((name, _redirect_removing(getattr(os, name))) for name in REMOVING_NAMES)
    functions.update((name, _redirect_moving(getattr(os, name))) for name in MOVING_NAMES)
    yield builtins, "open", open_redirected
    yield io, "open", open_redirected
    if sys.version_info >= (3, 10):  # before, os.path.realpath is made of it
        yield os.path, "islink", _hide_links(os.path.islink)
    accessor: Any = getattr(pathlib, "_NormalAccessor", None)  # has copies of the functions, before Python 3.11
    if getattr(accessor, "open", None) is REAL_OPEN:
        yield accessor, "open", staticmethod(open_redirected)
    globber: Any = getattr(glob, "_StringGlobber", None)  # has one too, since Python 3.13
    if hasattr(globber, "scandir"):
        yield globber, "scandir", staticmethod(functions["scandir"])
    for name, function in functions.items():
        if hasattr(accessor, name) and (name != "open" or accessor.open is os.open):
            yield accessor, name, staticmethod(function)
        yield os, name, function


def open_redirected(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
    """What ``open`` returns for the file, or for what stands for it in the scratch folder."""
    if _active:
        path = _active[-1].redirect(file, mode)
        if path is not file and isinstance(file, pathlib.PurePath):
            keywords.pop("opener", None)  # of Path.open before Python 3.10, which opens its own path
        file = path
    return REAL_OPEN(file, mode, *args, **keywords)


def _redirect_numbered(open_numbered: Function) -> Function:
    def redirected(path: Any, flags: int, mode: int = 0o777, **keywords: Any) -> int:
        if _active and keywords.get("dir_fd") is None:
            path = _active[-1].redirect(path, describe_flags(flags))
        return int(open_numbered(path, flags, mode, **keywords))

    return redirected


def describe_flags(flags: int) -> str:
    """The mode of ``open`` that does to a file what these flags of ``os.open`` do."""
    if flags & os.O_CREAT and flags & os.O_EXCL:
        return "x"
    if flags & os.O_TRUNC:
        return "w"
    return "r+" if flags & WRITING_FLAGS else "r"


def _find_users_path(path: Any, keywords: Any) -> Optional[str]:
    """The path as text if a program may not write there; None otherwise, also for one relative to an open folder."""
    if not _active or keywords.get("dir_fd") is not None:
        return None
    text = decode_path(path)
    return None if text is None or _active[-1].may_write(text, follow=False) else text


def _redirect_mkdir(mkdir: Function) -> Function:
    def redirected(path: Any, mode: int = 0o777, **keywords: Any) -> None:
        users = _find_users_path(path, keywords)
        if users is None or os.path.lexists(users):
            mkdir(path, mode, **keywords)
        else:
            mkdir(_active[-1].make_mirror(users), mode)

    return redirected


def _redirect_makedirs(makedirs: Function) -> Function:
    def redirected(name: Any, mode: int = 0o777, exist_ok: bool = False) -> None:
        users = _find_users_path(name, {})
        if users is None or os.path.lexists(users):
            makedirs(name, mode, exist_ok)
        else:
            makedirs(_active[-1].mirror_path(users), mode, exist_ok)

    return redirected


def _redirect_stat(stat: Function) -> Function:
    find = _redirect_finding(stat)

    def redirected(path: Any, **keywords: Any) -> Any:
        is_used = bool(_active) and _active[-1].is_used and keywords.get("dir_fd") is None
        mirrored = _active[-1].find_mirrored(path) if is_used else None
        if mirrored is None:
            return find(path, **keywords)
        status = stat(mirrored, **keywords)
        return stat(path, **keywords) if S_ISDIR(status.st_mode) and os.path.lexists(path) else status

    return redirected


def _redirect_finding(find: Function) -> Function:
    def redirected(path: Any = ".", *args: Any, **keywords: Any) -> Any:
        try:
            return find(path, *args, **keywords)
        except FileNotFoundError:
            mirrored = _active[-1].find_mirrored(path) if _active and not keywords.get("dir_fd") else None
            if mirrored is None:
                raise
            return find(mirrored, *args, **keywords)

    return redirected


def _show_targets(scandir: Function) -> Function:
    def redirected(path: Any = ".") -> Any:
        entries = scandir(path)
        text = decode_path(path) if _active else None
        is_linked = text is not None and _active[-1].is_in_work(os.path.realpath(text))
        return LinkedEntries(entries, _active[-1]) if is_linked else entries

    return redirected


def _hide_links(islink: Function) -> Function:
    def redirected(path: Any) -> bool:
        return bool(islink(path)) and not (_active and is_own_link(_active[-1], path))

    return redirected


def _redirect_reading(read: Function) -> Function:
    def redirected(path: Any, *args: Any, **keywords: Any) -> Any:
        mirrored = _active[-1].find_mirrored(path) if _active and keywords.get("dir_fd") is None else None
        return read(path if mirrored is None else mirrored, *args, **keywords)

    return redirected


def _redirect_changing(change: Function) -> Function:
    def redirected(path: Any, *args: Any, **keywords: Any) -> Any:
        text = decode_path(path) if _active and keywords.get("dir_fd") is None else None
        if text is not None and not _active[-1].may_write(text, follow=keywords.get("follow_symlinks", True)):
            changed = _active[-1].copy_for_change(path)
            if changed is None:
                raise refuse(build_refusal(os.path.realpath(path)))
            path = changed
        return change(path, *args, **keywords)

    return redirected


def _redirect_removing(remove: Function) -> Function:
    def redirected(path: Any, **keywords: Any) -> None:
        users = _find_users_path(path, keywords)
        remove((users and _active[-1].find_mirrored(users)) or path, **keywords)

    return redirected


def _redirect_moving(move: Function) -> Function:
    def redirected(src: Any, dst: Any, **keywords: Any) -> None:
        if not _active or keywords or decode_path(src) is None or decode_path(dst) is None:
            move(src, dst, **keywords)
            return
        source = _active[-1].find_mirrored(src)
        if source is None and _find_users_path(src, {}) is not None:
            move(src, dst)  # a file of the user: it stays where it is, or the program is refused
            return
        target = _find_users_path(dst, {})
        _move_between(move, source or src, dst if target is None else _active[-1].make_mirror(target))

    return redirected


def _move_between(move: Function, source: Any, target: Any) -> None:
    """Move, also from folder to folder where the kernel lets no confined process do it (Landlock before its version 2)."""
    try:
        move(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV or not confinement.is_confined():
            raise
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True)
            shutil.rmtree(source)
        else:
            shutil.copy2(source, target)
            os.remove(source)
