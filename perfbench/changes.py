"""Announced changes of content between releases: which of them lie between two sides of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench.model import Change, Package


def between(
    changes: Iterable[Change], one: Iterable[Package], other: Iterable[Package], accepted: Collection[str] = ()
) -> tuple[Change, ...]:
    """The changes that one side has and the other has not, by the packages that were imported, and those that are accepted."""
    sides = tuple(one), tuple(other)
    return tuple(
        change for change in changes if change.name in accepted or len({_has(change, side) for side in sides}) > 1
    )


def _has(change: Change, packages: Iterable[Package]) -> bool:
    for package in packages:
        if canonicalize_name(package.name) == canonicalize_name(change.package):
            try:
                return Version(package.version) >= Version(change.release)
            except InvalidVersion:
                return False
    return False


def told(changes: Iterable[Change]) -> str:
    """The changes as the line below a table: each with its release and its reason, those of one release together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.package, change.release), []).append(change.reason)
    return "; ".join(
        f"{package} " + ", ".join([first, *(reason.removeprefix(f"{release} ") for reason in others)])
        for (package, release), (first, *others) in grouped.items()
    )
