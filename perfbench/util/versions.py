"""Comparison of package version numbers."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def is_same_version(one: str, other: str) -> bool:
    """Whether two texts are the same version: ``2.12`` is ``2.12.0``."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other
