"""What a report says of a surveyed corpus beside its rows."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.stats.survey import RatioEstimate, TotalEstimate
from perfbench.stats.survey_strata import RatioPercentiles, StratumEstimate


@dataclass(frozen=True, slots=True)
class SurveyedStrata:
    """The strata of one kind, such as the sports, and their ratios."""

    kind: str
    strata: tuple[StratumEstimate, ...]


@dataclass(frozen=True, slots=True)
class DrawnMarket:
    """A market that was drawn, or the short ones of a batch together, and the ratio of its own pairs, after / before."""

    name: str
    ratio: float


@dataclass(frozen=True, slots=True)
class DrawnMachine:
    """One of several machines that measured: its name, its processor, and how many batches it measured."""

    name: str
    processor: str
    batches: int


@dataclass(frozen=True, slots=True)
class SurveyedPair:
    """One row of a corpus: its ratio, percentiles of the markets, strata, and the batches with extreme ratios.

    ``needed`` is the number of draws whose interval would be ± 3 %; None where it is not known. ``markets`` are those that
    were drawn, from the lowest ratio to the highest. ``machines`` has the ratio of each machine if they differ.
    """

    label: str
    estimate: RatioEstimate
    percentiles: RatioPercentiles
    needed: int | None
    strata: tuple[SurveyedStrata, ...]
    markets: tuple[DrawnMarket, ...]
    machines: SurveyedStrata | None = None


@dataclass(frozen=True, slots=True)
class SideTotal:
    """The seconds that the whole corpus takes in one mode or environment; ``case`` is the id of the case on the corpus."""

    label: str
    total: TotalEstimate
    case: str = ""


@dataclass(frozen=True, slots=True)
class SurveySummary:
    """A corpus and what was drawn of it. ``shown``: how many files were replayed of ``members`` that were listed.

    ``unpack_share`` is the wall time of unpacking the drawn batches per CPU second of the fastest side; None where nothing was
    packed. ``skipped`` are lines about files that are no market streams. ``machines``: where the machine of the run did not measure
    alone.
    """

    name: str
    members: int
    batches: int
    packed_bytes: int
    draws: int
    shown: int
    census: bool
    missing: int
    pairs: tuple[SurveyedPair, ...]
    totals: tuple[SideTotal, ...]
    skipped: tuple[str, ...] = ()
    unpack_seconds: float = 0.0
    unpack_share: float | None = None
    machines: tuple[DrawnMachine, ...] = ()
