"""Announced output changes between the releases of two sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench.model import Change, Package


def find_known_changes(
    changes: Iterable[Change], before: Iterable[Package], after: Iterable[Package], accepted: Collection[str] = ()
) -> tuple[Change, ...]:
    """The changes that only one side has, by its imported packages, and those that the user accepted."""
    sides = tuple(before), tuple(after)
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
