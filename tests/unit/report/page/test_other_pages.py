"""Pages of sweeps, corpora, calibrations, profiles, advice and verdicts, from the same parts as the page of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import advices, profiles
from support.extended_sweeps import (
    MARKETS,
    OTHER_MACHINE,
    extend,
    measure,
    plan_of,
    prepare_sweep,
    sweep_settings,
)
from support.pages import RESULTS, ReadPage, embedded, large_corpus, render
from support.runs import run
from support.sweeps import COSTS, sweep

from perfbench.advise.document import ADVICES
from perfbench.gate.calibration.document import SLOWER_KIND, load_calibration
from perfbench.model import Case, Market, Run
from perfbench.profiling.document import PROFILES, ProfileDocument
from perfbench.profiling.memory.curve import MemoryCurve, MemoryMark
from perfbench.report import build
from perfbench.report.advice_report import build_advice_report
from perfbench.report.page.advice_page import build_advice_page
from perfbench.report.page.calibration_page import build_calibration_page
from perfbench.report.page.flame_chart import draw_difference, draw_profile
from perfbench.report.page.memory_chart import draw_memory
from perfbench.report.page.profile_page import build_profile_page
from perfbench.report.page.render import render_page
from perfbench.report.page.verdict_page import build_verdict_page
from perfbench.report.sweep_result import read_trajectory
from perfbench.report.tables import advice
from perfbench.results import storage


def saved(name: str) -> Run:
    return storage.load_run(RESULTS / f"reference-{name}.json")


# Sweeps ---------------------------------------------------------------------------------------------------------------


def made_sweep() -> Run:
    """A sweep over releases of known cost, with two modes."""
    specs = tuple(f"horses=={name}" for name in COSTS)
    made = run(sweep(COSTS, modes=("light", "full")), environments=(specs,), links="neighbours", rounds=24)
    return replace(made, id="my-sweep")


def test_numbers_of_the_releases_are_those_of_the_trajectory() -> None:
    made = made_sweep()
    rows = ReadPage(render(made)).rows("releases")
    trajectory, _ = read_trajectory(made)
    assert [row.data["release"] for row in rows] == list(COSTS) or [str(row.data["release"]) for row in rows]
    for number, row in enumerate(rows):
        for place, line in enumerate(trajectory.lines):
            point = line.points[number]
            assert row.data[f"relative-{place}"] == point.relative
            assert row.data[f"seconds-{place}"] == point.seconds
            if point.step is not None:
                assert row.data[f"step-{place}"] == point.step.ratio


def test_page_of_a_sweep_shows_its_curves_and_opens_its_significant_steps() -> None:
    made = made_sweep()
    page = ReadPage(render(made))
    page.check_is_closed()
    assert page.title == "horses 2.10.0 → 2.23.2"
    trajectory, _ = read_trajectory(made)
    significant = [step for step in trajectory.steps if step.significant]
    names = [fold.text_content().split()[0] for fold in page.root.xpath("//section[@id='steps']//summary/b")]
    assert names == [step.before for step in significant]
    assert len(page.root.xpath("//section[@id='trajectory']//circle")) == len(significant)
    assert msgspec.json.decode(embedded(page.text), type=Run) == made


def extended_sweep(**changes: Any) -> Run:
    """A sweep with a significant step in each of its two parts, the second of them on a machine that is three times slower."""
    costs = {"1.0": 1.0, "1.1": 0.8, "1.2": 0.5}
    markets = changes.get("markets", MARKETS[:1])
    short = measure(
        prepare_sweep(sweep_settings("1.0", "1.1"), markets=markets, name="kept"), lambda _, name: costs[name]
    )
    planned = plan_of(short, *costs)
    return extend(short, planned, lambda _, name: 3 * costs[name], machine=OTHER_MACHINE, name="longer")


def test_page_of_an_extended_sweep_has_the_seconds_of_both_parts_and_says_so() -> None:
    made = extended_sweep()
    page = ReadPage(render(made))
    (line,) = read_trajectory(made)[0].lines
    rows = page.rows("releases")
    assert [row.cells[0] for row in rows] == ["1.0", "1.1", "1.1 again", "1.2"]
    first, before, last = line.points
    assert [row.data["seconds-0"] for row in rows] == [first.seconds, before.seconds, before.again, last.seconds]
    assert [row.data.get("step-0") for row in rows] == [
        None,
        before.step and before.step.ratio,
        None,
        last.step and last.step.ratio,
    ]
    below = page.root.xpath("string(//section[@id='releases'])")
    assert "measured in 2 parts" in below
    assert "measured on another machine (CPU, 2 cores → Other, 4 cores)" in below
    machines = page.root.xpath("string(//section[@id='environments'])")
    assert "machine of kept" in machines
    assert "Other, 4 cores" in machines


@pytest.mark.parametrize("markets", [MARKETS[:1], MARKETS])
def test_every_significant_step_opens_with_the_pairs_that_measured_it(markets: Sequence[Market]) -> None:
    page = ReadPage(render(extended_sweep(markets=markets)))
    drawn = page.root.xpath("//section[@id='steps']//svg[contains(@aria-label, 'pairs in order of time')]/@aria-label")
    assert drawn == ["ratio of each of 17 pairs in order of time"] * 2 * len(markets)


# Corpora --------------------------------------------------------------------------------------------------------------


def test_page_of_a_corpus_draws_every_market_by_stratum_and_names_the_five_slowest() -> None:
    made = saved("corpus")
    (table,) = build.build_report(made, ()).tables
    assert table.survey is not None
    (pair,) = table.survey.pairs
    page = ReadPage(render(made))
    strips = page.root.xpath("//section[@id='opened']//figure[contains(svg/@aria-label, 'drawn markets')]")
    assert len(strips) == len(pair.strata)
    worst = [market.name for market in sorted(pair.markets, key=lambda market: -market.ratio)[:5]]
    for strip, strata in zip(strips, pair.strata, strict=True):
        dots = sum(len(re.findall("M", d)) for d in strip.xpath(".//path[contains(@class, 'market')]/@d"))
        assert dots == len(pair.markets)
        assert all(name in strip.xpath("string(figcaption)") for name in worst)
        labels = strip.xpath(".//text[@class='tick']/text()")
        assert {stratum.label for stratum in strata.strata} <= set(labels)


def test_page_of_two_thousand_markets_stays_below_three_megabytes() -> None:
    text = render(large_corpus(2000))
    assert len(text.encode()) <= 3_000_000
    page = ReadPage(text)
    strip = page.root.xpath("//section[@id='opened']//figure[contains(svg/@aria-label, 'drawn markets')]")[0]
    assert sum(len(re.findall("M", d)) for d in strip.xpath(".//path[contains(@class, 'market')]/@d")) > 1000


def test_page_of_the_headline_stays_below_half_a_megabyte() -> None:
    assert len(render(saved("headline")).encode()) <= 500_000


# Calibrations ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calibration_page() -> str:
    return render_page(build_calibration_page(load_calibration("reference-calibration", RESULTS)))


def test_page_of_a_calibration_has_the_injected_slowdowns_and_the_other_tools(calibration_page: str) -> None:
    result = load_calibration("reference-calibration", RESULTS)
    page = ReadPage(calibration_page)
    page.check_is_closed()
    rows = page.rows("Injected slowdowns")
    assert [(row.data["injected"], row.data["ratio"], row.data["low"], row.data["high"]) for row in rows] == [
        (detection.injected, detection.ratio, detection.low, detection.high) for detection in result.injected
    ]
    assert [row.cells[0] for row in page.rows("Tools")] == [score.tool for score in result.scores]


def test_calibration_is_read_from_its_page(calibration_page: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.html"
    path.write_text(calibration_page)
    assert load_calibration(str(path), tmp_path) == load_calibration("reference-calibration", RESULTS)
    assert msgspec.json.decode(embedded(calibration_page, SLOWER_KIND))["id"].endswith("-slower")


# Profiles -------------------------------------------------------------------------------------------------------------


def test_page_of_a_profile_diff_has_the_functions_and_the_flame_graph() -> None:
    document = PROFILES.load(RESULTS / "reference-blame.profile.json")
    page = ReadPage(render_page(build_profile_page(document)))
    page.check_is_closed()
    rows = [row.cells for row in page.rows("Functions behind the difference")]
    assert rows[-1][0] == "the whole difference"
    assert rows[0][0].startswith("betfairlightweight/resources/bettingresources.py:RunnerBookEX.__init__.<listcomp>")
    assert [svg.get("aria-label") for svg in page.root.xpath("//svg[@class='flame']")] == [
        "differential flame graph of one pass"
    ] * 2
    assert msgspec.json.decode(embedded(page.text, "profile"), type=ProfileDocument) == document


def test_frames_of_a_flame_graph_are_as_wide_as_their_seconds() -> None:
    made = profiles.profile({"a.py:main": 1.0, "a.py:main > a.py:parse": 3.0})
    figure = draw_profile(made)
    assert figure is not None
    frames = re.findall(
        r"<g><title>(\S+).*?</title><rect class=\"\S+\" x=\"([\d.]+)\" y=\"(\d+)\" width=\"([\d.]+)\"",
        figure.svg.markup,
    )
    assert frames == [
        ("whole", "0.00", "0", "1120.00"),
        ("main", "0.00", "18", "1120.00"),
        ("parse", "0.00", "36", "840.00"),
    ]


def test_differential_flame_graph_colours_more_and_less() -> None:
    before = profiles.profile({"a.py:main > a.py:old": 3.0, "a.py:main > a.py:same": 1.0}, unprofiled=(4.0,))
    after = profiles.profile({"a.py:main > a.py:new": 1.0, "a.py:main > a.py:same": 1.0}, unprofiled=(2.0,))
    by_after, by_before = draw_difference(before, after)
    classes = dict(re.findall(r"<title>(\S+) .*?<rect class=\"(\S+)\"", by_after.svg.markup))
    assert classes["new"].startswith("more")
    assert classes["same"] == "same"
    assert "old" not in classes
    assert dict(re.findall(r"<title>(\S+) .*?<rect class=\"(\S+)\"", by_before.svg.markup))["old"] == "less4"


def test_hostile_function_is_text_in_a_flame_graph() -> None:
    figure = draw_profile(profiles.profile({f"a.py:{profiles.HOSTILE}": 1.0}))
    assert figure is not None
    assert "<img" not in figure.svg.markup
    assert "</script>" not in figure.svg.markup


def test_memory_of_a_pass_is_drawn_with_its_peak_and_its_marks() -> None:
    rss = (20_000_000, 30_000_000, 90_000_000, *[40_000_000] * 2000)
    times = tuple(0.001 * number for number in range(len(rss)))
    made = MemoryCurve(
        Case("replay", "full", "here", "1.2"), "updates", len(rss), times[-1], times, tuple(map(float, range(len(rss)))), rss,
        baseline=20_000_000, marks=(MemoryMark("in-play", 1.0),),
    )  # fmt: skip
    figure = draw_memory([made, replace(made, case=replace(made.case, mode="light"))])
    lines = re.findall(r'<path class="line s\d" d="M([^"]+)"', figure.svg.markup)
    assert len(lines) == 2
    points = [tuple(map(float, point.split())) for point in lines[0].split("L")]
    assert len(points) <= 800
    assert min(y for _, y in points) == min(points[:3], key=lambda point: point[1])[1]
    assert figure.svg.markup.count(">in-play<") == 2


def test_large_profile_stays_small_on_a_page() -> None:
    first, second = draw_difference(profiles.large(), profiles.large(faster=True))
    assert len(first.svg.markup) + len(second.svg.markup) < 400_000


# Advice and verdicts ---------------------------------------------------------------------------------------------------


def test_page_of_an_advice_has_the_ranked_table_and_what_to_write() -> None:
    document = advices.advice()
    report = build_advice_report(document)
    page = ReadPage(render_page(build_advice_page(report)))
    page.check_is_closed()
    rows = page.rows("levers")
    assert [row.cells[0].removeprefix("▲ ") for row in rows] == [row.proposal.title for row in report.rows]
    timed = [row for row in report.rows if row.speedup is not None]
    assert [row.data["ratio"] for row in rows if "ratio" in row.data] == [
        row.speedup.ratio for row in timed if row.speedup
    ]
    written = page.root.xpath("string(//section[@id='write'])")
    assert all(line in written for row in report.advised for line in row.proposal.write.splitlines())
    assert ADVICES.decode(Path("x"), embedded(page.text, "advice")) == document


def test_page_of_verdicts_has_a_row_for_every_piece_of_advice_of_all_runs() -> None:
    reports = [build.build_report(saved(f"verdicts-{name}"), ()) for name in ("network", "reconnect")]
    page = ReadPage(render_page(build_verdict_page(reports)))
    page.check_is_closed()
    rows = [row for report in reports for row in advice.build_rows(report)]
    assert [row.cells[1] for row in page.rows("advice")] == [row.verdict for row in rows]
    assert page.sentence.startswith(f"Of {len(rows)} pieces of advice, ")
