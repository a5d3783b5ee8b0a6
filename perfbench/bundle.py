"""The places that perfbench knows: what it ships, and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The shipped folder ``scenarios`` or ``sample_data``: beside the package in a checkout, inside it in a wheel."""
    installed = PACKAGE / "bundled" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def cache_folder() -> Path:
    """Where pulled market files and built environments are kept: PERFBENCH_CACHE, else the user's cache folder."""
    named = os.environ.get("PERFBENCH_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("perfbench", appauthor=False)


def market_cache() -> Path:
    """Where pulled market files are kept."""
    return cache_folder() / "markets"


def environment_cache() -> Path:
    """Where built environments are kept, with what was resolved for them."""
    return cache_folder() / "environments"
