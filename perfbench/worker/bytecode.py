"""Bytecode of the user's own sources: it is written to perfbench's cache, never beside a scenario file or into a checkout."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Callable, Optional

FOLDER_VARIABLE = "PERFBENCH_BYTECODE"
"""The folder of this bytecode, as an environment variable of the worker."""

INSTALLED_FOLDERS = frozenset(("site-packages", "dist-packages"))

LoadCode = Callable[[SourceFileLoader, str], Optional[CodeType]]


def redirect_bytecode(package: str, folder: Optional[str]) -> None:
    """Read and write bytecode of sources in this folder, except for installed packages, the standard library and perfbench.

    Those keep theirs: it was compiled when they were installed. Without a folder none is written for other sources.

    :param package: the folder of perfbench's package.
    """
    load: LoadCode = SourceFileLoader.get_code
    kept = tuple(os.path.join(path, "") for path in {package, *map(sysconfig.get_path, ("stdlib", "platstdlib"))})

    def get_code(loader: SourceFileLoader, fullname: str) -> Optional[CodeType]:
        path = os.path.abspath(loader.path)
        if path.startswith(kept) or not INSTALLED_FOLDERS.isdisjoint(path.split(os.sep)):
            return load(loader, fullname)
        before = sys.pycache_prefix, sys.dont_write_bytecode
        sys.pycache_prefix, sys.dont_write_bytecode = folder or before[0], before[1] or not folder
        try:
            return load(loader, fullname)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before

    # A finder of an editable installation makes loaders of this class itself: a path hook would miss its modules.
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
