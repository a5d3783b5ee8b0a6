"""Wording of confirmed and refuted claims."""

from __future__ import annotations

import math

from perfbench.model import Claim, Comparison
from perfbench.util import formatting


def describe_claim(claim: Claim, comparison: Comparison) -> str:
    """The claim against the comparison: ``2.3x confirmed``, ``2.8x: 2.4x here [2.36–2.44]``, or ``2.3x refuted``.

    Confirmed: the interval of the speed-up reaches the claimed factor or lies above it. Refuted: the interval shows no speed-up.
    Without an end of the interval the claim is inconclusive.
    """
    claimed = formatting.format_factor(claim.ratio)
    if comparison.low <= 0 or not math.isfinite(comparison.high):
        return f"{claimed}: inconclusive"
    low, high = 1 / comparison.high, 1 / comparison.low
    if low <= 1:
        return f"{claimed} refuted" if high < claim.ratio else f"{claimed}: inconclusive"
    if high >= claim.ratio:
        return f"{claimed} confirmed"
    here = formatting.format_factor(1 / comparison.ratio, low, high)
    if here == claimed:
        claimed, here = f"{claim.ratio:.2f}x", f"{1 / comparison.ratio:.2f}x"
    return f"{claimed}: {here} here [{formatting.format_interval(low, high)}]"
