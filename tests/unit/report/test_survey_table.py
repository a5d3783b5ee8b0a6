"""The table of a corpus from made-up samples: seconds of the whole, what failed and what differs, and verdicts of a gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.drawn_corpora import NAME, case_of, corpus_of, gated_corpus, timed
from support.runs import MARKET, run, scenario

from perfbench.gate.verdict import evaluate_gate
from perfbench.model import Claim, Corpus, Failure, Output, OutputDifference, OutputMatch, Package, Run
from perfbench.report.model import CaseStatus, ReportTable, Row
from perfbench.report.survey_rows import choose_survey_confidence
from perfbench.report.survey_table import build_survey_table

SIZES = list(range(10, 50))


def size_of(name: str) -> float:
    return float(SIZES[int(name[1:])])


def surveyed(corpus: Corpus, ratio: Callable[[str], float] = lambda _: 0.5, **changes: object) -> Run:
    """A run of two modes on a corpus of which a byte takes a second before, with the output of both sides the same."""
    measured = []
    for mode in ("full", "light"):
        whole = case_of(mode, "here", NAME)
        measured.append(replace(whole, baseline=mode == "full", output=None))
        for batch in corpus.opened:
            if batch.market is not None:
                seconds = size_of(batch.batch) * (1.0 if mode == "full" else ratio(batch.batch))
                own = case_of(mode, "here", batch.batch)
                passes = (
                    timed(seconds),
                    replace(timed(seconds), kind="memory", metrics={"peak_rss_bytes": seconds * 1e6}),
                )
                measured.append(replace(own, samples=passes, baseline=mode == "full"))
    return replace(run(measured, **changes), corpus=corpus)


def change(made: Run, mode: str, batches: list[str], **changes: object) -> Run:
    """The run with other measurements of a mode in these batches."""
    return replace(
        made,
        measurements=tuple(
            replace(m, **changes) if m.case.mode == mode and m.case.data in batches else m  # type: ignore[arg-type]
            for m in made.measurements
        ),
    )


def table_of(made: Run) -> ReportTable:
    assert made.corpus is not None
    return build_survey_table(made.measurements, made, made.corpus, evaluate_gate(made))


def rows_of(made: Run) -> tuple[Row, ...]:
    return table_of(made).rows


def drawn(corpus: Corpus, count: int) -> list[str]:
    return [draw.batch for draw in corpus.draws[:count]]


# Seconds and ratios ---------------------------------------------------------------------------------------------------------


def test_census_has_the_seconds_of_all_batches() -> None:
    made = surveyed(corpus_of(SIZES))
    full, light = rows_of(made)
    assert [full.seconds, light.seconds] == [pytest.approx(sum(SIZES)), pytest.approx(sum(SIZES) / 2)]
    assert (full.baseline, full.comparison) == (True, None)
    assert light.comparison is not None
    assert light.comparison.ratio == pytest.approx(0.5)
    assert light.status is CaseStatus.MEASURED
    assert light.same_output is OutputMatch.SAME


def test_sample_estimates_the_seconds_of_the_whole_corpus() -> None:
    table = table_of(surveyed(corpus_of(SIZES, opened=20)))
    assert [row.seconds for row in table.rows] == [pytest.approx(sum(SIZES)), pytest.approx(sum(SIZES) / 2)]
    assert table.survey is not None
    assert (table.survey.draws, table.survey.census, table.data) == (20, False, NAME)
    assert [total.label for total in table.survey.totals] == ["full", "light"]
    (pair,) = table.survey.pairs
    assert [market.ratio for market in pair.markets] == [pytest.approx(0.5)] * 20


def test_rate_is_work_of_the_corpus_a_second_and_memory_the_highest_peak() -> None:
    full, light = rows_of(surveyed(corpus_of(SIZES)))
    assert full.rate == pytest.approx(100 * len(SIZES) / sum(SIZES))
    assert light.rate == pytest.approx(2 * 100 * len(SIZES) / sum(SIZES))
    assert full.peak_rss_bytes == pytest.approx(49e6)
    assert full.peak_before is None, "of modes the baseline has a row of its own"


def test_markets_are_ordered_from_the_lowest_ratio() -> None:
    table = table_of(surveyed(corpus_of(SIZES), lambda name: size_of(name) / 100))
    assert table.survey is not None
    (pair,) = table.survey.pairs
    assert [market.name for market in pair.markets] == [f"b{number}" for number in range(40)]


def test_too_few_draws_have_a_ratio_without_an_interval() -> None:
    _, light = rows_of(surveyed(corpus_of(SIZES, opened=5)))
    assert light.comparison is not None
    assert [(w.what, w.detail) for w in light.comparison.warnings] == [("too few draws for an interval", "5")]


def test_interval_of_a_fixed_number_of_draws_does_not_pay_for_looks() -> None:
    made = surveyed(corpus_of(SIZES))
    assert choose_survey_confidence(made) == pytest.approx(0.965)
    for fixed in ({"rounds": 24}, {"shard": (1, 2)}):
        assert choose_survey_confidence(surveyed(corpus_of(SIZES), **fixed)) == 0.95


def test_only_cases_with_data_belong_to_the_corpus() -> None:
    made = surveyed(corpus_of(SIZES))
    assert made.is_surveyed(made.measurements[0].case)
    assert not made.is_surveyed(case_of("full", "here", "").case)
    assert not replace(made, corpus=None).is_surveyed(made.measurements[0].case)


def test_batches_with_unusual_content_are_counted() -> None:
    odd = replace(MARKET, doubts=("an id twice",))
    made = replace(surveyed(corpus_of(SIZES)), data=(odd, MARKET, MARKET))
    assert "1 batch of 3 with unusual content (`perfbench data info` describes a file)" in table_of(made).warnings
    assert not any("unusual" in line for line in table_of(surveyed(corpus_of(SIZES))).warnings)


# What failed ----------------------------------------------------------------------------------------------------------------


def test_failures_are_named_by_batch_and_further_ones_counted() -> None:
    corpus = corpus_of(SIZES)
    failure = Failure("duet 0", "it crashed")
    made = change(surveyed(corpus), "light", drawn(corpus, 5), failures=(failure,))
    _, light = rows_of(made)
    assert light.failed
    assert light.status is CaseStatus.NOT_MEASURED
    assert len(light.notes) == 4
    assert light.notes[-1] == "2 further failures"
    assert "it crashed (duet pass)" in light.notes[0]


def test_mode_without_a_draw_says_why() -> None:
    made = surveyed(corpus_of(SIZES, opened=0))
    full, light = rows_of(made)
    assert full.notes == ("full: no draw was measured in the time: raise --max-time",)
    assert light.status is full.status is CaseStatus.NOT_MEASURED
    assert (light.seconds, light.rate) == (None, None)
    assert table_of(made).survey is None


# Outputs --------------------------------------------------------------------------------------------------------------------

OTHER = Output("other", 100, 1024, ("other",))


def test_other_output_in_one_batch_is_that_of_the_row() -> None:
    corpus = corpus_of(SIZES)
    difference = OutputDifference(1234, "price", "1.5", "1.6")
    made = change(surveyed(corpus), "light", ["b7"], output=OTHER, differences=(difference,))
    _, light = rows_of(made)
    assert light.same_output is OutputMatch.DIFFERENT
    assert light.status is CaseStatus.OUTPUT_DIFFERS
    assert light.comparison is None, "sides that differ in output have no ratio"
    assert light.notes == ("light: differs at update 1,234, price: 1.5 → 1.6, in b7",)


def test_other_output_in_many_batches_is_counted() -> None:
    corpus = corpus_of(SIZES)
    made = change(surveyed(corpus), "light", drawn(corpus, 10), output=OTHER)
    _, light = rows_of(made)
    assert light.notes[0].startswith("light: the outputs differ, in ")
    assert light.notes[3:] == ("other output in 7 further batches",)


def test_output_that_was_never_compared_is_not_the_same() -> None:
    corpus = corpus_of(SIZES)
    made = change(surveyed(corpus), "light", drawn(corpus, 40), output=None)
    assert rows_of(made)[1].same_output is OutputMatch.NOT_COMPARED


# Claims and gates -----------------------------------------------------------------------------------------------------------


def test_announced_speed_up_is_compared_with_the_corpus() -> None:
    announced = Claim("full@engine==1.0", "light@engine==1.0", 2.0, "its notes")
    claimed = replace(scenario("full", "light"), claims=(announced,))
    corpus = corpus_of(SIZES)
    made = replace(surveyed(corpus), scenarios=(claimed,))
    for mode in ("full", "light"):
        made = change(made, mode, drawn(corpus, 40), packages=(Package("engine", "1.0"),))
    assert rows_of(made)[1].claim == "2.0x confirmed"
    assert rows_of(change(made, "light", drawn(corpus, 40), packages=(Package("engine", "1.1"),)))[1].claim == ""
    assert rows_of(surveyed(corpus))[1].claim == ""


def gated(ratio: float, **changes: object) -> Run:
    return gated_corpus(corpus_of(SIZES), {"one": lambda _: ratio}, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "status", "breaches"),
    [
        (1.0, CaseStatus.UNCHANGED, ()),
        (0.9, CaseStatus.IMPROVED, ()),
        (1.1, CaseStatus.REGRESSED, ("is slower: +10.0 %",)),
    ],
)
def test_row_of_a_gate_has_its_verdict_and_its_breaches(
    ratio: float, status: CaseStatus, breaches: tuple[str, ...]
) -> None:
    made = gated(ratio)
    (row,) = rows_of(made)
    assert (row.status, row.breaches) == (status, breaches)
    assert row.comparison == evaluate_gate(made)[made.duets[0]]


def test_environments_have_a_row_for_each_pair_and_the_total_of_both_sides() -> None:
    table = table_of(gated(1.5))
    assert table.sides == ("old", "new")
    assert table.survey is not None
    assert [round(total.total.total) for total in table.survey.totals] == [sum(SIZES), round(1.5 * sum(SIZES))]


def test_gate_without_a_draw_was_not_measured() -> None:
    corpus = corpus_of(SIZES, opened=0)
    (row,) = rows_of(gated_corpus(corpus, {"one": lambda _: 1.0}))
    assert row.status is CaseStatus.NOT_MEASURED
    assert row.notes
