"""Paths of the shipped files and of the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


def bundled_folder(name: str) -> Path:
    """The shipped folder ``scenarios`` or ``sample_data``: beside the package in a checkout, inside it in a wheel."""
    installed = PACKAGE_FOLDER / "bundled" / name
    return installed if installed.is_dir() else PACKAGE_FOLDER.parent / name


def cache_folder() -> Path:
    """The absolute path of the cache folder: PERFBENCH_CACHE, else perfbench's folder in the user's cache."""
    named = os.environ.get("PERFBENCH_CACHE")
    return (
        Path(os.path.abspath(os.path.expanduser(named)))
        if named
        else platformdirs.user_cache_path("perfbench", appauthor=False)
    )


def market_cache_folder() -> Path:
    """The cache folder of pulled market files."""
    return cache_folder() / "markets"


def bytecode_folder() -> Path:
    """The cache folder of the bytecode of scenario files and checkouts that a worker imports."""
    return environment_cache_folder() / "bytecode"


def environment_cache_folder() -> Path:
    """The cache folder of environments and their resolutions."""
    return cache_folder() / "environments"
