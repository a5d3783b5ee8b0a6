"""The verdict of a gate on a corpus, from the seconds of the drawn batches and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfbench.model import Corpus
from perfbench.stats import sequential, survey_gate
from perfbench.stats.survey_gate import PartSeconds, SurveyedPairs, SurveyVerdict
from perfbench.stats.survey_markets import UNLABELLED, MarketSeconds, list_kinds, list_market_seconds
from perfbench.stats.survey_samples import DrawnSeconds, SamplesByBatch
from perfbench.stats.verdict_bounds import VerdictBounds

MIXED = "mixed"
"""The label of a batch whose markets have different labels and no seconds of their own: no part that anyone could name."""

TESTED_STRATA = 6
"""Parts of a corpus that a gate tests beside the whole, at most: those that are drawn first (docs/concepts/survey.md)."""


def decide_drawn(
    drawn: DrawnSeconds,
    corpus: Corpus,
    most: int,
    allowed: VerdictBounds,
    side: float = sequential.ONE_SIDED_ERROR,
    *,
    samples: tuple[SamplesByBatch, SamplesByBatch] | None = None,
) -> SurveyVerdict | None:
    """The verdict on a corpus and its parts after the draws so far; None without a pair.

    :param most: the maximum of draws, fixed before the first ratio; :param side: see ``survey_gate.decide_survey``.
    :param samples: of both cases, from which the seconds of single markets come; without them each batch is one market.
    """
    if not drawn.measured:
        return None
    draws = drawn.draws
    reached = corpus.draws[: drawn.reached]
    places = {draw.batch: number for number, draw in enumerate(reached)}
    pairs = SurveyedPairs(
        drawn.list_seconds(0),
        drawn.list_seconds(1),
        [draw.share for draw in draws],
        thresholds=[draw.threshold or math.inf for draw in reached],
        numbers=[places[draw.batch] for draw in draws],
    )
    return survey_gate.decide_survey(
        pairs,
        min(most, corpus.batches),
        allowed,
        strata=_list_parts(list_market_seconds(drawn, corpus, *(samples or ({}, {}))), [draw.batch for draw in draws]),
        family=TESTED_STRATA,
        noise=drawn.estimate_pair_noise(),
        side=side,
    )


def _list_parts(markets: Sequence[MarketSeconds], batches: Sequence[str]) -> dict[str, PartSeconds]:
    """The seconds of each part of the corpus in every batch, by the name of the part: ``in-play never``."""
    parts: dict[str, PartSeconds] = {}
    for kind in list_kinds(markets):
        for label in dict.fromkeys(market.labels.get(kind, UNLABELLED) for market in markets):
            sums = {batch: [0.0, 0.0] for batch in batches}
            for market in markets:
                if market.labels.get(kind, UNLABELLED) == label:
                    sums[market.batch][0] += market.before
                    sums[market.batch][1] += market.after
            if label not in (UNLABELLED, MIXED):
                first, second = zip(*(sums[batch] for batch in batches), strict=True)
                parts[f"{kind} {label}"] = PartSeconds(first, second)
    return parts
