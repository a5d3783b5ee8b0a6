"""The result of a piece of advice."""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfbench.model import Claim, Metric, Saving, Verdict


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A piece of advice against what was measured: from ``claim.before`` to ``mode``, which is the advised one or the better one.

    Values are in the unit of the metric; ``ratio`` is after / before with its interval, no number where a value is zero. Without a
    ``verdict`` nothing was measured. ``doc`` says what the mode does. ``saving`` is that of a claim in seconds, of one ``unit`` of
    work; ``grows`` says of a bounded claim whether each side grows, None where its passes disagree. ``better`` has a value only
    where that mode improves on both sides of the claim.
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
    better: ClaimResult | None = None
    saving: Saving | None = None
    unit: str = ""
    grows: tuple[bool | None, bool | None] | None = None

    @property
    def gain(self) -> float:
        """How many times better it is; not a number where there is no ratio."""
        return self.ratio if self.metric.better == "higher" else 1 / self.ratio if self.ratio else math.inf

    @property
    def best(self) -> float:
        """The end of the interval of the gain that speaks for the advice; not a number where there is no ratio."""
        if math.isnan(self.ratio):
            return math.nan
        return self.high if self.metric.better == "higher" else 1 / self.low if self.low > 0 else math.inf

    @property
    def falls_short(self) -> bool:
        """Whether it is an improvement, but not of the size that the claim promises."""
        if self.verdict is not Verdict.IMPROVED:
            return False
        if self.saving is not None and self.claim.saves is not None:
            return self.saving.high < self.claim.saves[0]
        return self.claim.ratio > 1 and self.best < self.claim.ratio

    @property
    def holds(self) -> bool:
        """Whether the advice holds at least in part; seconds that fall short of those promised do not."""
        return self.verdict is Verdict.IMPROVED and not (self.falls_short and self.saving is not None)
