"""Comparisons of two cases and their verdicts. Ratios are after / before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from perfbench.model.scenario import Metric


class Verdict(str, Enum):
    """How a comparison ends."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"


class OutputMatch(str, Enum):
    """How the output of a case relates to that of the case before; the values are those of tables and exports."""

    SAME = "yes"
    DIFFERENT = "no"
    KNOWN_CHANGES = "known changes"
    FLOOR = "floor"
    NOT_COMPARED = ""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class TrustWarning:
    """A reason to trust a number less: what is wrong, and how much of it there is."""

    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two measurements of one metric; ``ratio`` is after / before with its interval, from ``pairs`` pairs.

    The interval is of 95 % unless ``confidence`` says otherwise. ``detectable`` is the smallest change, as a share, that a gate
    with this number of pairs would have detected; it is not a number elsewhere. ``part``: of a corpus, the part that has regressed
    beside it or alone, with its own ratio; empty elsewhere.
    """

    metric: Metric
    before: float
    after: float
    ratio: float
    low: float
    high: float
    pairs: int
    sigma: float
    verdict: Verdict
    warnings: tuple[TrustWarning, ...] = ()
    confidence: float = 0.95
    detectable: float = math.nan
    part: str = ""


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """A number of a case, and how it compares with that of the case before. Both are medians, in the unit of the metric.

    ``before`` and ``verdict`` are None where there is nothing to compare with. ``ratio`` is after / before; it and the ends of its
    interval are not numbers where a number is not above zero: 96 bytes → 0 bytes has a verdict and no ratio.
    """

    metric: Metric
    after: float
    before: float | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Saving:
    """The seconds that an operation takes before and after, as medians, and how many it saves, with the 95 % interval.

    The ends are infinite where there are too few samples for an interval; ``saved`` is negative where it takes longer.
    """

    before: float
    after: float
    saved: float
    low: float
    high: float
    verdict: Verdict
