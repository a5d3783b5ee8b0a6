"""The seconds of single markets, and of parts of a corpus, in batches that replay several markets in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import numpy as np

from perfbench.model import BatchFile, Corpus, Sample
from perfbench.stats import survey
from perfbench.stats.survey_error import PairNoise
from perfbench.stats.survey_samples import DrawnSeconds, SamplesByBatch, find_round
from perfbench.stats.survey_strata import StratumEstimate

UNLABELLED = "unknown"

SHORTEST_SECONDS = 0.010
"""The shortest pass of a market whose own ratio says something: a collection of garbage takes 1 to 2 ms. In one survey of 22,001
generated markets the ratio scattered by 3 % from market to market above 16 ms, 6 % from 8 to 16 ms, and 16 to 24 % below 4 ms."""


@dataclass(frozen=True, slots=True)
class MarketSeconds:
    """A market of a drawn batch: the probability of its batch to be drawn, its labels, and its seconds on both sides.

    ``markets``: how many it stands for, if several short ones of a batch are taken together.
    """

    batch: str
    name: str
    labels: Mapping[str, str]
    inclusion: float
    before: float
    after: float
    markets: int = 1


def list_market_seconds(
    drawn: DrawnSeconds, corpus: Corpus, before: SamplesByBatch, after: SamplesByBatch
) -> list[MarketSeconds]:
    """The seconds of every market of the drawn batches, in their order.

    Of a batch of several files the seconds of a pair are divided by those that its passes note of each file; a batch whose passes
    note none, because its mode waits, is one market.
    """
    files = {batch.batch: batch.files or (BatchFile(batch.batch, batch.labels),) for batch in corpus.opened}
    markets = []
    for number, draw in enumerate(drawn.draws):
        own, whole = files[draw.batch], tuple(drawn.list_seconds(side)[number] for side in (0, 1))
        shares = [_divide(side.get(draw.batch, ()), len(own)) for side in (before, after)]
        if not all(shares):
            own, shares = (_join_files(draw.batch, own),), [[1.0], [1.0]]
        chance = drawn.inclusion[number]
        for file, first, second in zip(own, *shares, strict=True):
            markets.append(
                MarketSeconds(draw.batch, file.name, dict(file.labels), chance, whole[0] * first, whole[1] * second)
            )
    return [market for market in markets if market.before > 0 and market.after > 0]


def pool_short_markets(markets: Sequence[MarketSeconds], shortest: float = SHORTEST_SECONDS) -> list[MarketSeconds]:
    """The markets, with those of a batch taken together that take less than ``shortest`` seconds on their faster side.

    They have no labels, and the name of the first with the number of the others: ``1.930044300 + 9 more``.
    """
    pooled: list[MarketSeconds] = []
    for _, group in groupby(markets, key=lambda market: market.batch):
        own = list(group)
        short = [market for market in own if min(market.before, market.after) < shortest]
        pooled += [market for market in own if min(market.before, market.after) >= shortest]
        pooled += [_join_markets(short)] if short else []
    return pooled


def _join_markets(markets: Sequence[MarketSeconds]) -> MarketSeconds:
    first, count = markets[0], len(markets)
    return MarketSeconds(
        first.batch,
        first.name if count == 1 else f"{first.name} + {count - 1} more",
        first.labels if count == 1 else {},
        first.inclusion,
        sum(market.before for market in markets),
        sum(market.after for market in markets),
        count,
    )


def estimate_parts(
    markets: Sequence[MarketSeconds], kind: str, confidence: float = 0.95, noise: PairNoise | None = None
) -> tuple[StratumEstimate, ...]:
    """The ratio of every part of the corpus with one label of this kind, by its share of the seconds, largest first.

    The markets of a batch were drawn together: their sum is one draw of the part. Each interval has this confidence by itself.
    Raises ValueError without a market.

    :param noise: of the pairs of whole batches; a part of a batch has more, so that only parts of whole batches use it.
    """
    batches = Counter(market.batch for market in markets)
    whole = sum(market.before / market.inclusion for market in markets)
    parts = []
    for label in dict.fromkeys(market.labels.get(kind, UNLABELLED) for market in markets):
        own = [market for market in markets if market.labels.get(kind, UNLABELLED) == label]
        chances, first, second = _sum_batches(own)
        complete = Counter(market.batch for market in own).items() <= batches.items()
        estimate = survey.estimate_ratio(
            first,
            second,
            np.ones_like(chances),
            confidence,
            inclusion=chances,
            noise=noise if complete else None,
        )
        seconds = sum(market.before / market.inclusion for market in own) / whole
        parts.append(StratumEstimate(label, estimate, seconds, seconds))
    return tuple(sorted(parts, key=lambda part: (-part.share_of_seconds, part.label)))


def list_kinds(markets: Sequence[MarketSeconds]) -> list[str]:
    """The kinds of labels of which the markets have more than one."""
    kinds = dict.fromkeys(kind for market in markets for kind in market.labels)
    return [kind for kind in kinds if len({market.labels.get(kind, UNLABELLED) for market in markets}) > 1]


def _sum_batches(markets: Sequence[MarketSeconds]) -> tuple[survey.Floats, survey.Floats, survey.Floats]:
    """The probability and the seconds of each batch on both sides, over these markets of it."""
    sums: dict[str, list[float]] = {}
    for market in markets:
        entry = sums.setdefault(market.batch, [market.inclusion, 0.0, 0.0])
        entry[1] += market.before
        entry[2] += market.after
    chances, first, second = np.array(list(sums.values())).T
    return chances, first, second


def _divide(samples: Collection[Sample], files: int) -> list[float]:
    """The share of each file in the seconds of its batch, as a mean over the timed passes; empty where they note none."""
    if files == 1:
        return [1.0]
    noted = [sample.parts for sample in samples if find_round(sample) >= 0 and len(sample.parts) == files]
    means = [fmean(values) for values in zip(*noted, strict=True)]
    return [mean / sum(means) for mean in means] if means and sum(means) > 0 else []


def _join_files(batch: str, files: Sequence[BatchFile]) -> BatchFile:
    return BatchFile(batch, tuple(_find_shared_labels(files)))


def _find_shared_labels(files: Sequence[BatchFile]) -> Iterator[tuple[str, str]]:
    for kind, value in files[0].labels:
        if all((kind, value) in file.labels for file in files):
            yield kind, value
