"""A saved advice as rows and sentences: what every lever gained, what is advised, and what that saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.advise.checks import describe_check
from perfbench.advise.gains import CONFIDENCE, estimate_gain, pool_sigma
from perfbench.advise.model import AdviceDocument, Candidate, Remainder
from perfbench.advise.search_steps import JoiningStep, ScreenedCandidate
from perfbench.stats import signed_rank
from perfbench.worker.program_messages import CHANGES, LESS, SAME, Proposal

KINDS = {SAME: "same orders", LESS: "asks for less", CHANGES: "other orders"}

SHOWN_CONFIDENCE = 0.95
"""Confidence of the intervals of single levers, which choose and prove nothing."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times faster: the ratio before / after with its interval (not numbers for too few pairs), and the pairs."""

    ratio: float
    low: float
    high: float
    pairs: int


@dataclass(frozen=True, slots=True)
class LeverRow:
    """A lever in the ranked table; ``speedup`` is None where it was not timed. ``advised``: part of the confirmed combination."""

    number: int
    proposal: Proposal
    kind: str
    outcome: str
    speedup: Speedup | None = None
    advised: bool = False


@dataclass(frozen=True, slots=True)
class CombinedLevers:
    """The combination that was confirmed or not, and the product of the ratios of its parts, each alone on training markets."""

    rows: tuple[LeverRow, ...]
    speedup: Speedup
    product: float
    confirmed: bool


@dataclass(frozen=True, slots=True)
class CorpusSaving:
    """Seconds of one core for the whole corpus, before and after."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """Everything that an advice says."""

    document: AdviceDocument
    rows: tuple[LeverRow, ...]
    combination: CombinedLevers | None
    saving: CorpusSaving | None

    @property
    def advised(self) -> tuple[LeverRow, ...]:
        """The levers that are advised, the fastest first."""
        return tuple(row for row in self.rows if row.advised)

    @property
    def seconds(self) -> float:
        """What a pass of the user's set-up takes on the first training market; not a number where nothing was timed."""
        return self.document.seconds[0].seconds if self.document.seconds else math.nan

    @property
    def remainder(self) -> Remainder:
        """What is left of the time."""
        return self.document.remainder


def build_advice_report(document: AdviceDocument) -> AdviceReport:
    """The report of a saved advice, also of one that is not complete."""
    rows = _rank_rows(document)
    combination = _combine(document, rows)
    return AdviceReport(document, rows, combination, _estimate_saving(document, combination))


def compute_speedup(gains: Sequence[float], confidence: float) -> Speedup:
    """The speed-up of some pairs. Raises ValueError without pairs."""
    ratio = math.exp(signed_rank.hodges_lehmann(gains))
    if len(gains) < signed_rank.count_minimum_pairs(confidence):
        return Speedup(ratio, math.nan, math.nan, len(gains))
    low, high = signed_rank.compute_interval(gains, confidence)
    return Speedup(ratio, math.exp(low), math.exp(high), len(gains))


def _rank_rows(document: AdviceDocument) -> tuple[LeverRow, ...]:
    """Levers that gain, then others that were timed, each the fastest first; then those that were not timed."""
    screened = document.result.screened or tuple(ScreenedCandidate((), "not timed") for _ in document.candidates)
    sigma = pool_sigma(candidate.gains for candidate in screened)
    rows: list[tuple[tuple[bool, bool, float], LeverRow]] = []
    for number, (candidate, timed) in enumerate(zip(document.candidates, screened, strict=True)):
        row = _build_row(document, number, candidate, timed)
        gain = estimate_gain(timed.gains, sigma) if timed.gains else None
        order = (gain is None, gain is None or not gain.is_promising, -gain.estimate if gain is not None else 0.0)
        rows.append((order, row))
    return tuple(row for _, row in sorted(rows, key=lambda entry: entry[0]))


def _build_row(document: AdviceDocument, number: int, candidate: Candidate, timed: ScreenedCandidate) -> LeverRow:
    result = document.result
    advised = result.confirmed and number in result.combination
    steps = [step for step in result.steps if step.candidate == number]
    return LeverRow(
        number=number,
        proposal=candidate.proposal,
        kind=KINDS.get(candidate.kind, candidate.kind),
        outcome=_describe_outcome(document, candidate, timed, steps[-1] if steps else None),
        speedup=compute_speedup(timed.gains, SHOWN_CONFIDENCE) if timed.gains else None,
        advised=advised,
    )


def _describe_outcome(
    document: AdviceDocument, candidate: Candidate, timed: ScreenedCandidate, step: JoiningStep | None
) -> str:
    """What became of a lever, in a few words."""
    if candidate.check is None:
        return "not checked"
    if candidate.check.status != "same":
        return describe_check(candidate.check)
    if candidate.kind == CHANGES:
        return "the same orders here; not advised"
    if step is not None:
        return _describe_step(document, step)
    return {
        "kept": "not clearly faster",
        "no gain": "gains less than 1 %",
        "no time": "no time for more" if timed.gains else "no time left",
        "failed": timed.reason,
        "not timed": "not timed",
    }[timed.outcome]


def _describe_step(document: AdviceDocument, step: JoiningStep) -> str:
    result = document.result
    if step.outcome in ("first", "added"):
        return "advised" if result.confirmed else "not confirmed" if result.gains or result.failure else "chosen"
    return {
        "no gain": "no gain beside others",
        "excluded": "excludes a faster one",
        "no time": "no time left to combine it",
        "failed": step.reason,
    }[step.outcome]


def _combine(document: AdviceDocument, rows: Sequence[LeverRow]) -> CombinedLevers | None:
    result = document.result
    if not result.combination or not result.gains:
        return None
    own = tuple(row for row in rows if row.number in result.combination)
    product = math.prod(row.speedup.ratio for row in own if row.speedup is not None)
    return CombinedLevers(own, compute_speedup(result.gains, CONFIDENCE), product, result.confirmed)


def _estimate_saving(document: AdviceDocument, combination: CombinedLevers | None) -> CorpusSaving | None:
    """The seconds of the whole corpus, in proportion to its packed bytes; None without a corpus or without an advice."""
    drawn = [market for market in document.seconds if market.packed_bytes > 0]
    if document.corpus is None or combination is None or not combination.confirmed or not drawn:
        return None
    packed = sum(market.packed_bytes for market in drawn)
    before = sum(market.seconds for market in drawn) / packed * document.corpus.packed_bytes
    return CorpusSaving(document.corpus.name, before, before / combination.speedup.ratio)
