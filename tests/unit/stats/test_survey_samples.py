"""Seconds of drawn batches: which draws belong to the sample, which passes of them count, and what they say of the corpus."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from support.drawn_corpora import corpus_of, pair_samples, timed
from support.runs import sample

from perfbench.model import SOLO_ROUNDS, Corpus, Sample
from perfbench.stats import survey, survey_census
from perfbench.stats.survey_draws import compute_inclusion
from perfbench.stats.survey_samples import DrawnSeconds, collect_drawn_seconds

CPU = "cpu_seconds"
SIZES = list(range(10, 50))


def name_draws(corpus: Corpus, count: int | None = None) -> list[str]:
    return [draw.batch for draw in corpus.draws[:count]]


def bytes_of(name: str) -> float:
    """The seconds of a batch that takes one for each byte."""
    return float(SIZES[int(name[1:])])


def surveyed(corpus: Corpus, names: list[str], ratio: float = 2.0) -> DrawnSeconds:
    """The seconds of these batches, with one ratio."""
    return collect_drawn_seconds(corpus, CPU, *pair_samples(names, bytes_of, lambda _: ratio))


def in_batch(before: list[Sample], after: list[Sample] | None) -> DrawnSeconds:
    """The seconds of a corpus with a single batch, by its passes."""
    sides = ({"b0": before}, None if after is None else {"b0": after})
    return collect_drawn_seconds(corpus_of([7]), CPU, *sides)


# Which draws belong to the sample --------------------------------------------------------------------------------------------


def test_draws_are_in_their_order_with_the_threshold_of_the_last() -> None:
    corpus = corpus_of(SIZES, opened=12)
    drawn = surveyed(corpus, name_draws(corpus, 12))
    assert [draw.batch for draw in drawn.draws] == name_draws(corpus, 12)
    assert drawn.threshold == corpus.draws[11].threshold
    assert not drawn.census
    assert drawn.list_seconds(1) == [2 * bytes_of(name) for name in name_draws(corpus, 12)]


def test_sample_ends_before_the_first_draw_that_was_not_begun() -> None:
    corpus = corpus_of(SIZES, opened=20)
    gap = corpus.draws[12].batch
    corpus = replace(corpus, opened=tuple(batch for batch in corpus.opened if batch.batch != gap))
    drawn = surveyed(corpus, [name for name in name_draws(corpus, 20) if name != gap])
    assert [draw.batch for draw in drawn.draws] == name_draws(corpus, 12)
    assert drawn.threshold == corpus.draws[11].threshold
    assert drawn.missing == 0


def test_draw_that_was_left_unfinished_at_the_end_does_not_count() -> None:
    corpus = corpus_of(SIZES, opened=14)
    drawn = surveyed(corpus, name_draws(corpus, 12))
    assert len(drawn.draws) == 12
    assert drawn.threshold == corpus.draws[11].threshold
    assert drawn.missing == 0


def test_draw_without_a_pair_in_the_middle_is_missing() -> None:
    corpus = corpus_of(SIZES, opened=12)
    names = name_draws(corpus, 12)
    drawn = surveyed(corpus, [*names[:3], *names[4:]])
    assert len(drawn.draws) == 11
    assert drawn.missing == 1
    assert drawn.threshold == corpus.draws[11].threshold


def test_damaged_draw_at_the_end_stays_in_the_sample_as_missing() -> None:
    last = corpus_of(SIZES).draws[11].batch
    corpus = corpus_of(SIZES, opened=12, damaged=[last])
    drawn = surveyed(corpus, name_draws(corpus, 11))
    assert drawn.missing == 1
    assert drawn.threshold == corpus.draws[11].threshold
    assert drawn.filled == 1.0


def test_nothing_that_was_drawn_is_no_sample() -> None:
    for corpus in (corpus_of(SIZES, opened=0), replace(corpus_of(SIZES), draws=(), opened=())):
        drawn = surveyed(corpus, [])
        assert (drawn.measured, drawn.inclusion, drawn.filled, drawn.census) == ((), [], 1.0, False)
        assert drawn.estimate_ratio(0.95) is None
        assert drawn.estimate_total(0.95) is None


def test_every_batch_measured_is_a_census() -> None:
    corpus = corpus_of(SIZES)
    drawn = surveyed(corpus, name_draws(corpus))
    assert drawn.census
    assert drawn.inclusion == drawn.weights == [1.0] * 40
    assert not surveyed(corpus_of(SIZES, damaged=["b3"]), [n for n in name_draws(corpus) if n != "b3"]).census


# Draws without a market ------------------------------------------------------------------------------------------------------


def test_batches_without_a_market_take_no_time_and_are_not_missing() -> None:
    names = name_draws(corpus_of(SIZES), 12)
    corpus = corpus_of(SIZES, opened=12, blank=names[4:6])
    drawn = surveyed(corpus, [*names[:4], *names[6:]])
    assert drawn.missing == 0
    shares = [draw.share for draw in corpus.draws[:12]]
    weights = [share / chance for share, chance in zip(shares, compute_inclusion(shares, drawn.threshold), strict=True)]
    assert drawn.filled == pytest.approx(1 - sum(weights[4:6]) / sum(weights))


def test_total_is_that_of_the_part_that_is_market_streams() -> None:
    """Every byte takes a second, so that the total of the corpus is known: its bytes without the blank ones."""
    blank = [f"b{number}" for number in range(0, 40, 4)]
    corpus = corpus_of(SIZES, blank=blank)
    drawn = surveyed(corpus, [name for name in name_draws(corpus) if name not in blank])
    assert drawn.filled == pytest.approx(1 - sum(map(bytes_of, blank)) / sum(SIZES))
    total = drawn.estimate_total(0.95)
    assert total is not None
    assert total.total == pytest.approx(sum(SIZES) - sum(map(bytes_of, blank)))
    sampled = replace(corpus, opened=corpus.opened[:20])
    part = surveyed(sampled, [name for name in name_draws(corpus, 20) if name not in blank])
    estimated = part.estimate_total(0.95)
    assert estimated is not None
    assert estimated.total == pytest.approx(sum(SIZES) * part.filled)
    assert estimated.low <= estimated.total <= estimated.high


# Which passes count ----------------------------------------------------------------------------------------------------------


def test_several_passes_of_one_side_in_a_pair_are_averaged() -> None:
    drawn = in_batch([timed(4.0)], [timed(1.0), timed(3.0)])
    assert drawn.measured[0][1] == (4.0, 2.0)


def test_only_pairs_that_both_sides_share_count() -> None:
    drawn = in_batch([timed(4.0, "one"), timed(8.0, "two")], [timed(2.0, "two"), timed(9.0, "three")])
    assert drawn.measured[0][1] == (8.0, 2.0)
    assert in_batch([timed(4.0, "one")], [timed(2.0, "two")]).measured == ()


def test_repeated_rounds_are_measurements_of_their_own_and_the_batch_has_their_mean() -> None:
    before = [timed(4.0, "one"), timed(8.0, "two", 1)]
    after = [timed(2.0, "one"), timed(6.0, "two", 1)]
    drawn = in_batch(before, after)
    assert [(draw.round, values) for draw, values in drawn.measured] == [(0, (4.0, 2.0)), (1, (8.0, 6.0))]
    assert (drawn.list_seconds(0), drawn.list_seconds(1)) == ([6.0], [4.0])
    assert len(drawn.draws) == 1


def test_round_that_one_side_lacks_is_left_out() -> None:
    drawn = in_batch([timed(4.0, "one"), timed(8.0, "two", 1)], [timed(2.0, "one")])
    assert [draw.round for draw, _ in drawn.measured] == [0]


def test_case_alone_has_its_pairs_and_its_solo_passes_of_the_round() -> None:
    solo = sample(SOLO_ROUNDS, 6.0, "alone")
    drawn = in_batch([timed(4.0), solo], None)
    assert drawn.measured[0][1] == (5.0,)
    assert drawn.estimate_ratio(0.95) is None


@pytest.mark.parametrize("kind", ["check", "memory", "count"])
def test_other_passes_do_not_count(kind: str) -> None:
    assert in_batch([sample(0, 4.0, kind)], None).measured == ()  # type: ignore[arg-type]


def test_solo_passes_of_the_group_belong_to_no_round() -> None:
    assert in_batch([sample(SOLO_ROUNDS - 1, 4.0, "alone")], None).measured == ()


def test_pass_without_the_metric_or_of_no_time_makes_no_pair() -> None:
    assert in_batch([timed(4.0)], [timed(0.0)]).measured == ()
    assert in_batch([timed(4.0)], [replace(timed(1.0), metrics={})]).measured == ()


# Estimates -------------------------------------------------------------------------------------------------------------------


def test_ratio_of_a_sample_is_weighted_by_what_each_draw_stands_for() -> None:
    corpus = corpus_of(SIZES, opened=20)
    names = name_draws(corpus, 20)
    sides = pair_samples(names, bytes_of, lambda name: 1.0 + bytes_of(name) / 100)
    drawn = collect_drawn_seconds(corpus, CPU, *sides)
    found = drawn.estimate_ratio(0.95)
    weights = dict(zip(names, drawn.weights, strict=True))
    expected = sum(w * bytes_of(n) * (1 + bytes_of(n) / 100) for n, w in weights.items()) / sum(
        w * bytes_of(n) for n, w in weights.items()
    )
    assert found is not None
    assert found.ratio == pytest.approx(expected)
    assert found == survey.estimate_ratio(
        drawn.list_seconds(0),
        drawn.list_seconds(1),
        [draw.share for draw in drawn.draws],
        0.95,
        inclusion=drawn.inclusion,
    )


def test_census_has_the_interval_of_the_repeated_batches_alone() -> None:
    corpus = corpus_of(SIZES)
    names = name_draws(corpus)
    before, after = pair_samples(names, bytes_of, lambda name: 1.0 + bytes_of(name) / 100)
    for number, name in enumerate(names[:12]):
        before[name].append(timed(bytes_of(name), "again", 1))
        after[name].append(timed(after[name][0].metrics[CPU] * (1.001 if number % 2 else 0.999), "again", 1))
    drawn = collect_drawn_seconds(corpus, CPU, before, after)
    found = drawn.estimate_ratio(0.95)
    assert found is not None
    assert found.draws == 40
    assert found.ratio == pytest.approx(
        sum(bytes_of(n) * (1 + bytes_of(n) / 100) for n in names) / sum(SIZES), rel=1e-3
    )
    assert found.high / found.ratio - 1 < 0.002, "the scatter between batches is no error of a census"
    total = drawn.estimate_total(0.95, 0)
    assert total is not None
    assert total.total == pytest.approx(sum(SIZES))
    assert total.draws == 40


def test_noise_of_repeated_batches_narrows_a_large_sample() -> None:
    corpus = corpus_of(SIZES, opened=36)
    names = name_draws(corpus, 36)
    before, after = pair_samples(names, bytes_of, lambda name: 1.0 + bytes_of(name) / 100)
    wide = collect_drawn_seconds(corpus, CPU, before, after).estimate_ratio(0.95)
    for name in names[:12]:
        before[name].append(timed(bytes_of(name), "again", 1))
        after[name].append(timed(after[name][0].metrics[CPU], "again", 1))
    drawn = collect_drawn_seconds(corpus, CPU, before, after)
    narrow, total = drawn.estimate_ratio(0.95), drawn.estimate_total(0.95)
    assert wide is not None
    assert narrow is not None
    assert total is not None
    assert narrow.ratio == pytest.approx(wide.ratio)
    assert narrow.high - narrow.low < wide.high - wide.low
    assert math.isfinite(total.high)
    numbers = [names.index(draw.batch) for draw, _ in drawn.measured]
    noise = survey_census.estimate_pair_noise(
        numbers, [values[0] for _, values in drawn.measured], [values[1] for _, values in drawn.measured]
    )
    assert noise is not None
    assert noise.pair == pytest.approx(0.0, abs=1e-12)
    assert noise.degrees == 12
