"""The summary of a surveyed corpus: hours in each mode, scatter, percentiles, strata, the fastest and the slowest markets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from perfbench.model import Corpus, Run
from perfbench.report import survey_machines
from perfbench.report.survey_model import DrawnMarket, SideTotal, SurveyedPair, SurveyedStrata, SurveySummary
from perfbench.stats import survey, survey_markets, survey_strata
from perfbench.stats.survey_markets import MarketSeconds
from perfbench.stats.survey_samples import DrawnSeconds, SamplesByBatch

NEEDED_HALF_WIDTH = 0.03
"""The half width that a summary names the number of draws for."""


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A row of the table with the seconds of its draws.

    ``after`` names the case after in a list of totals; ``before`` the other side where environments are compared, else empty.
    ``sides`` are the samples of both cases by batch; empty where there is no case before. ``cases`` are the ids of both.
    """

    label: str
    drawn: DrawnSeconds
    after: str
    before: str = ""
    sides: tuple[SamplesByBatch, ...] = ()
    cases: tuple[str, str] = ("", "")


def build_summary(rows: Iterable[DrawnRow], corpus: Corpus, run: Run, confidence: float) -> SurveySummary | None:
    """The summary of a table; None as long as nothing was drawn."""
    listed = list(rows)
    measured = [drawn for drawn in (row.drawn for row in listed) if drawn.draws]
    if not measured:
        return None
    names = {draw.batch for drawn in measured for draw in drawn.draws}
    shown = sum(market.markets for market in run.data if market.name in names)
    unpacked = sum(batch.unpack_seconds for batch in corpus.opened)
    machines = survey_machines.find_machines(run, corpus)
    return SurveySummary(
        name=corpus.name,
        members=corpus.members,
        batches=corpus.batches,
        packed_bytes=corpus.packed_bytes,
        draws=max(len(drawn.draws) for drawn in measured),
        shown=shown,
        census=all(drawn.census for drawn in measured),
        missing=max(drawn.missing for drawn in measured),
        pairs=tuple(
            replace(
                _summarise_pair(row, corpus, confidence),
                machines=survey_machines.compare_machines(row.drawn, machines),
            )
            for row in listed
            if row.drawn.measured and len(row.drawn.measured[0][1]) == 2
        ),
        totals=tuple(_list_totals(listed, confidence)),
        skipped=(*corpus.skipped, *_count_skipped(corpus)),
        unpack_seconds=unpacked,
        unpack_share=_compute_unpack_share(corpus, measured),
        machines=survey_machines.list_machines(corpus, machines),
    )


def _count_skipped(corpus: Corpus) -> Iterable[str]:
    skipped = [line for batch in corpus.opened for line in batch.skipped]
    if skipped:
        yield f"{len(skipped):,} of the drawn files {'is' if len(skipped) == 1 else 'are'} no market stream, such as {skipped[0]}"


def _list_totals(rows: Sequence[DrawnRow], confidence: float) -> Iterable[SideTotal]:
    """The seconds of the corpus of every case after, and of the case before where its name is given."""
    for row in rows:
        before, after = row.cases
        sides = [(row.after, after, len(row.drawn.measured[0][1]) - 1)] if row.drawn.measured else []
        sides += [(row.before, before, 0)] if row.before and sides else []
        for name, case, side in reversed(sides):
            total = row.drawn.estimate_total(confidence, side)
            if total is not None:
                yield SideTotal(name, total, case)


def _summarise_pair(row: DrawnRow, corpus: Corpus, confidence: float) -> SurveyedPair:
    drawn = row.drawn
    estimate = drawn.estimate_ratio(confidence)
    assert estimate is not None
    markets = survey_markets.list_market_seconds(drawn, corpus, *row.sides)
    pooled = survey_markets.pool_short_markets(markets)
    needed = None
    if not drawn.census and math.isfinite(estimate.high):
        shares = [draw.share for draw in corpus.draws] if len(corpus.draws) == corpus.batches else None
        needed = survey.count_draws_needed(estimate, NEEDED_HALF_WIDTH, shares)
    return SurveyedPair(
        label=row.label,
        estimate=estimate,
        percentiles=survey_strata.estimate_percentiles(
            [market.before for market in pooled],
            [market.after for market in pooled],
            [market.inclusion / market.markets for market in pooled],
        ),
        needed=needed,
        strata=tuple(
            SurveyedStrata(kind, survey_markets.estimate_parts(markets, kind, noise=drawn.estimate_pair_noise()))
            for kind in survey_markets.list_kinds(markets)
        ),
        markets=tuple(_list_markets(pooled)),
    )


def _list_markets(markets: Sequence[MarketSeconds]) -> list[DrawnMarket]:
    return sorted((DrawnMarket(m.name, m.after / m.before) for m in markets), key=lambda market: market.ratio)


def _compute_unpack_share(corpus: Corpus, measured: Sequence[DrawnSeconds]) -> float | None:
    """Seconds of unpacking per second of the fastest side, over the batches that were measured."""
    spent = {batch.batch: batch.unpack_seconds for batch in corpus.opened}
    unpacked = sum(spent.get(draw.batch, 0.0) for draw in measured[0].draws)
    fastest = min(sum(drawn.list_seconds(side)) for drawn in measured for side in range(len(drawn.measured[0][1])))
    return unpacked / fastest if unpacked else None
