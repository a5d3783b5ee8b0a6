"""Comparison of package version numbers."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def is_same_version(first: str, second: str) -> bool:
    """Whether two texts are the same version: ``2.12`` is ``2.12.0``."""
    try:
        return Version(first) == Version(second)
    except InvalidVersion:
        return first == second
