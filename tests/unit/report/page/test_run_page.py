"""The page of a run: its numbers are those of the report, its parts are in their order, and it contains the run."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from statistics import median

import msgspec
import numpy as np
import pytest
from support.pages import HOSTILE, RESULTS, ReadPage, embedded, hostile, render
from support.runs import gated, measurement, run, sample, sides_of

from perfbench.model import (
    BlamedFunction,
    Budget,
    CaseBlame,
    Claim,
    Environment,
    Failure,
    Metric,
    OutputDifference,
    Package,
    Run,
    Sample,
    Scenario,
)
from perfbench.report import build
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results import storage

RANDOM = np.random.default_rng(11)
STEADY = [float(value) for value in RANDOM.lognormal(0.0, 0.01, 24)]
FASTER = [0.43 * value * float(wobble) for value, wobble in zip(STEADY, RANDOM.lognormal(0.0, 0.01, 24), strict=True)]
SLOWER = [1.07 * value for value in STEADY]
SCENARIO = Scenario("made_up", "", "How fast?", "updates", "cpu_seconds", "", ())


def of_modes(**changes: object) -> Run:
    made = run([measurement("slow", STEADY, baseline=True), measurement("fast", FASTER), measurement("slower", SLOWER)])
    return replace(made, **{"scenarios": (SCENARIO,), **changes})  # type: ignore[arg-type]


def of_environments(**changes: object) -> Run:
    """A comparison of two environments that differ in one package."""
    sides = sides_of("mode", STEADY, FASTER)
    environments = tuple(
        Environment(name, "python", "3.11.7", (Package("tool", version), Package("same", "1")), recipe="pins")
        for name, version in (("old", "1.0"), ("new", "2.0"))
    )
    made = run(sides, environments=(("old", "new"),))
    return replace(made, duets=((sides[0].case.id, sides[1].case.id),), environments=environments, **changes)  # type: ignore[arg-type]


# Sentence -------------------------------------------------------------------------------------------------------------


def test_sentence_counts_how_the_cases_ended() -> None:
    page = ReadPage(render(of_modes()))
    assert page.sentence == "2 modes against slow in made_up: 1 of 2 cases faster, 1 slower."


def test_sentence_of_modes_with_other_outputs_says_so_in_red() -> None:
    made = of_modes()
    slow, fast, slower = made.measurements
    difference = OutputDifference(1, "a", "b", "c", against=slow.case.id, item="book 1")
    page = ReadPage(render(replace(made, measurements=(slow, replace(fast, differences=(difference,)), slower))))
    assert page.sentence.endswith("; the output of 1 case differs.")
    assert "failed" in page.root.xpath("string(//p[contains(@class, 'sentence')]/@class)").split()


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [of_modes(), of_environments(), gated(sides_of("a", STEADY, SLOWER), sides_of("b", STEADY, FASTER), most=24)],
)
def test_numbers_of_the_rows_are_those_of_the_report(made: Run) -> None:
    report = build.build_report(made, MODE_COLUMNS)
    rows = {
        (row.data.get("case-before", ""), row.data["case"]): row.data for row in ReadPage(render(made)).rows("cases")
    }
    compared = [row for table in report.tables for row in table.rows if row.comparison is not None]
    assert compared
    for row in compared:
        shown, comparison = rows[row.case_before, row.case], row.comparison
        assert comparison is not None
        assert shown["verdict"] == comparison.verdict.value
        assert shown["status"] == row.status.value
        for name in ("before", "after", "ratio", "low", "high", "pairs", "sigma", "confidence"):
            assert shown[name] == getattr(comparison, name), name


def test_numbers_of_the_rows_follow_from_the_samples_inside_the_page() -> None:
    page = render(of_modes())
    document = msgspec.json.decode(embedded(page))
    seconds = {m["case"]["mode"]: [s["metrics"]["cpu_seconds"] for s in m["samples"]] for m in document["measurements"]}
    fast = next(row.data for row in ReadPage(page).rows("cases") if row.cells[0].startswith("fast"))
    assert fast["before"] == median(seconds["slow"])
    assert fast["after"] == median(seconds["fast"])
    logs = [math.log(b / a) for a, b in zip(seconds["slow"], seconds["fast"], strict=True)]
    walsh = [(x + y) / 2 for place, x in enumerate(logs) for y in logs[place:]]
    assert fast["ratio"] == pytest.approx(math.exp(median(walsh)))
    assert fast["low"] < fast["ratio"] < fast["high"] < 1


def test_texts_of_a_row_are_those_of_the_terminal() -> None:
    made = of_environments()
    (row,) = ReadPage(render(made)).rows("cases")
    comparison = build.build_report(made, ()).tables[0].rows[0].comparison
    assert comparison is not None
    assert row.cells[2].startswith(f"{1 / comparison.ratio:.1f}x faster ▲")
    assert f"{1 / comparison.high:.2f}–{1 / comparison.low:.2f}" in row.cells[2]
    assert "24 pairs" in row.cells[1]


def test_intervals_are_drawn_in_the_order_of_their_ratios() -> None:
    root = ReadPage(render(of_modes())).root
    places = {}
    for row in root.xpath("//table[@data-name='cases']/tbody/tr[@data-ratio]"):
        (dot,) = row.xpath(".//path[contains(@class, 'estimate')]/@d")
        places[float(row.get("data-ratio"))] = float(re.match(r"M([\d.]+)", dot)[1])  # type: ignore[index]
    ones = {path.rpartition("M")[2].split()[0] for path in root.xpath("//tbody//path[@class='one']/@d")}
    (one,) = map(float, ones)
    assert [places[ratio] for ratio in sorted(places)] == sorted(places.values())
    assert all((place < one) == (ratio < 1) for ratio, place in places.items())


def test_claim_is_marked_at_its_ratio() -> None:
    claim = Claim("mode@tool==1.0", "mode@tool==2.0", 2.0, "release notes")
    made = of_environments(scenarios=(replace(SCENARIO, claims=(claim,)),))
    packages = {"old": (Package("tool", "1.0"),), "new": (Package("tool", "2.0"),)}
    made = replace(
        made, measurements=tuple(replace(m, packages=packages[m.case.environment]) for m in made.measurements)
    )
    page = ReadPage(render(made))
    (corners,) = page.root.xpath("//tbody//path[@class='claim']/@d")
    (dot,) = page.root.xpath("//tbody//path[contains(@class, 'estimate')]/@d")
    (ratio,) = [row.data["ratio"] for row in page.rows("cases")]
    claimed_is_right = float(corners[1:].split()[0]) > float(dot[1:].split()[0])
    assert claimed_is_right is (ratio < 0.5)
    assert page.rows("cases")[0].cells[-1] == "2.0x confirmed"


# Parts ----------------------------------------------------------------------------------------------------------------


def test_sections_stand_in_their_order() -> None:
    page = ReadPage(render(of_environments()))
    assert page.sections == ["cases", "opened", "output", "environments", "method", "commands"]


def test_opened_case_has_every_figure_and_each_its_sentence() -> None:
    shown = ReadPage(render(of_environments())).figures
    assert [label for label, _ in shown] == [
        "ratio of each of 24 pairs in order of time",
        "distribution of the ratios of 24 pairs",
        "CPU seconds of both sides in order of time",
        "cumulative distribution of the CPU seconds of both sides",
        "the change that a number of pairs detects",
    ]
    assert all(caption.endswith(".") and len(caption) > 60 for _, caption in shown)


def test_pairs_are_drawn_one_by_one_in_order_of_time() -> None:
    (path,) = ReadPage(render(of_environments())).root.xpath("//path[@class='dot pair']/@d")
    dots = [tuple(map(float, dot.split())) for dot in re.findall(r"M([\d.]+ [\d.]+)h0", path)]
    ratios = [after / before for before, after in zip(STEADY, FASTER, strict=True)]
    assert len(dots) == 24
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    highest = sorted(range(24), key=lambda place: dots[place][1])[:3]
    assert set(highest) == set(sorted(range(24), key=lambda place: -ratios[place])[:3])


def test_sentence_says_what_was_compared_and_what_could_have_stayed_hidden() -> None:
    page = ReadPage(render(of_environments()))
    assert page.title == "old → new"
    assert page.sentence == "new against old in made_up: 2.3x faster."
    assert re.search(r"Changes below \d\.\d % could have stayed hidden\.", page.text)


def test_few_pairs_are_said_to_hide_any_change() -> None:
    made = run([measurement("slow", [1.0, 1.1, 0.9], baseline=True), measurement("fast", [0.5, 0.6, 0.4])])
    page = ReadPage(render(made))
    assert "too few pairs for an interval" in page.text
    assert len(page.root.xpath("//tbody//path[contains(@class, 'arrow')]")) == 2
    assert "too few to say which change would have been seen" in page.text


def test_environments_are_a_difference_package_by_package() -> None:
    page = ReadPage(render(of_environments()))
    assert [row.cells for row in page.rows("Differences of the environments")] == [("tool", "1.0", "2.0")]
    assert ("same", "1") in [row.cells for row in page.rows("The same in all environments")]


def test_first_difference_of_the_output_stands_side_by_side() -> None:
    difference = OutputDifference(7, "runners[1].price", "3.5", "3.55", against="made_up/slow@here")
    made = of_modes()
    changed = [replace(m, differences=(difference,)) if m.case.mode == "fast" else m for m in made.measurements]
    page = ReadPage(render(replace(made, measurements=tuple(changed))))
    (table,) = page.root.xpath("//section[@id='output']//div[@class='difference']")
    assert [cell.text_content() for cell in table.xpath(".//th|.//td")] == ["slow", "fast", "3.5", "3.55"]
    assert table.xpath("string(p)") == "update 7, runners[1].price"
    assert "not every mode gives the same output" in page.warnings


def test_failures_stand_at_the_top_with_their_reason() -> None:
    made = of_modes()
    failed = replace(measurement("broken", []), failures=(Failure("duet 3", "ValueError: no such price"),))
    page = ReadPage(render(replace(made, measurements=(*made.measurements, failed))))
    assert page.warnings[:2] == ["not everything was measured", "! broken: ValueError: no such price (duet pass)"]
    (row,) = [row for row in page.rows("cases") if row.cells[0] == "! broken"]
    assert row.cells[-1] == "not measured"


def test_metrics_of_the_scenario_have_a_table_of_their_own() -> None:
    metric = Metric("ms", name="pause_ms")
    made = of_modes(scenarios=(replace(SCENARIO, metrics=(metric,)),))

    def report(samples: tuple[Sample, ...], value: float) -> tuple[Sample, ...]:
        alone = tuple(replace(sample(n, 1.0, "alone"), numbers={"pause_ms": value + n}) for n in range(8))
        return (*samples, *alone)

    values = {"slow": 20.0, "fast": 5.0, "slower": 20.0}
    made = replace(
        made, measurements=tuple(replace(m, samples=report(m.samples, values[m.case.mode])) for m in made.measurements)
    )
    rows = ReadPage(render(made)).rows("Metrics of made_up")
    assert [row.cells for row in rows] == [("slow", "23.5 ms"), ("fast", "8.50 ms ▲"), ("slower", "23.5 ms ?")]


def test_blamed_functions_are_listed_with_a_gate() -> None:
    made = gated(sides_of("a", STEADY, SLOWER), most=24)
    culprit = BlamedFunction("tool/core.py:parse", 100.0, 180.0, 1.0, 1.0, 0.07)
    made = replace(made, blames=(CaseBlame(*made.duets[0], culprits=(culprit,)),))
    page = ReadPage(render(made))
    assert "blame" in page.sections
    assert "tool/core.py:parse" in page.root.xpath("string(//section[@id='blame'])")
    assert page.sentence == "Gate failed: 1 case (1 regressed)."


def test_budget_of_a_gate_has_a_column_with_what_was_measured() -> None:
    made = gated(sides_of("a", STEADY, SLOWER), most=24, budgets=(Budget("peak", 2e6),))
    peaks = tuple(replace(sample(n, 1.0, "memory"), metrics={"peak_rss_bytes": 3e6}) for n in range(3))
    made = replace(made, measurements=tuple(replace(m, samples=(*m.samples, *peaks)) for m in made.measurements))
    (table,) = ReadPage(render(made)).root.xpath("//table[@data-name='cases']")
    heads = [" ".join(head.text_content().split()) for head in table.xpath("thead//th/span")]
    assert heads[-3:] == ["peak=2MB", "same output", "verdict"]
    (cell,) = table.xpath(f"tbody/tr/*[{heads.index('peak=2MB') + 1}]/span")
    assert (cell.text, cell.get("class")) == ("3.0 MB", "failed")


def test_many_warnings_are_summed_up_and_all_of_them_are_there() -> None:
    markets = [f"1.{number}" for number in range(12)]
    noisy = {market: [float(value) for value in RANDOM.lognormal(0.0, 0.2, 24)] for market in markets}
    sides = {m: (measurement("slow", STEADY, baseline=True), measurement("noisy", noisy[m])) for m in markets}
    made = run([replace(m, case=replace(m.case, data=market)) for market in markets for m in sides[market]])
    page = ReadPage(render(made))
    assert "pairs scatter: in 12 tables" in page.warnings
    assert sum(line.startswith("pairs scatter (noisy by") for line in page.warnings) == 12


def test_summed_up_warnings_count_their_tables_and_not_those_of_the_whole_run() -> None:
    markets = [f"1.{number}" for number in range(9)]
    noisy = {market: [float(value) for value in RANDOM.lognormal(0.0, 0.2, 24)] for market in markets}
    sides = {m: (measurement("slow", STEADY, baseline=True), measurement("noisy", noisy[m])) for m in markets}
    made = run([replace(m, case=replace(m.case, data=market)) for market in markets for m in sides[market]])
    page = ReadPage(render(replace(made, finished=False)))
    (line,) = [line for line in page.warnings if line.startswith("this run is not finished")][:1]
    assert ": in" not in line
    assert "pairs scatter: in 9 tables" in page.warnings


# The page itself ------------------------------------------------------------------------------------------------------


def test_page_contains_the_run() -> None:
    made = of_environments()
    assert msgspec.json.decode(embedded(render(made)), type=Run) == made


def test_page_is_closed_to_everything_but_its_own_style_and_script() -> None:
    ReadPage(render(of_environments())).check_is_closed()


def test_page_can_be_read_without_its_script() -> None:
    page = ReadPage(render(of_modes()))
    for element in page.root.xpath("//script"):
        element.drop_tree()
    assert not page.root.xpath("//*[@hidden][not(self::button)]")
    links = {str(link).removeprefix("#") for link in page.root.xpath("//a/@href[starts-with(., '#')]")}
    assert links <= {str(name) for name in page.root.xpath("//@id")}


def test_hostile_names_are_text_everywhere() -> None:
    page = ReadPage(render(hostile()))
    page.check_is_closed()
    assert len(page.root.xpath("//script")) == 2
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "49" not in page.title
    shown = HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    assert shown in page.root.xpath("string(//section[@id='environments'])")
    assert msgspec.json.decode(embedded(page.text), type=Run) == hostile()


def test_means_over_several_files_are_those_of_the_report() -> None:
    made = storage.load_run(RESULTS / "reference-headline.json")
    report = build.build_report(made, MODE_COLUMNS)
    page = ReadPage(render(made))
    rows = page.rows("replay · betfairlightweight 2.11.2 → 2.12.0 · geometric mean of 3 files")
    assert [row.cells[0] for row in rows] == [mean.mode for mean in report.means]
    for row, mean in zip(rows, report.means, strict=True):
        assert [row.data[name] for name in ("ratio", "low", "high")] == [mean.mean.ratio, mean.mean.low, mean.mean.high]
    assert "every file has the same weight" in page.root.xpath("string(//section[@id='means'])")


def test_run_of_one_file_has_no_means() -> None:
    assert "means" not in ReadPage(render(of_modes())).sections


# Small parts ----------------------------------------------------------------------------------------------------------


def test_few_pairs_have_whole_numbers_on_their_axis_and_a_sentence_about_more_of_them() -> None:
    few = [
        measurement(name, values[:6], baseline=name == "slow") for name, values in (("slow", STEADY), ("fast", FASTER))
    ]
    page = ReadPage(render(of_modes(measurements=tuple(few))))
    (drawing,) = page.root.xpath("//figure/svg[contains(@aria-label, 'distribution of the ratios')]")
    numbers = [text for text in drawing.xpath(".//text/text()") if re.fullmatch(r"[\d.]+", text)]
    assert numbers
    assert all(number.isdigit() for number in numbers)
    captions = [caption for name, caption in page.figures if name == "the change that a number of pairs detects"]
    assert captions == [
        "6 pairs are too few to detect anything reliably; the curve shows what more of them would detect."
    ]


def test_names_of_both_sides_stand_above_their_charts() -> None:
    root = ReadPage(render(of_environments())).root
    for label in ("of both sides in order of time", "cumulative distribution"):
        (drawing,) = root.xpath("//figure/svg[contains(@aria-label, $label)]", label=label)
        names = drawing.xpath(".//text[contains(@class, 'legend')]")
        assert [name.text for name in names] == ["old", "new"]
        top = min(float(y) for path in drawing.xpath(".//path/@d") for y in re.findall(r"[ V]([\d.]+)", path))
        assert all(float(name.get("y")) < top for name in names)
