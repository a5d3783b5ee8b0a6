"""The page of an advice: ranked levers, the combination, what to write, and no advice where there is none."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
from support.advices import CANDIDATES, CONFIRMED, advice, gains_of, proposal

from perfbench.advise.model import Candidate, MarketSeconds, OutputCheck, Remainder
from perfbench.advise.search_steps import JoiningStep, ScreenedCandidate, SearchResult
from perfbench.report.advice_formats import render_json, render_markdown
from perfbench.report.advice_report import build_advice_report
from perfbench.report.tables.advice_page import NO_ADVICE, format_hours, render_advice

UNCONFIRMED = replace(CONFIRMED, gains=gains_of(1.005, 12), confirmed=False)
NOTHING = SearchResult(screened=tuple(ScreenedCandidate(gains_of(1.0, 3), "no gain") for _ in CANDIDATES))


def test_levers_are_ranked_by_what_they_gain_and_those_that_were_not_timed_come_last() -> None:
    report = build_advice_report(advice())
    assert [row.proposal.lever for row in report.rows] == [
        "inplay",
        "speed_extra",
        "gc_off",
        "traded_volume",
        "tickrush",
    ]
    assert [row.advised for row in report.rows] == [True, True, False, False, False]
    assert [row.kind for row in report.rows] == [
        "asks for less",
        "same orders",
        "same orders",
        "other orders",
        "same orders",
    ]
    assert [row.outcome for row in report.rows] == [
        "advised",
        "advised",
        "gains less than 1 %",
        "order event 12 of 1.170258213: orders[0].price: 3.2 → 3.25",
        "no wheel for this Python",
    ]


def test_lever_that_changes_an_order_is_shown_with_that_order_and_not_advised() -> None:
    report = build_advice_report(advice())
    (row,) = (row for row in report.rows if row.proposal.lever == "traded_volume")
    assert row.speedup is None
    assert not row.advised
    assert "3.2 → 3.25" in render_advice(report)


def test_combination_is_shown_with_its_own_ratio_beside_the_product_of_its_parts() -> None:
    report = build_advice_report(advice())
    assert report.combination is not None
    assert report.combination.speedup.pairs == 12
    assert report.combination.speedup.ratio == pytest.approx(1.32, rel=0.01)
    assert report.combination.product == pytest.approx(1.24 * 1.08, rel=0.01)
    page = render_advice(report)
    assert "together: 1.32x faster" in page
    assert "confirmed by 12 fresh pairs on 4 markets that nothing was chosen on" in page
    assert "the parts multiplied: 1.34x" in page


def test_seconds_with_the_advice_are_named_as_what_the_ratio_makes_of_a_market_that_was_timed() -> None:
    page = render_advice(build_advice_report(advice()))
    assert re.search(r"your set-up: 3\.160s → about 2\.[34]\d+s a pass of 1\.1$", page, re.MULTILINE)
    page = render_advice(build_advice_report(advice(NOTHING)))
    assert "your set-up: 3.160s a pass of 1.1" in page
    own_files = replace(advice(NOTHING), seconds=(MarketSeconds("", 3.16, 3.2, 44_687),))
    assert "your set-up: 3.160s a pass\n" in render_advice(build_advice_report(own_files))


def test_hours_of_the_corpus_follow_from_its_bytes() -> None:
    report = build_advice_report(advice())
    assert report.saving is not None
    assert report.saving.before == pytest.approx(12_000 * 3.16)
    assert report.saving.after == pytest.approx(12_000 * 3.16 / 1.32, rel=0.01)
    assert "2025.tar (12,000 files): about 10.5 h → 8.0 h of one core, 2.6 h saved" in render_advice(report)


def test_lines_to_write_stand_below_the_table_and_proposals_that_can_only_be_named() -> None:
    lines = render_advice(build_advice_report(advice())).splitlines()
    write = lines.index("what to write")
    assert lines[write + 1 : write + 4] == [
        "  inplay=False: it applies",
        "      inplay = True",
        "    see https://example.org",
    ]
    named = lines.index("named, not tried")
    assert lines[named + 1].startswith("  no books kept in Mine.books")


def test_rest_of_the_time_is_shown_with_floor_owners_and_callbacks() -> None:
    page = render_advice(build_advice_report(advice()))
    assert "what is left on 1.1, with the advice" in page
    assert "floor of betfairlightweight on the whole file, CPU seconds: reading the file 41.000ms" in page
    assert "who owns the time: check_market_book 31%, cache update 22%" in page
    assert "my_backtest.py:Mine.check_market_book: 25% itself, 31% with all that it calls" in page


def test_nothing_to_gain_is_no_advice() -> None:
    report = build_advice_report(advice(NOTHING, remainder=Remainder()))
    page = render_advice(report)
    assert NO_ADVICE in page
    assert "what to write" not in page
    assert report.advised == ()
    assert report.saving is None


def test_gain_that_fresh_pairs_do_not_show_is_no_advice() -> None:
    report = build_advice_report(advice(UNCONFIRMED))
    page = render_advice(report)
    assert "no advice: inplay=False + betfairlightweight[speed] was not confirmed: 1.00x faster" in page
    assert report.advised == ()
    assert {row.outcome for row in report.rows[:2]} == {"not confirmed"}


def test_confirmation_that_failed_is_named() -> None:
    failed = replace(CONFIRMED, gains=(), confirmed=False, failure="timed out after 600 s")
    assert "could not be confirmed: timed out after 600 s" in render_advice(build_advice_report(advice(failed)))


def test_single_market_is_not_called_held_out() -> None:
    page = render_advice(build_advice_report(advice(training=("1.1",), held_out=("1.1",))))
    assert "12 fresh pairs on the market that it was chosen on" in page
    page = render_advice(build_advice_report(advice(training=(), held_out=(), corpus=None)))
    assert "12 fresh pairs of the same program" in page


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (JoiningStep(4, "excluded"), "excludes a faster one"),
        (JoiningStep(4, "no gain"), "no gain beside others"),
        (JoiningStep(4, "no time"), "no time left to combine it"),
        (JoiningStep(4, "failed", reason="other orders"), "other orders"),
    ],
)
def test_lever_that_did_not_join_says_why(step: JoiningStep, outcome: str) -> None:
    report = build_advice_report(advice(replace(CONFIRMED, steps=(*CONFIRMED.steps, step))))
    assert next(row.outcome for row in report.rows if row.number == 4) == outcome


def test_lever_that_may_change_orders_is_not_advised_where_it_does_not() -> None:
    candidates = (Candidate(proposal("isolation", kind="changes"), OutputCheck("same")),)
    result = SearchResult(screened=(ScreenedCandidate(gains_of(2.0, 6), "kept"),))
    (row,) = build_advice_report(advice(result, candidates)).rows
    assert (row.kind, row.outcome, row.advised) == ("other orders", "the same orders here; not advised", False)


def test_incomplete_advice_says_so_and_shows_what_there_is() -> None:
    document = advice(SearchResult(), [replace(CANDIDATES[0], check=None)], seconds=(), remainder=Remainder())
    page = render_advice(build_advice_report(replace(document, run=replace(document.run, finished=False))))
    assert page.startswith("! incomplete: only the steps that were finished are shown\n")
    assert "not checked" in page
    assert "no advice yet" in page


def test_program_that_no_lever_applies_to_has_no_table() -> None:
    page = render_advice(build_advice_report(advice(SearchResult(), ())))
    assert "no lever applies to this program" in page
    assert NO_ADVICE in page


@pytest.mark.parametrize("width", [60, 80, 100])
def test_page_fits_a_narrow_terminal(width: int) -> None:
    page = render_advice(build_advice_report(advice()), width)
    assert all(len(line) <= width for line in page.splitlines() if "= True" not in line and "http" not in line)


def test_json_has_the_document_and_what_it_concludes() -> None:
    exported = json.loads(render_json(build_advice_report(advice())))
    assert exported["schema"] == 1
    evaluation = exported["evaluation"]
    assert evaluation["advised"] == ["inplay=False", "betfairlightweight[speed]"]
    assert evaluation["combination"]["confirmed"] is True
    assert evaluation["levers"][2]["low"] is None
    assert exported["result"]["gains"] == pytest.approx(list(CONFIRMED.gains))
    assert all(math.isfinite(level["faster"]) for level in evaluation["levers"] if "faster" in level)


def test_markdown_has_the_table_the_verdict_and_the_code() -> None:
    text = render_markdown(build_advice_report(advice()))
    assert "| lever | faster | 95 % interval | pairs | class | result |" in text
    assert "| ▲ inplay=False | 1.24x |" in text
    assert "```\ninplay = True\n```" in text
    assert "Named, not tried:" in text


def test_durations_have_the_unit_that_suits_them() -> None:
    assert [format_hours(seconds) for seconds in (8.11, 130, 45_000)] == ["8.1 s", "2.2 min", "12.5 h"]
