"""Announced speed-ups: what they speak of, and what a measurement says about them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench import formatting
from perfbench.model import Claim, Comparison, Metric, Package, Place, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A piece of advice against what was measured: from ``claim.before`` to ``mode``, which is the advised one or the better one.

    Values are in the unit of the metric; ``ratio`` is after / before with its interval, no number where a value is zero. Without a
    ``verdict`` nothing was measured. ``doc`` says what the mode does.
    """

    claim: Claim
    mode: str
    doc: str
    metric: Metric
    before: float | None = None
    after: float | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict | None = None
    better: Judged | None = None

    @property
    def gain(self) -> float:
        """How many times better it is."""
        return self.ratio if self.metric.better == "higher" else 1 / self.ratio if self.ratio else math.inf

    @property
    def best(self) -> float:
        """The end of the interval of the gain that speaks for the advice."""
        return self.high if self.metric.better == "higher" else 1 / self.low if self.low > 0 else math.inf


def speaks_of(side: str, place: Place) -> bool:
    """Whether a side of a claim, ``mode@package==version``, is this place."""
    return _is_of(side, place.case.mode, place.environment.packages)


def _is_of(side: str, mode: str, packages: Iterable[Package]) -> bool:
    wanted, _, requirement = side.partition("@")
    name, _, version = requirement.partition("==")
    return wanted == mode and any(
        canonicalize_name(package.name) == canonicalize_name(name) and same_version(package.version, version)
        for package in packages
    )


def same_version(one: str, other: str) -> bool:
    """Whether two texts are the same version: ``2.12`` is ``2.12.0``."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def about(
    claims: Iterable[Claim], modes: tuple[str, str], packages: tuple[Iterable[Package], Iterable[Package]]
) -> Claim | None:
    """The claim about these two sides, before and after; None if nobody claimed anything."""
    return next(
        (
            claim
            for claim in claims
            if all(_is_of(*side) for side in zip((claim.before, claim.after), modes, packages, strict=True))
        ),
        None,
    )


def judged(claim: Claim, comparison: Comparison) -> str:
    """What the comparison says: ``2.3x confirmed``, ``2.8x: 2.4x here [2.36–2.44]``, or ``2.3x refuted``.

    Confirmed: the interval of the speed-up reaches what was claimed or lies above it. Refuted: it does not even show a speed-up.
    An interval without an end says nothing.
    """
    claimed = formatting.factor(claim.ratio)
    if comparison.low <= 0 or not math.isfinite(comparison.high):
        return f"{claimed}: not known yet"
    low, high = 1 / comparison.high, 1 / comparison.low
    if low <= 1:
        return f"{claimed} refuted" if high < claim.ratio else f"{claimed}: not known yet"
    if high >= claim.ratio:
        return f"{claimed} confirmed"
    here = formatting.factor(1 / comparison.ratio)
    if here == claimed:
        claimed, here = f"{claim.ratio:.2f}x", f"{1 / comparison.ratio:.2f}x"
    return f"{claimed}: {here} here [{formatting.interval(low, high)}]"
