"""The lines below the table of a corpus, from made-up estimates."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from perfbench.report.survey_model import (
    DrawnMachine,
    DrawnMarket,
    SideTotal,
    SurveyedPair,
    SurveyedStrata,
    SurveySummary,
)
from perfbench.report.survey_text import (
    EXTREMES,
    STRATA_SHOWN,
    describe_survey,
    format_duration,
    format_ratio,
)
from perfbench.stats.survey import RatioEstimate, TotalEstimate
from perfbench.stats.survey_strata import RatioPercentiles, StratumEstimate


def total(seconds: float, low: float, high: float) -> TotalEstimate:
    return TotalEstimate(seconds, low, high, 48, 0.3, 0.95)


def ratio(middle: float, low: float, high: float, draws: int = 48) -> RatioEstimate:
    return RatioEstimate(middle, low, high, draws, 0.183, 0.2, 0.95)


def stratum(label: str, middle: float = 0.5, share: float = 0.4, draws: int = 20) -> StratumEstimate:
    known = draws >= 6
    ends = (middle * 0.9, middle * 1.1) if known else (0.0, math.inf)
    return StratumEstimate(label, ratio(middle, *ends, draws), share, share)


def pair(**changes: object) -> SurveyedPair:
    made = SurveyedPair(
        label="lightweight",
        estimate=ratio(0.5, 0.4, 0.625),
        percentiles=RatioPercentiles(0.4, 0.5, 0.8, 40.0),
        needed=120,
        strata=(),
        markets=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def summary(**changes: object) -> SurveySummary:
    made = SurveySummary(
        name="archive",
        members=22_001,
        batches=22_001,
        packed_bytes=3_000_000_000,
        draws=48,
        shown=48,
        census=False,
        missing=0,
        pairs=(),
        totals=(SideTotal("full", total(11_520.0, 10_440.0, 12_600.0)),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def lines(slower: bool = False, **changes: object) -> list[str]:
    return list(describe_survey(summary(**changes), slower=slower))


# What was drawn -------------------------------------------------------------------------------------------------------------


def test_sample_says_what_was_drawn_of_what() -> None:
    assert lines()[0] == (
        "sample: 48 draws with 48 markets, of 22,001 files, 3.0 GB packed; drawn in proportion to size"
    )


def test_batches_and_missing_draws_are_counted_where_there_are_some() -> None:
    assert lines(batches=900, missing=2, draws=1, shown=30)[0] == (
        "sample: 1 draw, 2 of them not measured with 30 markets, of 22,001 files, 3.0 GB packed in 900 batches; "
        "drawn in proportion to size"
    )


def test_census_says_that_it_has_no_sampling_error() -> None:
    assert lines(census=True, members=12, batches=1)[0] == (
        "census: every one of 12 files, 3.0 GB packed in 1 batch was measured; no sampling error"
    )


def test_hours_of_every_side_are_in_one_line() -> None:
    totals = (SideTotal("full", total(11_520.0, 10_440.0, 12_600.0)), SideTotal("light", total(90.0, 80.0, 101.0)))
    assert lines(totals=totals)[1] == "whole corpus: full 3.2 h [2.9–3.5], light 1.5 min [1.33–1.68]"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (total(3600.0, 3500.0, 3700.0), "1 h [0.972–1.03]"),
        (total(3599.0, 3500.0, 3700.0), "60 min [58.3–61.7]"),
        (total(60.0, 59.0, 61.0), "1 min [0.983–1.02]"),
        (total(59.94, 59.0, 61.0), "59.9 s [59–61]"),
        (total(0.012, 0.011, 0.013), "0.012 s [0.011–0.013]"),
        (total(7200.0, 0.0, math.inf), "2 h"),
    ],
)
def test_duration_is_in_the_largest_unit_that_it_reaches(estimate: TotalEstimate, text: str) -> None:
    assert format_duration(estimate) == text


# Ratios ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimate", "slower", "text"),
    [
        (ratio(0.5, 0.4, 0.625), False, "2.0x [1.600–2.500]"),
        (ratio(0.5, 0.4, 0.625), True, "0.50x [0.400–0.625]"),
        (ratio(2.5, 2.2, 2.8), True, "2.5x [2.20–2.80]"),
        (ratio(0.5, 0.0, math.inf), False, "2.0x"),
        (ratio(0.5, 0.0, math.inf), True, "0.50x"),
    ],
)
def test_ratio_is_how_many_times_less_or_more(estimate: RatioEstimate, slower: bool, text: str) -> None:
    assert format_ratio(estimate, slower) == text


def test_pair_has_its_scatter_what_precision_takes_and_its_percentiles() -> None:
    assert lines(pairs=(pair(),))[2:] == [
        "lightweight: 2.0x [1.600–2.500]; markets scatter by 18.3%; ± 3 % takes 120 draws; "
        "the median market 2.0x, 5th to 95th percentile 1.25x to 2.5x"
    ]
    (slower,) = lines(True, pairs=(pair(),))[2:]
    assert slower.endswith("the median market 0.50x, 5th to 95th percentile 0.40x to 0.80x")


def test_unknown_facts_of_a_pair_are_left_out() -> None:
    unknown = pair(
        estimate=RatioEstimate(0.5, 0.0, math.inf, 1, math.nan, math.inf, 0.95),
        needed=None,
        percentiles=RatioPercentiles(math.nan, 0.5, math.nan, 1.0),
    )
    assert lines(pairs=(unknown,))[2:] == ["lightweight: 2.0x; the median market 2.0x"]


def test_strata_have_their_ratio_and_their_part_of_the_time() -> None:
    strata = SurveyedStrata("sport", (stratum("Soccer"), stratum("Tennis", draws=5, share=0.1)))
    assert lines(pairs=(pair(strata=(strata,)),))[3] == (
        "lightweight by sport: Soccer 2.0x [1.818–2.222] (40% of the time), Tennis (5 draws, too few)"
    )


@pytest.mark.parametrize(("count", "end"), [(STRATA_SHOWN, ")"), (STRATA_SHOWN + 3, ", 3 more")])
def test_many_strata_are_counted(count: int, end: str) -> None:
    strata = SurveyedStrata("runners", tuple(stratum(str(number)) for number in range(count)))
    line = lines(pairs=(pair(strata=(strata,)),))[3]
    assert line.count("of the time") == STRATA_SHOWN
    assert line.endswith(end)


def markets(count: int) -> tuple[DrawnMarket, ...]:
    return tuple(DrawnMarket(f"m{number}", 0.1 * (number + 1)) for number in range(count))


def test_markets_at_both_ends_are_named_each_once() -> None:
    assert lines(pairs=(pair(markets=markets(5)),))[3:] == [
        "lightweight, fastest markets: m0 10.0x, m1 5.0x",
        "lightweight, slowest markets: m4 2.0x, m3 2.5x",
    ]
    assert lines(True, pairs=(pair(markets=markets(4)),))[3:] == [
        "lightweight, fastest markets: m0 0.10x, m1 0.20x",
        "lightweight, slowest markets: m3 0.40x, m2 0.30x",
    ]


def test_few_markets_have_no_ends_and_many_are_not_all_named() -> None:
    assert len(lines(pairs=(pair(markets=markets(3)),))) == 3
    most, least = lines(pairs=(pair(markets=markets(50)),))[3:]
    assert most.count("x,") == least.count("x,") == EXTREMES - 1


# The rest -------------------------------------------------------------------------------------------------------------------


def test_machines_that_differ_have_a_ratio_each() -> None:
    machines = SurveyedStrata("machine", (stratum("fast", 0.5), stratum("this machine", 1.0)))
    assert lines(pairs=(pair(machines=machines),))[3] == (
        "lightweight differs by machine: fast 2.0x [1.818–2.222], this machine 1.00x [0.909–1.111]"
    )


def test_machines_are_listed_with_what_they_measured() -> None:
    one, two = DrawnMachine("fast", "EPYC, 2 cores", 1), DrawnMachine("slow", "Atom, 1 core", 30)
    assert lines(machines=(one,))[-1] == "measured on fast (EPYC, 2 cores) 1 batch"
    assert lines(machines=(one, two))[-1] == (
        "measured on fast (EPYC, 2 cores) 1 batch, slow (Atom, 1 core) 30 batches; "
        "seconds of the whole corpus are a mixture of them"
    )


def test_unpacking_and_what_was_left_out_are_told() -> None:
    assert lines(unpack_seconds=1.5, unpack_share=0.314, skipped=("3 hidden", "1 empty"))[-2:] == [
        "unpacking took 1.500s, 31% on top of the fastest side",
        "left out: 3 hidden; 1 empty",
    ]
