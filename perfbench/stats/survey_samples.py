"""The seconds of drawn batches, from the samples of a survey: what ``stats/survey.py`` computes ratio and totals of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from perfbench.model import SOLO_ROUNDS, Corpus, Draw, Sample
from perfbench.stats import survey, survey_census, survey_draws
from perfbench.stats.survey import RatioEstimate, TotalEstimate
from perfbench.stats.survey_error import PairNoise

SamplesByBatch = Mapping[str, Sequence[Sample]]
"""The samples of one case in every batch, by the name of the batch."""

Sides = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DrawnSeconds:
    """The seconds of one or two cases in every draw that was measured.

    ``measured`` has the draw and the seconds before and after of every pair, in the order of the draws: that of a batch that was
    measured again follows. ``threshold`` belongs to the sample; 0: it is a census. ``missing`` counts draws that could not be
    measured, ``filled`` is the part of the bytes of the sample that is market streams at all, 0 to 1. ``reached`` counts all draws
    of the sample, also those with nothing to measure.
    """

    measured: tuple[tuple[Draw, Sides], ...]
    threshold: float = 0.0
    missing: int = 0
    filled: float = 1.0
    reached: int = 0

    @property
    def census(self) -> bool:
        """Whether every batch of the corpus was measured."""
        return bool(self.measured) and not self.threshold and not self.missing

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The draws, each once."""
        return tuple({draw.batch: draw for draw, _ in self.measured}.values())

    def list_seconds(self, side: int) -> list[float]:
        """The seconds of a side (0: before, 1: after) in each of ``draws``; the mean of a batch that was measured again."""
        gathered: dict[str, list[float]] = {}
        for draw, sides in self.measured:
            gathered.setdefault(draw.batch, []).append(sides[side])
        return [fmean(values) for values in gathered.values()]

    @property
    def weights(self) -> list[float]:
        """What each of ``draws`` stands for: the inverse of the probability with which it was drawn."""
        return [1.0 / chance for chance in self.inclusion]

    @property
    def inclusion(self) -> list[float]:
        """The probability with which each of ``draws`` was to be in the sample."""
        shares = [draw.share for draw in self.draws]
        if not self.threshold or not shares:
            return [1.0] * len(shares)
        return [float(chance) for chance in survey_draws.compute_inclusion(shares, self.threshold)]

    def estimate_ratio(self, confidence: float) -> RatioEstimate | None:
        """The ratio of the corpus after / before; None without a pair."""
        if not self.measured or len(self.measured[0][1]) < 2:
            return None
        numbers, before, after = self._number_batches(), self._list_all(0), self._list_all(1)
        if self.census:
            noise = survey_census.estimate_noise(numbers, np.log(np.array(after) / np.array(before)))
            return replace(
                survey_census.measure_ratio(numbers, before, after, noise, confidence), draws=len(self.draws)
            )
        return survey.estimate_ratio(
            self.list_seconds(0),
            self.list_seconds(1),
            [draw.share for draw in self.draws],
            confidence,
            inclusion=self.inclusion,
            noise=self.estimate_pair_noise(),
        )

    def estimate_pair_noise(self) -> PairNoise | None:
        """The noise of the mean of a batch's pairs, from batches that were measured again; None without one.

        That of the batch with the fewest pairs counts for all.
        """
        if not self.measured or len(self.measured[0][1]) < 2:
            return None
        noise = survey_census.estimate_pair_noise(self._number_batches(), self._list_all(0), self._list_all(1))
        fewest = min(Counter(draw.batch for draw, _ in self.measured).values())
        return noise and replace(noise, pair=noise.pair / math.sqrt(fewest), speed=noise.speed / math.sqrt(fewest))

    def estimate_total(self, confidence: float, side: int = 0) -> TotalEstimate | None:
        """The seconds of the whole corpus of a side (0: before, 1: after); None without a draw."""
        if not self.measured:
            return None
        numbers, seconds = self._number_batches(), self._list_all(side)
        noise = survey_census.estimate_noise(numbers, np.log(np.array(seconds)))
        if self.census:
            return replace(survey_census.measure_total(numbers, seconds, noise, confidence), draws=len(self.draws))
        total = survey.estimate_total(
            self.list_seconds(side),
            [draw.share for draw in self.draws],
            confidence,
            inclusion=self.inclusion,
            noise=None if noise is None else PairNoise(noise.sigma, noise.sigma, noise.degrees),
        )
        return replace(
            total, total=total.total * self.filled, low=total.low * self.filled, high=total.high * self.filled
        )

    def _list_all(self, side: int) -> list[float]:
        return [sides[side] for _, sides in self.measured]

    def _number_batches(self) -> list[int]:
        numbers: dict[str, int] = {}
        return [numbers.setdefault(draw.batch, len(numbers)) for draw, _ in self.measured]


def collect_drawn_seconds(
    corpus: Corpus, metric: str, before: SamplesByBatch, after: SamplesByBatch | None = None
) -> DrawnSeconds:
    """The seconds of the draws that were measured: of both sides of their pairs, or of all passes of one case.

    The sample ends before the first draw that was not begun. What was measured of later ones does not count: batches that are done
    early are not a random part of the corpus.

    :param metric: the name of a time in ``Sample.metrics``; of several passes in a round the mean counts.
    """
    opened = {batch.batch: batch for batch in corpus.opened}
    begun = next((n for n, draw in enumerate(corpus.draws) if draw.batch not in opened), len(corpus.draws))
    sides = [before] if after is None else [before, after]
    rounds_of_draws = [_list_rounds(draw, metric, sides) for draw in corpus.draws[:begun]]
    while (
        rounds_of_draws
        and not rounds_of_draws[-1]
        and opened[corpus.draws[len(rounds_of_draws) - 1].batch].market is not None
    ):
        rounds_of_draws.pop()  # a draw that was left unfinished
    reached = corpus.draws[: len(rounds_of_draws)]
    threshold = reached[-1].threshold if reached and len(reached) < corpus.batches else 0.0
    blank = {batch.batch for batch in corpus.opened if batch.market is None and not batch.problems}
    measured = tuple(
        (replace(draw, round=number), values)
        for draw, own in zip(reached, rounds_of_draws, strict=True)
        for number, values in own
    )
    absent = [draw for draw, own in zip(reached, rounds_of_draws, strict=True) if not own]
    return DrawnSeconds(
        measured=measured,
        threshold=threshold,
        missing=sum(draw.batch not in blank for draw in absent),
        filled=_compute_filled(reached, blank, threshold),
        reached=len(reached),
    )


def _compute_filled(draws: Sequence[Draw], blank: set[str], threshold: float) -> float:
    """The estimated part of the bytes of the corpus that is market streams."""
    weights = [draw.share / (min(1.0, draw.share * threshold) if threshold else 1.0) for draw in draws]
    filled = sum(weight for draw, weight in zip(draws, weights, strict=True) if draw.batch not in blank)
    return filled / sum(weights) if draws else 1.0


def _list_rounds(draw: Draw, metric: str, sides: Sequence[SamplesByBatch]) -> list[tuple[int, Sides]]:
    """The round and the mean seconds of every side, for each round in which all were timed."""
    by_round: list[dict[int, list[Sample]]] = []
    for side in sides:
        rounds: dict[int, list[Sample]] = {}
        for sample in side.get(draw.batch, ()):
            if (number := find_round(sample)) >= 0:
                rounds.setdefault(number, []).append(sample)
        by_round.append(rounds)
    means = {
        number: _compute_means([rounds[number] for rounds in by_round], metric)
        for number in sorted(set.intersection(*map(set, by_round)))
    }
    return [(number, values) for number, values in means.items() if min(values) > 0]


def find_round(sample: Sample) -> int:
    """The round of a timed pass, from 0; below 0 for passes that belong to none."""
    if sample.kind == "duet":
        return sample.round
    return sample.round - SOLO_ROUNDS if sample.kind == "alone" else -1


def _compute_means(sides: Sequence[Sequence[Sample]], metric: str) -> Sides:
    """The mean of each side over the passes of pairs that all sides share; 0 where there is none."""
    shared = set.intersection(*({sample.pair for sample in side} for side in sides)) if len(sides) > 1 else None
    means = []
    for side in sides:
        values = [sample.metrics.get(metric, 0.0) for sample in side if shared is None or sample.pair in shared]
        means.append(fmean(values) if values and min(values) > 0 else 0.0)
    return tuple(means)
