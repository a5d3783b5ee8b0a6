"""Matching of claims to the cases that they are about."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from perfbench.model.environment import Package
from perfbench.model.plan import CaseInEnvironment
from perfbench.model.scenario import Claim
from perfbench.util.versions import is_same_version


def matches_side(side: str, place: CaseInEnvironment) -> bool:
    """Whether a side of a claim, ``mode@package==version``, is this case in this environment."""
    return _matches_release(side, place.case.mode, place.environment.packages)


def _matches_release(side: str, mode: str, packages: Iterable[Package]) -> bool:
    claimed_mode, _, requirement = side.partition("@")
    name, _, version = requirement.partition("==")
    return claimed_mode == mode and any(
        canonicalize_name(package.name) == canonicalize_name(name) and is_same_version(package.version, version)
        for package in packages
    )


def find_claim(
    claims: Iterable[Claim], modes: tuple[str, str], packages: tuple[Iterable[Package], Iterable[Package]]
) -> Claim | None:
    """The claim about these two sides, before and after; None without one."""
    return next(
        (
            claim
            for claim in claims
            if all(_matches_release(*side) for side in zip((claim.before, claim.after), modes, packages, strict=True))
        ),
        None,
    )
