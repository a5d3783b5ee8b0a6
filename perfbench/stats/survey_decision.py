"""The verdict of a gate on a corpus, from the seconds of the drawn batches and their labels."""

from __future__ import annotations

import math

import numpy as np

from perfbench.model import Corpus
from perfbench.stats import sequential, survey_census, survey_gate
from perfbench.stats.survey_gate import SurveyedPairs, SurveyVerdict
from perfbench.stats.survey_samples import DrawnSeconds
from perfbench.stats.verdict_bounds import VerdictBounds

TESTED_STRATA = 6
"""Parts of a corpus that a gate tests beside the whole, at most: those that are drawn first (docs/method.md)."""

MIXED = "mixed"
"""The label of a batch whose markets have different labels; it is no part of a corpus that anyone could name."""


def decide_drawn(
    drawn: DrawnSeconds,
    corpus: Corpus,
    most: int,
    allowed: VerdictBounds,
    side: float = sequential.ONE_SIDED_ERROR,
) -> SurveyVerdict | None:
    """The verdict on a corpus and its parts after the draws so far; None without a pair.

    :param most: the maximum of draws, fixed before the first ratio; :param side: see ``survey_gate.decide_survey``.
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
    numbers = {draw.batch: number for number, draw in enumerate(draws)}
    noise = survey_census.estimate_pair_noise(
        [numbers[draw.batch] for draw, _ in drawn.measured],
        [sides[0] for _, sides in drawn.measured],
        [sides[1] for _, sides in drawn.measured],
    )
    return survey_gate.decide_survey(
        pairs,
        min(most, corpus.batches),
        allowed,
        strata=_list_strata(drawn, corpus),
        family=TESTED_STRATA,
        noise=noise,
        side=side,
    )


def _list_strata(drawn: DrawnSeconds, corpus: Corpus) -> dict[str, list[bool]]:
    """Which draws belong to each part of the corpus, by the name of the part: ``in-play never``."""
    labels = {batch.batch: dict(batch.labels) for batch in corpus.opened}
    own = [labels.get(draw.batch, {}) for draw in drawn.draws]
    parts: dict[str, list[bool]] = {}
    for kind in dict.fromkeys(kind for batch in own for kind in batch):
        values = [batch.get(kind, MIXED) for batch in own]
        for value in dict.fromkeys(values):
            if value != MIXED and len(set(values)) > 1:
                parts[f"{kind} {value}"] = list(np.array(values) == value)
    return parts
