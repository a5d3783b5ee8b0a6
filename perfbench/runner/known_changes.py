"""Announced changes of content between releases: which of them lie between two sides of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench.model import Change, Package


def find_known_changes(
    changes: Iterable[Change], one: Iterable[Package], other: Iterable[Package], accepted: Collection[str] = ()
) -> tuple[Change, ...]:
    """The changes that one side has and the other has not, by the packages that were imported, and those that are accepted."""
    sides = tuple(one), tuple(other)
    return tuple(
        change
        for change in changes
        if change.name in accepted or len({_includes_change(change, side) for side in sides}) > 1
    )


def _includes_change(change: Change, packages: Iterable[Package]) -> bool:
    for package in packages:
        if canonicalize_name(package.name) == canonicalize_name(change.package):
            try:
                return Version(package.version) >= Version(change.release)
            except InvalidVersion:
                return False
    return False
