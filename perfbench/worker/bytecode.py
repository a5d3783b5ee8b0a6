"""Bytecode of the user's own sources: it is written to perfbench's cache, never beside a scenario file or into a checkout."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from types import CodeType
from typing import Callable, List, Optional

FOLDER_VARIABLE = "PERFBENCH_BYTECODE"
"""The folder of this bytecode, as an environment variable of the worker."""

INSTALLED_FOLDERS = frozenset(("site-packages", "dist-packages"))

_is_shared: List[bool] = []
"""Whether the folder takes the bytecode of installed packages too, as far as they have none."""

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
        is_installed = path.startswith(kept) or not INSTALLED_FOLDERS.isdisjoint(path.split(os.sep))
        if is_installed and (not _is_shared or os.path.exists(cache_from_source(path))):
            return load(loader, fullname)
        before = sys.pycache_prefix, sys.dont_write_bytecode
        sys.pycache_prefix, sys.dont_write_bytecode = folder or before[0], before[1] or not folder
        try:
            return load(loader, fullname)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before

    # A finder of an editable installation makes loaders of this class itself: a path hook would miss its modules.
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def share_bytecode_folder() -> None:
    """From now on, the folder takes the bytecode of installed packages too: this process may not write it beside them."""
    _is_shared.append(True)
