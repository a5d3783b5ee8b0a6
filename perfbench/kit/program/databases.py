"""SQLite databases of the user: a program works on a copy, since SQLite opens its files in C code."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Callable, Iterator, List, Optional, Tuple
from urllib.parse import quote, unquote

from perfbench.kit.import_hooks import when_imported
from perfbench.kit.program.scratch import Scratch, decode_path
from perfbench.kit.program.work_tree import MAX_COPIED_BYTES

PARTS = ("", "-wal", "-journal")
"""Suffixes of the files of a database that belong to its content."""

MODULES = ("sqlite3", "sqlite3.dbapi2")

READ_ONLY_WORDS = ("mode=ro", "mode=memory", "immutable=1")

opened: List[str] = []
"""Real paths of databases that were opened where the user has them, because they are too large to be copied."""


@contextmanager
def redirect_databases(find_scratch: Callable[[], Optional[Scratch]]) -> Iterator[None]:
    """Inside the context, ``sqlite3.connect`` opens copies of the user's databases, and makes new ones in the scratch folder.

    :param find_scratch: the scratch folder of the program that runs; None while none does.
    """
    with ExitStack() as patches:

        def patch() -> None:
            for name in MODULES:
                module = sys.modules[name]
                patches.callback(setattr, module, "connect", module.connect)
                module.connect = _redirect_connect(module.connect, find_scratch)  # type: ignore[attr-defined]

        patches.enter_context(when_imported("sqlite3", patch))
        yield


def _redirect_connect(connect: Callable[..., Any], find_scratch: Callable[[], Optional[Scratch]]) -> Callable[..., Any]:
    def redirected(database: Any, *args: Any, **keywords: Any) -> Any:
        scratch = find_scratch()
        return connect(database if scratch is None else find_database(scratch, database), *args, **keywords)

    return redirected


def find_database(scratch: Scratch, database: Any) -> Any:
    """The database to open in place of this one, which is a path or a URI: a copy, or the same if it is too large, or only read."""
    path, rest = split_database(database)
    if not path or path == ":memory:" or scratch.may_write(path):
        return database
    mirrored = scratch.find_mirrored(path)
    if mirrored is None:
        real = os.path.realpath(path)
        parts = [part for part in PARTS if os.path.isfile(real + part)]
        if any(word in rest for word in READ_ONLY_WORDS):
            return database
        if sum(os.path.getsize(real + part) for part in parts) > MAX_COPIED_BYTES:
            opened.append(real)
            return database
        mirrored = scratch.make_mirror(real)
        for part in parts:
            with suppress(OSError):
                shutil.copyfile(real + part, mirrored + part)
    return "file:" + quote(mirrored) + rest if rest else mirrored


def split_database(database: Any) -> Tuple[str, str]:
    """The path of a database, and what follows it in a URI, such as ``?mode=ro``; no path for one in memory, or none at all."""
    text = decode_path(database) or ""
    if not text.startswith("file:"):
        return text, ""
    path, mark, rest = text[len("file:") :].partition("?")
    if path.startswith("//"):  # an authority: empty, or localhost
        path = "/" + path[2:].partition("/")[2]
    return unquote(path), mark + rest or "?"
