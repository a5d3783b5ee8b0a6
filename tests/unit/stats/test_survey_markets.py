"""Markets of batches that replay several in one pass: their seconds, their labels, and the parts of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.drawn_corpora import Labels, corpus_of, timed

from perfbench.model import BatchFile, Corpus, Sample
from perfbench.stats import survey
from perfbench.stats.survey_markets import (
    MarketSeconds,
    estimate_parts,
    list_kinds,
    list_market_seconds,
    pool_short_markets,
)
from perfbench.stats.survey_samples import collect_drawn_seconds

SOCCER, TENNIS = (("sport", "Soccer"),), (("sport", "Tennis"),)


def of_files(*labels: Labels) -> Corpus:
    """A corpus of one batch with a file of each of these labels."""
    corpus = corpus_of([100])
    files = tuple(BatchFile(f"m{number}", own) for number, own in enumerate(labels))
    return replace(corpus, opened=(replace(corpus.opened[0], files=files),))


def list_of(corpus: Corpus, before: Sequence[Sample], after: Sequence[Sample]) -> list[MarketSeconds]:
    sides = {"b0": before}, {"b0": after}
    return list_market_seconds(collect_drawn_seconds(corpus, "cpu_seconds", *sides), corpus, *sides)


def with_parts(seconds: float, *parts: float) -> Sample:
    return replace(timed(seconds), parts=parts)


def test_seconds_of_a_pair_are_divided_as_its_passes_noted() -> None:
    found = list_of(of_files(SOCCER, TENNIS), [with_parts(10.0, 2.0, 6.0)], [with_parts(4.0, 1.0, 1.0)])
    assert [(m.name, dict(m.labels), m.before, m.after) for m in found] == [
        ("m0", {"sport": "Soccer"}, 2.5, 2.0),
        ("m1", {"sport": "Tennis"}, 7.5, 2.0),
    ]
    assert {(m.batch, m.inclusion) for m in found} == {("b0", 1.0)}


def test_several_passes_of_a_side_are_averaged() -> None:
    before = [with_parts(10.0, 2.0, 6.0), with_parts(10.0, 6.0, 2.0)]
    found = list_of(of_files(SOCCER, TENNIS), before, [with_parts(4.0, 1.0, 1.0)])
    assert [m.before for m in found] == [5.0, 5.0]


def test_passes_outside_of_rounds_and_with_other_files_are_not_asked() -> None:
    check = replace(with_parts(10.0, 9.0, 1.0), kind="check")
    short = replace(with_parts(10.0, 9.0), order=1)
    found = list_of(of_files(SOCCER, TENNIS), [with_parts(10.0, 2.0, 6.0), check, short], [with_parts(4.0, 1.0, 1.0)])
    assert [m.before for m in found] == [2.5, 7.5]


@pytest.mark.parametrize("noted", [(), (0.0, 0.0)])
def test_batch_whose_passes_note_no_file_is_one_market_with_the_labels_that_all_share(noted: tuple[float, ...]) -> None:
    corpus = of_files((*SOCCER, ("in-play", "never")), (*TENNIS, ("in-play", "never")))
    (found,) = list_of(corpus, [with_parts(10.0, 2.0, 6.0)], [with_parts(4.0, *noted)])
    assert (found.name, found.before, found.after) == ("b0", 10.0, 4.0)
    assert dict(found.labels) == {"in-play": "never"}


def test_batch_of_one_file_needs_no_notes() -> None:
    (found,) = list_of(of_files(SOCCER), [timed(10.0)], [timed(4.0)])
    assert (found.name, found.before, found.after) == ("m0", 10.0, 4.0)


def test_batch_of_an_older_run_without_files_has_its_own_labels() -> None:
    corpus = corpus_of([100], labels=lambda _: TENNIS)
    (found,) = list_of(corpus, [timed(10.0)], [timed(4.0)])
    assert (found.name, dict(found.labels)) == ("b0", {"sport": "Tennis"})


def test_file_that_took_no_time_is_no_market() -> None:
    found = list_of(of_files(SOCCER, TENNIS), [with_parts(10.0, 0.0, 5.0)], [with_parts(4.0, 1.0, 1.0)])
    assert [m.name for m in found] == ["m1"]


# Short markets ------------------------------------------------------------------------------------------------------------------


def test_short_markets_of_a_batch_are_taken_together() -> None:
    long, *short = (market("b0", "Soccer", seconds, 2 * seconds, 0.5) for seconds in (0.2, 0.002, 0.003))
    other = market("b1", "Tennis", 0.004, 0.009)
    kept, pool, single = pool_short_markets([long, *short, other])
    assert kept == long
    assert (pool.name, pool.markets, pool.labels, pool.inclusion) == ("b0 Soccer + 1 more", 2, {}, 0.5)
    assert pool.before == pytest.approx(0.005)
    assert pool.after == pytest.approx(0.010)
    assert single == other


def test_market_is_short_where_its_faster_side_is() -> None:
    assert [m.markets for m in pool_short_markets([market("b0", "A", 0.5, 0.001), market("b0", "B", 0.001, 0.5)])] == [
        2
    ]


# Parts ------------------------------------------------------------------------------------------------------------------------


def market(batch: str, label: str, before: float, after: float, inclusion: float = 1.0) -> MarketSeconds:
    return MarketSeconds(batch, f"{batch} {label}", {"sport": label} if label else {}, inclusion, before, after)


def test_kinds_are_those_with_more_than_one_label() -> None:
    markets = [market("b0", "Soccer", 1.0, 1.0), market("b1", "Tennis", 1.0, 1.0)]
    assert list_kinds(markets) == ["sport"]
    assert list_kinds(markets[:1]) == []
    assert list_kinds([market("b0", "Soccer", 1.0, 1.0), market("b1", "", 1.0, 1.0)]) == ["sport"]


def test_part_is_estimated_from_the_sums_of_its_markets_in_each_batch() -> None:
    chances = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    markets = [
        found
        for number, chance in enumerate(chances)
        for found in (
            market(f"b{number}", "Soccer", 1.0 + number, 0.5, chance),
            market(f"b{number}", "Soccer", 1.0, 1.5 + number, chance),
            market(f"b{number}", "", 0.5, 0.5, chance),
        )
    ]
    soccer, unknown = estimate_parts(markets, "sport")
    first, second = [2.0 + number for number in range(7)], [2.0 + number for number in range(7)]
    assert soccer.estimate == survey.estimate_ratio(first, second, [1.0] * 7, inclusion=chances)
    assert (soccer.label, unknown.label) == ("Soccer", "unknown")
    whole = sum((value + 0.5) / chance for value, chance in zip(first, chances, strict=True))
    assert soccer.share_of_seconds == pytest.approx(sum(v / c for v, c in zip(first, chances, strict=True)) / whole)
    assert soccer.share_of_seconds + unknown.share_of_seconds == pytest.approx(1.0)


def test_parts_are_ordered_by_their_seconds() -> None:
    markets = [market("b0", "Tennis", 1.0, 1.0), market("b0", "Soccer", 5.0, 1.0), market("b1", "Golf", 1.0, 1.0)]
    assert [part.label for part in estimate_parts(markets, "sport")] == ["Soccer", "Golf", "Tennis"]
