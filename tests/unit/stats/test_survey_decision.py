"""The verdict on a corpus from its drawn batches: the whole, its parts by their labels, and when a gate has seen enough."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from support.drawn_corpora import Labels, corpus_of, pair_samples

from perfbench.model import Corpus, Verdict
from perfbench.stats.sequential import ONE_SIDED_ERROR
from perfbench.stats.survey_decision import MIXED, TESTED_STRATA, decide_drawn
from perfbench.stats.survey_gate import SurveyVerdict
from perfbench.stats.survey_samples import collect_drawn_seconds
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS

RNG = np.random.default_rng(4)
SIZES = [int(size) for size in RNG.lognormal(8, 0.5, 200)]
NOISE = RNG.normal(0.0, 0.002, 200)


def size_of(name: str) -> float:
    return float(SIZES[int(name[1:])])


def kind_of(name: str) -> Labels:
    """Every fourth batch is in-play; all are of one sport."""
    return ("sport", "Soccer"), ("in-play", "always" if int(name[1:]) % 4 == 0 else "never")


def decide(
    ratio: Callable[[str], float],
    draws: int = 96,
    labels: Callable[[str], Labels] = kind_of,
    side: float = ONE_SIDED_ERROR,
) -> SurveyVerdict | None:
    """The verdict after this many draws, of at most 96, with the noise of a pair on top of the ratio."""
    corpus = corpus_of(SIZES, opened=draws, labels=labels)
    return decide_corpus(corpus, lambda name: ratio(name) * math.exp(NOISE[int(name[1:])]), draws, side=side)


def decide_corpus(
    corpus: Corpus, ratio: Callable[[str], float], draws: int, most: int = 96, side: float = ONE_SIDED_ERROR
) -> SurveyVerdict | None:
    names = [batch.batch for batch in corpus.opened[:draws] if batch.market is not None]
    drawn = collect_drawn_seconds(corpus, "cpu_seconds", *pair_samples(names, size_of, ratio))
    return decide_drawn(drawn, corpus, most, STANDARD_BOUNDS, side)


def test_unchanged_corpus_is_unchanged_with_all_its_parts() -> None:
    found = decide(lambda _: 1.0)
    assert found is not None
    assert found.corpus.verdict is Verdict.UNCHANGED
    assert [(part.label, part.verdict) for part in found.strata] == [
        ("in-play never", Verdict.UNCHANGED),
        ("in-play always", Verdict.UNCHANGED),
    ]
    assert found.settled
    assert not found.regressed


def test_regression_of_one_part_is_found_with_its_name() -> None:
    found = decide(lambda name: 1.04 if int(name[1:]) % 4 == 0 else 1.0)
    assert found is not None
    assert found.regressed
    (worst,) = (part for part in found.strata if part.verdict is Verdict.REGRESSED)
    assert worst.label == "in-play always"
    assert worst.estimate.ratio == pytest.approx(1.04, abs=0.002)


def test_labels_that_all_batches_share_are_no_parts() -> None:
    found = decide(lambda _: 1.0)
    assert found is not None
    assert not any(part.label.startswith("sport") for part in found.strata)


def test_batches_of_mixed_or_unknown_labels_are_no_part() -> None:
    def label(name: str) -> Labels:
        number = int(name[1:]) % 3
        return () if number == 0 else (("type", MIXED if number == 1 else "WIN"),)

    found = decide(lambda _: 1.0, labels=label)
    assert found is not None
    assert [part.label for part in found.strata] == ["type WIN"]
    drawn = sum(int(draw.batch[1:]) % 3 == 2 for draw in corpus_of(SIZES).draws[:96])
    assert found.strata[0].estimate.draws == drawn


def test_no_more_parts_are_tested_than_were_agreed() -> None:
    found = decide(lambda _: 1.0, labels=lambda name: (("runners", str(int(name[1:]) % 8)),))
    assert found is not None
    assert len(found.strata) == TESTED_STRATA


def test_nothing_is_settled_before_the_first_look() -> None:
    found = decide(lambda _: 1.5, draws=11)
    assert found is not None
    assert found.corpus.verdict is Verdict.INCONCLUSIVE
    assert not found.settled


def test_clear_regression_is_settled_at_the_first_look() -> None:
    found = decide(lambda _: 1.5, draws=12)
    assert found is not None
    assert found.settled
    assert found.corpus.verdict is Verdict.REGRESSED


def test_verdict_needs_a_pair() -> None:
    assert decide(lambda _: 1.0, draws=0) is None


def test_smaller_share_of_the_error_gives_a_wider_interval() -> None:
    whole = decide(lambda _: 1.0)
    shared = decide(lambda _: 1.0, side=ONE_SIDED_ERROR / 4)
    assert whole is not None
    assert shared is not None
    assert shared.corpus.estimate.confidence > whole.corpus.estimate.confidence
    assert shared.corpus.estimate.high > whole.corpus.estimate.high


def test_census_is_the_last_look_whatever_the_time_would_allow() -> None:
    corpus = corpus_of(SIZES[:20], labels=kind_of)
    found = decide_corpus(corpus, lambda _: 1.01, 20, most=400)
    assert found is not None
    assert found.settled
    assert found.corpus.estimate.draws == 20


def test_batch_without_a_market_does_not_keep_a_census_from_its_verdict() -> None:
    for count in (10, 20):
        corpus = corpus_of(SIZES[:count], labels=kind_of, blank=["b3"])
        found = decide_corpus(corpus, lambda _: 1.1, count)
        assert found is not None
        assert found.corpus.verdict is Verdict.REGRESSED
        assert found.corpus.estimate.draws == count - 1
        assert found.settled


def test_draws_without_a_market_count_towards_a_look() -> None:
    blank = [draw.batch for draw in corpus_of(SIZES).draws[2:4]]
    corpus = corpus_of(SIZES, opened=12, labels=kind_of, blank=blank)
    found = decide_corpus(corpus, lambda _: 1.5, 12)
    assert found is not None
    assert found.corpus.verdict is Verdict.REGRESSED
    assert found.corpus.estimate.draws == 10
